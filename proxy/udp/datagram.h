#pragma once

#include "base/socket_address.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace wherry::udp {

/// A datagram between a client and the address that it asked, in either direction.
///
/// Borrows its bytes: they are gone when the buffer they lie in is used again.
struct Datagram {
  SocketAddress client;
  SocketAddress asked;      ///< the service port's address as the client knows it
  std::uint32_t scope = 0;  ///< interface of a link-local client; 0: none
  /// That it came in by; 0: not known. That of loopback is what this machine itself has sent.
  std::uint32_t interface = 0;
  std::span<const std::byte> bytes;
  /// Several datagrams in one buffer, of so much each (the last may be shorter), as the kernel
  /// joins and splits them (UDP_GRO, UDP_SEGMENT). 0: it is one.
  std::size_t segment = 0;

  /// How many it is on the wire.
  [[nodiscard]] std::size_t count() const noexcept {
    return segment == 0 ? 1 : (bytes.size() + segment - 1) / segment;
  }
  /// One of them by itself. Precondition: index < count().
  [[nodiscard]] Datagram one(std::size_t index) const noexcept {
    Datagram alone = *this;
    if (segment == 0) return alone;
    const std::size_t at = index * segment;
    alone.bytes = bytes.subspan(at, std::min(segment, bytes.size() - at));
    alone.segment = 0;
    return alone;
  }
};

}  // namespace wherry::udp
