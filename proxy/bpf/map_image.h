#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "proxy/bpf/program/lb_types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace wherry::bpf {

/// The maps that a plan is about; the names that they have in the program are map_name()'s.
enum class MapId : std::uint8_t { Vips, Ports, Ranges, Addresses, Interfaces, Scopes, Sources };
inline constexpr std::size_t kMaps = static_cast<std::size_t>(MapId::Sources) + 1;

[[nodiscard]] std::string_view map_name(MapId map) noexcept;

/// The content of the maps: keys and values as the bytes that the kernel has.
class MapImage {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;

  [[nodiscard]] Map& operator[](MapId map) { return maps_[static_cast<std::size_t>(map)]; }
  [[nodiscard]] const Map& operator[](MapId map) const {
    return maps_[static_cast<std::size_t>(map)];
  }

 private:
  std::array<Map, kMaps> maps_;
};

/// One step: an element that is put (made or replaced at once, as the kernel does it) or erased.
struct MapStep {
  MapId map = MapId::Vips;
  std::string key;
  std::optional<std::string> value;  ///< none: erased

  friend bool operator==(const MapStep&, const MapStep&) = default;
};

/// What a step is about, for the log: "vips 10.96.0.1".
[[nodiscard]] std::string to_string(const MapStep& step);

template <class T>
[[nodiscard]] std::string bytes_of(const T& value) {
  static_assert(std::has_unique_object_representations_v<T>, "padding would be part of a key");
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// Precondition: the bytes are of a T.
template <class T>
[[nodiscard]] T from_bytes(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

[[nodiscard]] lb_address to_lb(const IpAddress& address);
[[nodiscard]] IpAddress from_lb(const lb_address& address);
[[nodiscard]] lb_prefix to_lb(const Cidr& block, std::uint32_t list);
/// The block, without its list; none where the bytes make no sense.
[[nodiscard]] std::optional<Cidr> block_of(const lb_prefix& prefix);

}  // namespace wherry::bpf
