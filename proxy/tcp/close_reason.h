#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wherry::tcp {

/// Why a connection to a backend could not be made.
enum class ConnectError : std::uint8_t {
  Refused,        ///< nobody listens there
  Timeout,        ///< no answer within the connect timeout
  Unreachable,    ///< no route, or a router said so
  NoDescriptors,  ///< this process or machine has no descriptor or memory left
  NoPorts,        ///< this machine has no free source port to that backend
  Loop,           ///< it is the service port's own listener, or leads back to it
  Other,
};
inline constexpr std::size_t kConnectErrors = static_cast<std::size_t>(ConnectError::Other) + 1;

[[nodiscard]] std::string_view to_string(ConnectError error) noexcept;
/// What connect() or SO_ERROR said, as an errno value.
[[nodiscard]] ConnectError classify_connect_error(int error) noexcept;

/// Why a session ended. Each has exactly one; whose doing it was comes first.
enum class CloseReason : std::uint8_t {
  Finished,          ///< both sides closed their direction
  ClientReset,       ///< the client sent a RST
  BackendReset,      ///< the backend sent a RST
  ClientLost,        ///< the client stopped answering
  BackendLost,       ///< the backend stopped answering
  IdleTimeout,       ///< nothing moved for the idle timeout
  Shutdown,          ///< this process ended before the session did
  NoEndpoints,       ///< refused: no backend may serve
  NoLocalEndpoints,  ///< refused: no backend on this node may serve, and the policy is Local
  ProxyHeader,       ///< refused: the PROXY header that its source owes did not come, or not right
  SourceRanges,      ///< refused: the client is in none of the Service's source ranges
  NoService,         ///< refused: the Service was gone when the client was accepted
  ConnectFailed,     ///< refused: no backend that was tried could be reached
  NoDescriptors,     ///< refused: no descriptor left for the backend's side
};
inline constexpr std::size_t kCloseReasons =
    static_cast<std::size_t>(CloseReason::NoDescriptors) + 1;

/// "finished", "client_reset", "no_endpoints", ...
[[nodiscard]] std::string_view to_string(CloseReason reason) noexcept;

/// Whether the client was turned away before it reached a backend.
[[nodiscard]] bool is_refusal(CloseReason reason) noexcept;

enum class Side : std::uint8_t { Client, Backend };

/// The reason for an error that recv() or send() reported on one side's socket.
[[nodiscard]] CloseReason classify_io_error(Side side, int error) noexcept;

/// Whether the other side is told of the end with a RST: all ends but those in good order.
[[nodiscard]] bool ends_with_reset(CloseReason reason) noexcept;

}  // namespace wherry::tcp
