#include "balancer/port_range.h"

namespace wherry::balancer {

std::optional<PortRange> PortRange::parse(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_port(text.substr(0, dash));
  const auto last = parse_port(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last <= *first) return std::nullopt;
  return PortRange{*first, *last};
}

std::string PortRange::to_string() const {
  return first == last ? std::to_string(first) : std::to_string(first) + '-' + std::to_string(last);
}

std::optional<SocketAddress> backend_of_range(const SocketAddress& backend, std::uint16_t declared,
                                              std::uint16_t asked) noexcept {
  const int port = int{backend.port} + int{asked} - int{declared};
  if (port < 1 || port > 65535) return std::nullopt;
  return SocketAddress{backend.ip, static_cast<std::uint16_t>(port)};
}

}  // namespace wherry::balancer
