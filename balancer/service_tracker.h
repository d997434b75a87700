#pragma once

#include "balancer/service_port.h"
#include "watcher/model/object_sink.h"

#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry::balancer {

/// Holds the service ports of all Services, and which Services changed since somebody asked.
///
/// Control thread only. `on_change` is called when there is something to ask for.
class ServiceTracker final : public model::ObjectSink<model::Service> {
 public:
  ServiceTracker(FlattenRules rules, std::function<void()> on_change);

  void replace(std::vector<Object> all) override;
  void upsert(Object service) override;
  void erase(const model::ObjectKey& key) override;

  /// The Services that may have changed since the last call.
  [[nodiscard]] std::set<model::ObjectKey> take_changes();
  /// A Service's ports, sorted by key; none for one that is gone or not ours.
  [[nodiscard]] const std::vector<ServicePort>& ports_of(const model::ObjectKey& key) const;
  /// Annotations with bad values, by Service.
  [[nodiscard]] const std::unordered_map<model::ObjectKey, std::vector<std::string>>& warnings()
      const noexcept {
    return warnings_;
  }

 private:
  void set(const model::ObjectKey& key, Flattened flattened);

  const FlattenRules rules_;
  const std::function<void()> on_change_;
  std::unordered_map<model::ObjectKey, std::vector<ServicePort>> ports_;
  std::unordered_map<model::ObjectKey, std::vector<std::string>> warnings_;
  std::set<model::ObjectKey> changed_;
};

}  // namespace wherry::balancer
