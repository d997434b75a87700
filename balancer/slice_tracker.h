#pragma once

#include "balancer/backend.h"
#include "balancer/service_port.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/object_sink.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry::balancer {

/// When what a slice says came to be: the pod or Service that it follows changed then (M2).
struct Trigger {
  model::ObjectKey service;
  IpFamily family = IpFamily::IPv4;
  WallTime at;

  friend bool operator==(const Trigger&, const Trigger&) = default;
};

/// Holds the EndpointSlices of all Services, and which Services' endpoints changed since somebody
/// asked. What changed and changed back meanwhile has not changed (R2).
///
/// Control thread only. `on_change` is called when there is something to ask for.
class SliceTracker final : public model::ObjectSink<model::EndpointSlice> {
 public:
  explicit SliceTracker(std::function<void()> on_change);

  void replace(std::vector<Object> all) override;
  void upsert(Object slice) override;
  void erase(const model::ObjectKey& key) override;

  /// The Services with a slice that differs from what it was at the last call.
  [[nodiscard]] std::set<model::ObjectKey> take_changes();
  /// The triggers of the changes that the last take_changes() named: one for each change of a slice
  /// that says when its cause was. Where a slice of the Service went meanwhile, those before that
  /// do not count.
  [[nodiscard]] std::vector<Trigger> take_triggers();
  /// How many slices take_changes() would look at now.
  [[nodiscard]] std::size_t pending() const noexcept { return pending_; }
  /// How many slices were handed over or taken away so far, changed or not.
  [[nodiscard]] std::uint64_t seen() const noexcept { return seen_; }

  /// All endpoints of a service port, ready or not, sorted by address, each address once (T1, T2,
  /// T3, T7). Their `state` is null. Nothing where they are more than `most`.
  [[nodiscard]] std::optional<std::vector<Backend>> backends_of(
      const ServicePortKey& key, std::size_t most = std::numeric_limits<std::size_t>::max()) const;

 private:
  /// What happened to a Service's slices since the last take_changes().
  struct Changes {
    std::map<std::string, Object> before;  ///< slices that differ, as they were; null: not there
    std::vector<Trigger> triggers;
  };

  void store(const model::ObjectKey& service, const std::string& name, Object slice);
  void remove(const model::ObjectKey& key);
  void note(const model::ObjectKey& service, const std::string& name, const Object& before,
            const Object& now);

  /// Slice keys whose service is known, by slice.
  std::unordered_map<model::ObjectKey, model::ObjectKey> service_of_;
  /// The slices of a Service, by name: their order decides between duplicates.
  std::unordered_map<model::ObjectKey, std::map<std::string, Object>> slices_;
  std::map<model::ObjectKey, Changes> changes_;
  std::size_t pending_ = 0;  ///< slices in changes_
  std::vector<Trigger> taken_triggers_;
  std::uint64_t seen_ = 0;
  const std::function<void()> on_change_;
};

}  // namespace wherry::balancer
