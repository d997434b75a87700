#pragma once

#include "balancer/backend_table.h"
#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"

#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wherry::balancer {

/// Makes tables out of what the trackers hold. The cost of a build follows the Services that
/// changed; the result does not depend on the order in which changes came.
///
/// Control thread only. Keeps what must outlive tables: ids, counts, round robin positions.
class TableBuilder {
 public:
  /// `node_name` decides where round robin starts, so that the first connections of many nodes do
  /// not all go to the same backend.
  TableBuilder(const ServiceTracker& services, const SliceTracker& slices,
               std::string_view node_name);

  /// The table after these Services changed; the last one again if nothing that it says did.
  [[nodiscard]] std::shared_ptr<const BackendTable> build(
      const std::set<model::ObjectKey>& changed);

  [[nodiscard]] const std::shared_ptr<const BackendTable>& latest() const noexcept {
    return latest_;
  }

 private:
  [[nodiscard]] BackendTable::Entry make_entry(const ServicePort& port,
                                               const ServicePortEntry* before);
  void keep_states(std::vector<Backend>& backends, const ServicePortEntry* before) const;
  void give_picker(Decision& decision, const std::vector<Backend>& backends, const Decision* before,
                   const ServicePortEntry* before_entry, ServicePortState& state,
                   const ServicePortKey& key) const;
  [[nodiscard]] ServicePortId new_id();
  [[nodiscard]] const ServicePortEntry* find(const std::vector<ServicePortId>& ids,
                                             const ServicePortKey& key) const;

  const ServiceTracker& services_;
  const SliceTracker& slices_;
  const std::uint64_t seed_;
  std::shared_ptr<const BackendTable> latest_ = std::make_shared<const BackendTable>();
  std::unordered_map<model::ObjectKey, std::vector<ServicePortId>> ids_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t slots_ = 0;
  std::uint32_t serial_ = 0;
};

}  // namespace wherry::balancer
