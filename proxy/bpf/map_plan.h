#pragma once

#include "proxy/bpf/kernel_steering.h"
#include "proxy/bpf/map_image.h"
#include "proxy/bpf/source_lists.h"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace wherry::bpf {

/// From what the kernel's maps hold and what is wanted to the steps between: what is pointed at is
/// there before it is pointed to, and is pointed to no more before it goes. So whoever asks in
/// between gets what was said before, or what is said from now on, and nobody whose destination did
/// not change notices anything. The number of steps follows the change.
///
/// Pure: it opens nothing; whoever runs the steps says how each went.
class MapPlan {
 public:
  struct Refusal {
    Destination destination;
    std::string text;  ///< what is wrong with it, and the remedy
  };
  struct Plan {
    std::vector<MapStep> steps;    ///< in this order
    std::vector<Refusal> refused;  ///< of the change's `set`; nothing is known of them afterwards
  };

  /// `in_kernel`: what somebody has left. The first change says all that is wanted.
  explicit MapPlan(MapImage in_kernel = {});

  /// Precondition of the first call: the change has a scope.
  [[nodiscard]] Plan plan(const SteerChange& change);

  /// How a step went; until then the kernel counts as unchanged. What failed is part of the next
  /// plan.
  void done(const MapStep& step);
  void failed(const MapStep& step);

  [[nodiscard]] const MapImage& in_kernel() const noexcept { return image_; }
  /// How many destinations are wanted.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  /// A port or a range among those of an address. In this order the first that fits counts.
  struct Ports {
    std::uint16_t length = 0;  ///< last - first
    std::uint16_t first = 0;
    std::uint8_t flags = 0;  ///< LB_UDP or 0
    friend auto operator<=>(const Ports&, const Ports&) = default;
  };
  struct Target {
    SourceLists::Id sources = 0;
    std::uint8_t verdicts = 0;
  };
  using Targets = std::map<Ports, Target>;
  using AddressKey = std::string;  ///< the bytes of an lb_address
  struct Stages;
  static const Ports kShortestRange;

  using Port = std::pair<std::uint16_t, std::uint8_t>;  ///< and LB_UDP or 0

  [[nodiscard]] std::optional<std::string> too_many_ranges(const Destination& destination) const;
  void set(const Destination& destination, const Steered& steered);
  void erase(const Destination& destination);
  void put(Stages& stages, int stage, MapId map, std::string key, std::string value) const;
  void remove(Stages& stages, int stage, MapId map, const std::string& key) const;
  void plan_address(const AddressKey& address, const std::set<Port>& touched, Stages& stages) const;
  /// The flags with which the address leads to its ranges.
  std::uint8_t plan_ranges(const AddressKey& address, const Targets& ranges, Stages& stages) const;
  void plan_scope(Stages& stages) const;
  void plan_lists(Stages& stages);
  static Ports ports_of(const Destination& destination);
  void touch(const AddressKey& address, const Ports& ports);
  void touch(MapId map, const std::string& key);
  void touch_everything();

  MapImage image_;  ///< what the kernel has
  std::unordered_map<AddressKey, Targets> wanted_;
  std::size_t size_ = 0;
  std::optional<SteerScope> scope_;
  SourceLists lists_;
  /// Addresses that may differ from the image, and which of their ports, ranges apart.
  std::map<AddressKey, std::set<Port>> touched_;
  std::set<SourceLists::Id> touched_lists_;  ///< lists in use that may differ from it
  bool scope_touched_ = true;
};

}  // namespace wherry::bpf
