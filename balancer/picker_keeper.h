#pragma once

#include "balancer/backend_table.h"
#include "base/clock.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace wherry::balancer {

/// Gives decisions their pickers: the algorithm that the Service asks for, weights, slow start,
/// affinity. Lets what pickers know outlive their lists of backends (PickerMemory).
///
/// Owned by TableBuilder. Control thread only.
class PickerKeeper {
 public:
  /// `node_name` decides where round robin starts, so that the first connections of many nodes do
  /// not all go to the same backend.
  explicit PickerKeeper(std::string_view node_name);

  /// Puts a picker into every decision of `entry` that forwards. `before` is the same service port
  /// in the last table; null if it is new. A picker stays as long as nothing that it chooses by
  /// changes.
  void give_pickers(ServicePortEntry& entry, const ServicePortEntry* before, TimePoint now);

  /// When weights change next because time passes; nothing while none will.
  [[nodiscard]] std::optional<TimePoint> next_due() const;
  /// The Services whose weights have changed by now; each once.
  [[nodiscard]] std::set<model::ObjectKey> take_due(TimePoint now);

 private:
  void keep_affinity(const ServicePortEntry& entry, bool is_new) const;
  [[nodiscard]] std::vector<std::uint32_t> slow_start_steps(ServicePortEntry& entry, TimePoint now);
  void give_picker(Decision& decision, const ServicePortEntry& entry, const Decision* before,
                   const ServicePortEntry* before_entry,
                   const std::vector<std::uint32_t>& steps) const;
  [[nodiscard]] std::shared_ptr<Picker> make_picker(const Decision& decision,
                                                    const ServicePortEntry& entry,
                                                    std::vector<std::uint32_t> weights,
                                                    std::size_t start) const;

  const std::uint64_t seed_;
  std::map<ServicePortKey, TimePoint> due_;  ///< of service ports with backends that are new
};

}  // namespace wherry::balancer
