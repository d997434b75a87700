#pragma once

#include "base/ip_address.h"

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace wherry {

enum class Protocol : std::uint8_t { TCP, UDP, SCTP };

/// "TCP", "UDP" or "SCTP", as Kubernetes spells them.
[[nodiscard]] std::string_view to_string(Protocol protocol) noexcept;
[[nodiscard]] std::optional<Protocol> parse_protocol(std::string_view text) noexcept;

struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  /// "127.0.0.1:80" or "[::1]:80".
  [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text) noexcept;
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) noexcept = default;
};

/// A decimal port, 0 to 65535.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

}  // namespace wherry

template <>
struct std::hash<wherry::SocketAddress> {
  std::size_t operator()(const wherry::SocketAddress& address) const noexcept {
    return std::hash<wherry::IpAddress>{}(address.ip) * 31 + address.port;
  }
};
