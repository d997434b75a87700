#pragma once

#include "balancer/annotations.h"
#include "base/socket_address.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wherry::proxy_protocol {

/// Who connected, and to which address: what a PROXY header tells of a connection (or of a
/// datagram) that somebody else took in.
struct ProxiedConnection {
  SocketAddress source;
  SocketAddress destination;

  friend bool operator==(const ProxiedConnection&, const ProxiedConnection&) = default;
};

/// No header may be longer, in bytes; the most that HAProxy takes by default too. One of version 1
/// has at most 107.
inline constexpr std::size_t kLongestProxyHeader = 16384;

/// What the first bytes of a connection are, as far as they have come.
struct ProxyHeader {
  enum class State : std::uint8_t { Whole, Incomplete, Wrong };

  State state = State::Incomplete;
  std::size_t size = 0;  ///< Whole: of the header. Incomplete: with how many bytes to ask again
  /// Whole: what it tells. Nothing where the connection's own addresses count: commands of the
  /// proxy's own (LOCAL), and what is unknown to it (UNKNOWN, UNSPEC) or no TCP over IP.
  std::optional<ProxiedConnection> connection;
  std::string_view wrong;  ///< Wrong: what is
};

/// Reads a header of version 1 or 2, strictly: whoever owes one and does not send it, or sends
/// another thing, is no peer to believe. TLVs are skipped, but for a checksum, which must be right.
/// Pure. Source of the rules: haproxy.org, proxy-protocol.txt, sections 2.1, 2.2.
[[nodiscard]] ProxyHeader read_proxy_header(std::span<const std::byte> bytes);

/// A header that tells of `connection`. Addresses of two families are written as IPv6 both, the
/// IPv4 one mapped, because a header has one family. Precondition: `version` is not None. Pure.
[[nodiscard]] std::string write_proxy_header(balancer::ProxyProtocol version,
                                             const ProxiedConnection& connection);

/// The same of a datagram, in version 2, where such a header stands before the payload (section
/// 2.2: DGRAM). Version 1 has no word for it. 28 bytes of IPv4, 52 of IPv6. Pure.
[[nodiscard]] std::string write_datagram_proxy_header(const ProxiedConnection& connection);

}  // namespace wherry::proxy_protocol
