#pragma once

#include "base/result.h"
#include "base/socket_address.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wherry::transparent {

/// Which port a socket with a client's address has.
enum class Port : std::uint8_t {
  /// The client's own, as kube-proxy keeps it: some servers and logs look at it. Of TCP, and not
  /// below 1024, since Linux 6.3 only.
  Clients,
  Any,  ///< one that is free towards the backend
};

/// Lets a socket of TCP or UDP that is neither bound nor connected come from a client's address in
/// place of this machine's (IP_TRANSPARENT; needs CAP_NET_ADMIN or CAP_NET_RAW). The replies come
/// back to it only where something brings them (steer::ReturnPath).
///
/// With the client's port the bind may fail because a process of this machine listens on that port,
/// or, of UDP, another socket of the client's has it (EADDRINUSE), and connecting, of TCP, because
/// the four numbers are in use (EADDRNOTAVAIL): then Any is worth another socket. It is not the
/// first choice, because the kernel here does not know which ports the client itself uses towards
/// the same backend.
[[nodiscard]] error_code come_from(int socket, Protocol protocol, const SocketAddress& client,
                                   Port port);

/// Why a socket has not got the client's address. The closed list of a metric's words.
enum class Failure : std::uint8_t {
  AddressInUse,  ///< the client's address and port are taken, and no other port was to be had
  NoPorts,       ///< no port was free towards the backend
  NotPermitted,  ///< the privilege is missing
  Other,
};
inline constexpr std::size_t kFailures = static_cast<std::size_t>(Failure::Other) + 1;

/// "address_in_use", ...
[[nodiscard]] std::string_view to_string(Failure failure) noexcept;
/// Of what come_from() or connect() said.
[[nodiscard]] Failure classify(const error_code& error) noexcept;
/// Whether connect() failed for its source, so that another source is worth a try.
[[nodiscard]] bool is_of_source(int connect_error) noexcept;

/// Whether this process may make such sockets of a family at all: tries. An error says why not.
[[nodiscard]] error_code try_permission(IpFamily family);

}  // namespace wherry::transparent
