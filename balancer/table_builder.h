#pragma once

#include "balancer/backend_table.h"
#include "balancer/picker_keeper.h"
#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "base/clock.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
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
  /// not all go to the same backend. `most_backends` bounds the whole table: service ports times
  /// endpoints can be far more than what was written down. A service port that does not fit has
  /// no backends, until others go.
  TableBuilder(const ServiceTracker& services, const SliceTracker& slices,
               std::string_view node_name,
               std::size_t most_backends = std::numeric_limits<std::size_t>::max());

  /// The node that decisions are made for, from the next build() on. Another name or zone than
  /// before means that every Service is looked at once more.
  void set_node(NodeView node);

  /// The table after these Services changed; the last one again if nothing that it says did.
  /// Weights that change because time passes (slow start) are part of it: `now` is the time, and
  /// next_due() says when there is something to build though nothing else has changed.
  [[nodiscard]] std::shared_ptr<const BackendTable> build(const std::set<model::ObjectKey>& changed,
                                                          TimePoint now = {});
  [[nodiscard]] std::optional<TimePoint> next_due() const { return pickers_.next_due(); }

  [[nodiscard]] const std::shared_ptr<const BackendTable>& latest() const noexcept {
    return latest_;
  }
  /// Service ports that did not fit.
  [[nodiscard]] const std::set<ServicePortKey>& over_limit() const noexcept { return over_limit_; }

 private:
  void rebuild(const model::ObjectKey& service, std::optional<TableDraft>& draft);
  void rebuild_others(const std::set<model::ObjectKey>& rebuilt, std::optional<TableDraft>& draft);
  [[nodiscard]] BackendTable::Entry make_entry(const ServicePort& port,
                                               const ServicePortEntry* before);
  static void keep_states(std::vector<Backend>& backends, const ServicePortEntry* before,
                          ServicePortState& state);
  [[nodiscard]] std::shared_ptr<ServicePortState> new_state(const ServicePortKey& key);
  void depart(const ServicePortEntry& gone);
  [[nodiscard]] ServicePortId new_id();
  [[nodiscard]] const ServicePortEntry* find(const std::vector<ServicePortId>& ids,
                                             const ServicePortKey& key) const;

  const ServiceTracker& services_;
  const SliceTracker& slices_;
  PickerKeeper pickers_;
  std::shared_ptr<const NodeView> node_;
  const std::size_t most_backends_;
  TimePoint now_{};           ///< of this build
  std::size_t backends_ = 0;  ///< in latest_
  std::set<ServicePortKey> over_limit_;
  std::shared_ptr<const BackendTable> latest_;
  std::unordered_map<model::ObjectKey, std::vector<ServicePortId>> ids_;
  /// What sessions may still hold of Services and service ports; each is looked for when one of the
  /// name comes.
  std::map<model::ObjectKey, std::weak_ptr<ServiceState>> service_states_;
  std::map<ServicePortKey, std::weak_ptr<ServicePortState>> departed_;
  std::size_t prune_at_ = 64;  ///< size of the two together
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t slots_ = 0;
  std::uint32_t serial_ = 0;
};

}  // namespace wherry::balancer
