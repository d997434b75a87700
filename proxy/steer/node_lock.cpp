#include "proxy/steer/node_lock.h"

#include "base/log.h"
#include "base/quoted.h"
#include "base/read_file.h"
#include "proxy/steer/node_socket.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wherry::steer {
namespace {

/// SO_NETNS_COOKIE (Linux 5.14), which older headers lack.
constexpr int kNetworkCookie = 71;

error_code last_error() { return {errno, boost::system::system_category()}; }

NodeLockRefusal unusable(const std::string& path, const error_code& error) {
  return {false,
          "the lock file " + wherry::quoted(path) + " can't be used: " + error.message() +
              "; give wherry a folder to write to with --run-dir",
          {}};
}

NodeLockRefusal taken(const std::string& owner, const std::string& what) {
  const std::string holder = owner + "; it holds " + what;
  return {true,
          "another wherry steers this node's network namespace already (" + holder +
              "): stop it first, or run this one with --steering bind",
          holder};
}

/// Who holds the lock, in its own words: the file says "pid PID on HOST, since TIME".
NodeLockRefusal file_taken(const std::string& path) {
  const auto words = read_file(path, 1024);
  std::string owner = words ? printable(*words) : std::string();
  if (owner.empty()) owner = "which has not said its name yet";
  return taken(owner, wherry::quoted(path));
}

NodeLockRefusal socket_taken(const NodeSocketHolder& holder) {
  const std::string owner =
      holder.pid > 0 ? "pid " + std::to_string(holder.pid)
                     : std::string("in another container: its pid can't be told from here");
  return taken(owner, "the abstract socket @" + std::string(kNodeSocketName));
}

/// Whether the path still names the file: a predecessor removes it when it lets go.
bool is_named(int fd, const std::string& path) {
  struct stat by_fd{};
  struct stat by_path{};
  return ::fstat(fd, &by_fd) == 0 && ::stat(path.c_str(), &by_path) == 0 &&
         by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev;
}

}  // namespace

Result<NetworkNamespace> own_network_namespace() {
  struct stat status{};
  // The thread's, which tests move to a namespace of its own.
  if (::stat("/proc/thread-self/ns/net", &status) != 0) return last_error();
  NetworkNamespace found;
  found.inode = status.st_ino;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  socklen_t size = sizeof found.cookie;
  if (!fd || ::getsockopt(fd.get(), SOL_SOCKET, kNetworkCookie, &found.cookie, &size) != 0) {
    found.cookie = 0;
  }
  return found;
}

std::variant<NodeLock, NodeLockRefusal> NodeLock::take(const std::string& run_dir,
                                                       const NetworkNamespace& node,
                                                       const NodeOwner& self) {
  const std::string path = run_dir + "/netns-" + std::to_string(node.inode) + ".lock";
  std::error_code ignored;  // opening says better what is wrong
  std::filesystem::create_directories(run_dir, ignored);
  for (;;) {
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) return unusable(path, last_error());
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return file_taken(path);
      return unusable(path, last_error());
    }
    if (!is_named(file.get(), path)) continue;
    const std::string words = "pid " + std::to_string(self.pid) +
                              (self.host.empty() ? "" : " on " + self.host) + ", since " +
                              self.started;
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), words.data(), words.size(), 0) != static_cast<ssize_t>(words.size())) {
      return unusable(path, last_error());
    }
    NodeLock lock(std::move(file), path);
    auto socket = take_node_socket();
    if (const auto* holder = std::get_if<NodeSocketHolder>(&socket)) return socket_taken(*holder);
    if (const auto* why = std::get_if<NodeSocketUnusable>(&socket)) {
      log::warn("whether a wherry with another --run-dir steers this node can't be told",
                {{"socket", "@" + std::string(kNodeSocketName)},
                 {"reason", why->reason},
                 {"remedy", "let nobody else take that name; ss -xlp shows who has it"}});
    } else {
      lock.socket_ = std::move(std::get<UniqueFd>(socket));
    }
    return lock;
  }
}

NodeLock::~NodeLock() {
  // While it is still locked: who opens it afterwards makes a new one.
  if (file_) ::unlink(path_.c_str());
}

}  // namespace wherry::steer
