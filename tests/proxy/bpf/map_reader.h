#pragma once

#include "proxy/bpf/map_image.h"
#include "tests/proxy/bpf/naive_steering.h"

#include <cstdint>
#include <optional>
#include <string>

namespace wherry::bpf {

/// What program/steer.bpf.c answers, by the content of the maps: the same steps on plain maps, so
/// that plans can be looked at without a kernel. steer_program_test.cpp asks the program itself.
class MapReader {
 public:
  explicit MapReader(const MapImage& image) : image_(image) {}

  [[nodiscard]] Answer ask(const Question& question) const {
    const IpAddress any = IpAddress::any(question.address.family());
    if (const auto found = find(question, question.address)) return act(*found, question);
    std::uint32_t own = LB_NODE_PORT_ADDRESS;
    if (!question.address.is_loopback()) own = address(question.address);
    if ((own & LB_NODE_PORT_ADDRESS) != 0) {
      if (const auto found = find(question, any)) return act(*found, question);
    }
    if (own != 0) return Answer::Pass;
    if (vip(question.address)) return Answer::Reject;
    return in(MapId::Scopes, LB_SERVICE_CIDRS, question.address) ? Answer::Drop : Answer::Pass;
  }

 private:
  struct Target {
    std::uint32_t sources;
    std::uint8_t verdicts;
  };

  template <class T>
  [[nodiscard]] std::optional<T> element(MapId map, const std::string& key) const {
    const auto found = image_[map].find(key);
    if (found == image_[map].end()) return std::nullopt;
    return from_bytes<T>(found->second);
  }
  [[nodiscard]] std::optional<lb_vip> vip(const IpAddress& ip) const {
    return element<lb_vip>(MapId::Vips, bytes_of(to_lb(ip)));
  }
  [[nodiscard]] std::uint32_t address(const IpAddress& ip) const {
    return element<std::uint32_t>(MapId::Addresses, bytes_of(to_lb(ip))).value_or(0);
  }
  [[nodiscard]] bool in(MapId map, std::uint32_t list, const IpAddress& ip) const {
    const std::string asked = bytes_of(to_lb(Cidr::of(ip), list));
    for (const auto& [key, value] : image_[map]) {
      if (is_in(asked, key, from_bytes<lb_prefix>(key).length)) return true;
    }
    return false;
  }
  /// Whether the first bits of both are the same, as the kernel's tables of prefixes look at them:
  /// behind the length.
  static bool is_in(const std::string& asked, const std::string& key, std::uint32_t bits) {
    const std::size_t whole = bits / 8;
    const std::size_t begin = sizeof(std::uint32_t);
    if (asked.compare(begin, whole, key, begin, whole) != 0) return false;
    const unsigned rest = bits % 8;
    if (rest == 0) return true;
    const auto last = [&](const std::string& bytes) {
      return static_cast<unsigned char>(bytes[begin + whole]) >> (8 - rest);
    };
    return last(asked) == last(key);
  }

  [[nodiscard]] std::optional<Target> find(const Question& question, const IpAddress& at) const {
    const auto there = vip(at);
    if (!there) return std::nullopt;
    const std::uint8_t udp = question.protocol == Protocol::UDP ? LB_UDP : 0;
    for (const lb_slot& slot : there->slots) {
      if (slot.port == question.port && (slot.flags & LB_UDP) == udp) {
        return Target{slot.sources, slot.verdicts};
      }
    }
    const std::uint8_t flags = there->slots[0].flags;
    if ((flags & LB_MORE_PORTS) != 0) {
      lb_port_key key{};
      key.address = to_lb(at);
      key.port = question.port;
      key.flags = udp;
      if (const auto found = element<lb_target>(MapId::Ports, bytes_of(key))) {
        return Target{found->sources, found->verdicts};
      }
    }
    if ((flags & LB_RANGES) == 0) return std::nullopt;
    const std::uint32_t second = (flags & LB_SECOND_RANGES) != 0 ? 1 : 0;
    const lb_ranges_key key{to_lb(at), second};
    const auto ranges = element<lb_ranges>(MapId::Ranges, bytes_of(key));
    if (!ranges) return std::nullopt;
    for (const lb_range& range : ranges->range) {
      if (range.first == 0) break;
      if (question.port >= range.first && question.port <= range.last &&
          (range.flags & LB_UDP) == udp) {
        return Target{range.sources, range.verdicts};
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] Answer act(const Target& target, const Question& question) const {
    int kind = LB_OUTSIDE;
    if (question.client.is_loopback() || question.client == question.address ||
        question.interface == 1 || (address(question.client) & LB_NODE_ADDRESS) != 0) {
      kind = LB_NODE;
    } else if (image_[MapId::Interfaces].contains(bytes_of(std::uint32_t{question.interface})) ||
               in(MapId::Scopes, LB_POD_CIDRS, question.client)) {
      kind = LB_POD;
    }
    switch ((target.verdicts >> (kind * LB_VERDICT_BITS)) & LB_VERDICT_MASK) {
      case LB_REJECT:
        return Answer::Reject;
      case LB_DROP:
        return Answer::Drop;
      default:
        break;
    }
    const bool may = target.sources == 0 || in(MapId::Sources, target.sources, question.client);
    return may ? Answer::Forward : Answer::Drop;
  }

  const MapImage& image_;
};

}  // namespace wherry::bpf
