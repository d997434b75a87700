#pragma once

#include "balancer/backend.h"
#include "balancer/service_port.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/object_sink.h"

#include <cstddef>
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

/// Holds the EndpointSlices of all Services, and which Services' endpoints changed since somebody
/// asked.
///
/// Control thread only. `on_change` is called when there is something to ask for.
class SliceTracker final : public model::ObjectSink<model::EndpointSlice> {
 public:
  explicit SliceTracker(std::function<void()> on_change);

  void replace(std::vector<Object> all) override;
  void upsert(Object slice) override;
  void erase(const model::ObjectKey& key) override;

  /// The Services whose endpoints may have changed since the last call.
  [[nodiscard]] std::set<model::ObjectKey> take_changes();

  /// All endpoints of a service port, ready or not, sorted by address, each address once (T1, T2,
  /// T3, T7). Their `state` is null. Nothing where they are more than `most`.
  [[nodiscard]] std::optional<std::vector<Backend>> backends_of(
      const ServicePortKey& key, std::size_t most = std::numeric_limits<std::size_t>::max()) const;

 private:
  /// Slice keys whose service is known, by slice.
  std::unordered_map<model::ObjectKey, model::ObjectKey> service_of_;
  /// The slices of a Service, by name: their order decides between duplicates.
  std::unordered_map<model::ObjectKey, std::map<std::string, Object>> slices_;
  std::set<model::ObjectKey> changed_;
  const std::function<void()> on_change_;
};

}  // namespace wherry::balancer
