#pragma once

#include "balancer/backend.h"
#include "balancer/service_port.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/object_sink.h"

#include <functional>
#include <map>
#include <memory>
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

  void replace(std::vector<model::EndpointSlice> all) override;
  void upsert(model::EndpointSlice slice) override;
  void erase(const model::ObjectKey& key) override;

  /// The Services whose endpoints may have changed since the last call.
  [[nodiscard]] std::set<model::ObjectKey> take_changes();

  /// All endpoints of a service port, ready or not, sorted by address, each address once (T1, T2,
  /// T3, T7). Their `state` is null.
  [[nodiscard]] std::vector<Backend> backends_of(const ServicePortKey& key) const;

 private:
  using Slice = std::shared_ptr<const model::EndpointSlice>;

  /// Slice keys whose service is known, by slice.
  std::unordered_map<model::ObjectKey, model::ObjectKey> service_of_;
  /// The slices of a Service, by name: their order decides between duplicates.
  std::unordered_map<model::ObjectKey, std::map<std::string, Slice>> slices_;
  std::set<model::ObjectKey> changed_;
  const std::function<void()> on_change_;
};

}  // namespace wherry::balancer
