#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wherry::udp {

/// Why a datagram was not passed on: a closed list (deploy/operations.md has it too).
enum class Drop : std::uint8_t {
  NoEndpoints,         ///< no backend may serve (E9); the client is told where it can be
  NoLocalEndpoints,    ///< none on this node may, and the policy is Local (E6, E7)
  SourceRanges,        ///< the client is in none of the Service's source ranges (F1)
  NoService,           ///< nobody has the address that it was sent to (any more)
  BackendRefused,      ///< nobody listens at the backend
  BackendUnreachable,  ///< there is no way to the backend, or a router said so
  BackendBusy,         ///< the backend's side takes no more at the moment
  TooLarge,            ///< larger than its family's packets can be
  ClientUnreachable,   ///< an answer that found no way to its client
  ClientBusy,          ///< an answer for which the clients' side has no room at the moment
  NoDescriptors,       ///< this process or machine has no descriptor or memory left
  NoPorts,             ///< this machine has no free source port
  Loop,                ///< the backend is the service port's own listener, or leads back to it
  QueueFull,           ///< it came faster than it was read, and the kernel has dropped it
};
inline constexpr std::size_t kDrops = static_cast<std::size_t>(Drop::QueueFull) + 1;

/// "no_endpoints", "backend_refused", ...
[[nodiscard]] std::string_view to_string(Drop drop) noexcept;

/// What socket(), connect() or send() towards a backend reported, as an errno value.
[[nodiscard]] Drop classify_backend_error(int error) noexcept;
/// What sending an answer to a client reported.
[[nodiscard]] Drop classify_client_error(int error) noexcept;

/// Why a flow ended.
enum class FlowEnd : std::uint8_t {
  IdleTimeout,     ///< nothing moved for the idle timeout
  FlowLimit,       ///< another flow needed its place, and it was the one idle for longest
  SourceLimit,     ///< the same, of a client address that had more than its part
  NotServed,       ///< no backend may serve the client any more
  ListenerClosed,  ///< its address is not served any more
  Shutdown,        ///< this process ends
};
inline constexpr std::size_t kFlowEnds = static_cast<std::size_t>(FlowEnd::Shutdown) + 1;

/// "idle_timeout", "flow_limit", ...
[[nodiscard]] std::string_view to_string(FlowEnd end) noexcept;

}  // namespace wherry::udp
