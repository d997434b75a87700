#include "proxy/steer/node_socket.h"

#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <optional>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace wherry::steer {
namespace {

/// Who has the name may let go of it between two steps; hardly so often.
constexpr int kTries = 8;

struct Address {
  sockaddr_un raw{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&raw);
  }
};

Address node_address() {
  Address made;
  made.raw.sun_family = AF_UNIX;
  const std::string_view name(kNodeSocketName);
  std::copy(name.begin(), name.end(), made.raw.sun_path + 1);
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return made;
}

UniqueFd open_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

NodeSocketUnusable unusable(int error) { return {std::strerror(error)}; }

bool is_believed(uid_t user) { return user == 0 || user == ::geteuid(); }

NodeSocketUnusable not_believed(uid_t user) {
  return {"user " + std::to_string(user) + " has it, who is neither root nor this process's"};
}

struct Listed {
  bool is_known = false;      ///< the kernel has such a list (Linux 5.3)
  std::optional<uid_t> user;  ///< none: nobody has the name any more
};

/// Whose the socket of this name is, by the kernel's list. For when it takes no connection: it does
/// not listen yet, or so many have asked, whom nobody accepts, that its queue is full.
Listed listed_user() {
  unix_diag_req what{};
  what.sdiag_family = AF_UNIX;
  what.udiag_states = 1u << TCP_LISTEN | 1u << TCP_CLOSE;
  what.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID;
  NetlinkRequest request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
  request.fixed(what);
  NetlinkSocket netlink(NETLINK_SOCK_DIAG);
  const auto answers = netlink.ask(std::move(request));
  Listed found;
  if (!answers) return found;
  found.is_known = true;
  const std::string name = '\0' + std::string(kNodeSocketName);
  answers->each(SOCK_DIAG_BY_FAMILY, [&](const NetlinkAnswer& answer) {
    const auto attributes = answer.attributes<unix_diag_msg>();
    const auto listed = attributes.find(UNIX_DIAG_NAME);
    const auto user = attributes.find(UNIX_DIAG_UID);
    if (!listed) return;
    const std::span<const std::byte> bytes = listed->bytes();
    if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == name) {
      found.is_known = user.has_value();
      if (user) found.user = user->number();
    }
  });
  return found;
}

}  // namespace

std::variant<UniqueFd, NodeSocketHolder, NodeSocketUnusable> take_node_socket() {
  const Address address = node_address();
  for (int tried = 0; tried < kTries; ++tried) {
    UniqueFd ours = open_socket();
    if (!ours) return unusable(errno);
    if (::bind(ours.get(), address.get(), address.size) == 0) {
      if (::listen(ours.get(), SOMAXCONN) != 0) return unusable(errno);
      return ours;
    }
    if (errno != EADDRINUSE) return unusable(errno);
    const UniqueFd asking = open_socket();
    if (!asking) return unusable(errno);
    if (::connect(asking.get(), address.get(), address.size) == 0) {
      // Of when it began to listen: what has become of the process since then is no matter.
      ucred holder{};
      socklen_t size = sizeof holder;
      if (::getsockopt(asking.get(), SOL_SOCKET, SO_PEERCRED, &holder, &size) != 0) {
        return unusable(errno);
      }
      if (!is_believed(holder.uid)) return not_believed(holder.uid);
      return NodeSocketHolder{holder.pid};
    }
    if (errno != EAGAIN && errno != ECONNREFUSED) return unusable(errno);
    const Listed listed = listed_user();
    if (!listed.is_known) break;
    if (!listed.user) continue;
    if (!is_believed(*listed.user)) return not_believed(*listed.user);
    return NodeSocketHolder{};
  }
  return NodeSocketUnusable{"who has it takes no connection, and can't be told"};
}

}  // namespace wherry::steer
