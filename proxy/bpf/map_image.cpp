#include "proxy/bpf/map_image.h"

#include "base/socket_address.h"

#include <algorithm>
#include <span>

namespace wherry::bpf {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::array<std::uint8_t, 16> raw(const lb_address& address) {
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &address, sizeof bytes);
  return bytes;
}

}  // namespace

std::string_view map_name(MapId map) noexcept {
  constexpr std::array<std::string_view, kMaps> names{"vips",       "ports",  "ranges", "addresses",
                                                      "interfaces", "scopes", "sources"};
  return names[static_cast<std::size_t>(map)];
}

lb_address to_lb(const IpAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  const auto given = address.bytes();
  if (given.size() == 4) std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  std::copy(given.begin(), given.end(), bytes.end() - static_cast<std::ptrdiff_t>(given.size()));
  lb_address lb{};
  std::memcpy(&lb, bytes.data(), sizeof lb);
  return lb;
}

IpAddress from_lb(const lb_address& address) {
  const auto bytes = raw(address);
  const bool is_ipv4 = std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
  return IpAddress::from_bytes(std::span(bytes).subspan(is_ipv4 ? 12 : 0));
}

lb_prefix to_lb(const Cidr& block, std::uint32_t list) {
  const bool is_ipv4 = block.family() == IpFamily::IPv4;
  lb_prefix prefix{};
  prefix.length = static_cast<std::uint32_t>(block.prefix_length()) + LB_PREFIX_BITS +
                  (is_ipv4 ? LB_IPV4_BITS : 0);
  prefix.list = is_ipv4 ? list : list | LB_LIST_IPV6;
  prefix.address = to_lb(block.base());
  return prefix;
}

std::optional<Cidr> block_of(const lb_prefix& prefix) {
  const bool is_ipv4 = (prefix.list & LB_LIST_IPV6) == 0;
  const std::uint32_t before = LB_PREFIX_BITS + (is_ipv4 ? LB_IPV4_BITS : 0);
  const auto bytes = raw(prefix.address);
  const IpAddress base = IpAddress::from_bytes(std::span(bytes).subspan(is_ipv4 ? 12 : 0));
  if (prefix.length < before || prefix.length > LB_PREFIX_BITS + LB_ADDRESS_BITS) return {};
  return Cidr::parse(base.to_string() + '/' + std::to_string(prefix.length - before));
}

std::string to_string(const MapStep& step) {
  std::string text(map_name(step.map));
  text += ' ';
  switch (step.map) {
    case MapId::Vips:
    case MapId::Ranges:
    case MapId::Addresses:
      return text + from_lb(from_bytes<lb_address>(step.key)).to_string();
    case MapId::Ports: {
      const auto key = from_bytes<lb_port_key>(step.key);
      return text + ((key.flags & LB_UDP) != 0 ? "UDP " : "TCP ") +
             SocketAddress{from_lb(key.address), key.port}.to_string();
    }
    case MapId::Interfaces:
      return text + std::to_string(from_bytes<std::uint32_t>(step.key));
    case MapId::Scopes:
    case MapId::Sources: {
      const auto block = block_of(from_bytes<lb_prefix>(step.key));
      return text + (block ? block->to_string() : "?");
    }
  }
  return text;
}

}  // namespace wherry::bpf
