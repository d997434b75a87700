#pragma once

#include "base/socket_address.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Headers that the kernel does not make for us: of datagrams and of errors from addresses that no
/// socket is bound to. Pure.
namespace wherry::udp {

inline constexpr std::size_t kUdpHeader = 8;
/// What an IP packet can carry beside a UDP header: 65,535 less the headers (of IPv6 only UDP's:
/// its length field does not count the IP header).
inline constexpr std::size_t kMostPayloadV4 = 65'507;
inline constexpr std::size_t kMostPayloadV6 = 65'527;

/// The Internet checksum (RFC 1071) over bytes that follow each other; a block before the last one
/// must have an even length.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) noexcept;
  void add(std::uint16_t word) noexcept { sum_ += word; }
  [[nodiscard]] std::uint16_t finish() const noexcept;

 private:
  std::uint64_t sum_ = 0;  ///< of words in network order, read as numbers
};

/// The header of a datagram, with its checksum (RFC 768; RFC 8200, 8.1). Both addresses have one
/// family.
[[nodiscard]] std::array<std::byte, kUdpHeader> udp_header(const SocketAddress& from,
                                                           const SocketAddress& to,
                                                           std::span<const std::byte> payload);

/// Why a datagram came to no one, as ICMP says it.
enum class Unreachable : std::uint8_t {
  Port,  ///< nobody listens (RFC 792 type 3 code 3; RFC 4443 type 1 code 4)
  Host,  ///< there is no way (type 3 code 1; type 1 code 3)
};

/// The ICMP or ICMPv6 message about a datagram of `size` payload bytes that `client` sent to
/// `asked`: type, code, and the headers of the datagram, by which the client's kernel finds its
/// socket. ICMPv6's checksum is left to the kernel, which makes it for raw sockets (RFC 3542, 3.1).
[[nodiscard]] std::vector<std::byte> unreachable_message(Unreachable what,
                                                         const SocketAddress& client,
                                                         const SocketAddress& asked,
                                                         std::size_t size);

}  // namespace wherry::udp
