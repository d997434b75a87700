#include "proxy/app/descriptor_limit.h"

#include <algorithm>
#include <sys/resource.h>

namespace wherry::app {

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

std::uint64_t sessions_within(std::uint64_t descriptors, std::size_t workers,
                              std::size_t listening_sockets) {
  // Standard streams, logs, inotify, netlink, manifests being read, and 64 admin clients; each
  // loop has an epoll, an event and a timer descriptor.
  constexpr std::uint64_t kProcess = 96;
  constexpr std::uint64_t kLoop = 4;
  const std::uint64_t reserved = kProcess + kLoop * (workers + 2) + listening_sockets;
  // A process that has hardly any descriptors still serves a few: running out is survived.
  constexpr std::uint64_t kFewest = 4;
  return descriptors < reserved + 2 * kFewest ? kFewest : (descriptors - reserved) / 2;
}

}  // namespace wherry::app
