#pragma once

#include "balancer/backend_table.h"

#include <cstdint>
#include <string_view>

namespace wherry::balancer {

/// Gives decisions their pickers, and lets a picker's position outlive its list of backends.
///
/// Owned by TableBuilder. Control thread only.
class PickerKeeper {
 public:
  /// `node_name` decides where round robin starts, so that the first connections of many nodes do
  /// not all go to the same backend.
  explicit PickerKeeper(std::string_view node_name);

  /// Puts a picker into every decision of `entry` that forwards. `before` is the same service port
  /// in the last table; null if it is new.
  void give_pickers(ServicePortEntry& entry, const ServicePortEntry* before) const;

 private:
  void give_picker(Decision& decision, const ServicePortEntry& entry, const Decision* before,
                   const ServicePortEntry* before_entry) const;

  const std::uint64_t seed_;
};

}  // namespace wherry::balancer
