#include "proxy/app/descriptor_limit.h"

#include <algorithm>

namespace wherry::app {
namespace {

/// Each loop has an epoll, an event and a timer descriptor.
constexpr std::uint64_t kLoop = 4;
/// Standard streams, inotify, netlink, signals, the admin port, a manifest that is read.
constexpr std::uint64_t kLeast = 24;

/// The same with logs and 64 admin clients; less where that would be most of what there is.
std::uint64_t process_share(std::uint64_t descriptors) {
  return std::clamp<std::uint64_t>(descriptors / 4, kLeast, 96);
}

}  // namespace

std::uint64_t descriptors_to_start(std::size_t workers) { return kLeast + kLoop * (workers + 2); }

std::size_t listening_within(std::uint64_t descriptors, std::size_t workers) {
  const std::uint64_t reserved = process_share(descriptors) + kLoop * (workers + 2);
  constexpr std::uint64_t kSessions = 2 * 64;
  constexpr std::size_t kFewest = 4;
  return descriptors < reserved + kSessions + kFewest
             ? kFewest
             : static_cast<std::size_t>(descriptors - reserved - kSessions);
}

std::uint64_t sessions_within(std::uint64_t descriptors, std::size_t workers,
                              std::size_t listening_sockets) {
  const std::uint64_t reserved =
      process_share(descriptors) + kLoop * (workers + 2) + listening_sockets;
  // A process that has hardly any descriptors still serves a few: running out is survived.
  constexpr std::uint64_t kFewest = 4;
  return descriptors < reserved + 2 * kFewest ? kFewest : (descriptors - reserved) / 2;
}

std::uint64_t flows_within(std::uint64_t descriptors, std::size_t workers,
                           std::size_t listening_sockets, std::uint64_t ephemeral_ports) {
  const std::uint64_t reserved =
      process_share(descriptors) + kLoop * (workers + 2) + listening_sockets;
  constexpr std::uint64_t kFewest = 4;
  if (descriptors < reserved + 4 * kFewest) return kFewest;
  return std::max(kFewest, std::min((descriptors - reserved) / 4, ephemeral_ports / 2));
}

}  // namespace wherry::app
