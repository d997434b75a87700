#include "tests/support/net_namespace.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace wherry::test {
namespace {

UniqueFd this_namespace() {
  return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void enter(const UniqueFd& space) {
  if (::setns(space.get(), CLONE_NEWNET) != 0) fail("a network namespace can't be entered");
}

}  // namespace

std::string why_no_namespace() {
  const UniqueFd before = this_namespace();
  if (::unshare(CLONE_NEWNET) == 0) {
    enter(before);
    return {};
  }
  std::string why =
      std::string("no network namespace can be made (needs root): ") + std::strerror(errno);
  const char* const ci = std::getenv("WHERRY_CI");
  if (ci != nullptr && std::string_view(ci) == "1") throw std::runtime_error(why);
  return why;
}

NetNamespace::NetNamespace() {
  const UniqueFd before = this_namespace();
  if (::unshare(CLONE_NEWNET) != 0) fail("no network namespace can be made");
  fd_ = this_namespace();
  enter(before);
  ip("link set lo up");
}

std::string NetNamespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
}

void NetNamespace::ip(const std::string& arguments) const {
  const Inside inside(*this);
  FILE* const output = ::popen(("ip " + arguments + " 2>&1").c_str(), "re");
  if (output == nullptr) fail("ip can't be run");
  std::string said;
  std::array<char, 512> some{};
  while (std::fgets(some.data(), some.size(), output) != nullptr) said += some.data();
  if (::pclose(output) != 0) throw std::runtime_error("ip " + arguments + ": " + said);
}

NetNamespace::Inside::Inside(const NetNamespace& space) : before_(this_namespace()) {
  enter(space.fd_);
}

NetNamespace::Inside::~Inside() {
  // A thread that went on in the wrong namespace would test, or change, the wrong thing.
  if (::setns(before_.get(), CLONE_NEWNET) != 0) std::abort();
}

}  // namespace wherry::test
