#pragma once

#include "base/socket_address.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::balancer {

/// Ports that stand together, both ends included. One port is a range as well.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  /// "30000-30100": two ports from 1 on, the second greater than the first. Nothing for what is
  /// no such range.
  [[nodiscard]] static std::optional<PortRange> parse(std::string_view text);
  [[nodiscard]] static PortRange of(std::uint16_t port) noexcept { return {port, port}; }

  [[nodiscard]] bool contains(std::uint16_t port) const noexcept {
    return first <= port && port <= last;
  }
  [[nodiscard]] bool overlaps(const PortRange& other) const noexcept {
    return first <= other.last && other.first <= last;
  }
  /// "30000-30100", or "80" for one port.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

/// Where a client is connected to that asked for one port of a range: as far from the backend's
/// port as `asked` is from `declared`, the number that the Service names. So a port keeps its
/// number where targetPort does not map it (SIP and RTP name ports in their messages). Nothing
/// where that is no port. Pure.
[[nodiscard]] std::optional<SocketAddress> backend_of_range(const SocketAddress& backend,
                                                            std::uint16_t declared,
                                                            std::uint16_t asked) noexcept;

}  // namespace wherry::balancer
