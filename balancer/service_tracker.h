#pragma once

#include "balancer/service_port.h"
#include "watcher/model/object_sink.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry::balancer {

/// Holds the service ports of all Services, and which Services changed since somebody asked. What
/// changed and changed back meanwhile has not changed (R2).
///
/// Control thread only. `on_change` is called when there is something to ask for. What is wrong
/// with a Service's annotations is logged, and told to `on_warning`, once for as long as it is so.
class ServiceTracker final : public model::ObjectSink<model::Service> {
 public:
  using Warned = std::function<void(const model::ObjectMeta& service, const std::string& warning)>;

  ServiceTracker(FlattenRules rules, std::function<void()> on_change, Warned on_warning = {});

  void replace(std::vector<Object> all) override;
  void upsert(Object service) override;
  void erase(const model::ObjectKey& key) override;

  /// The Services that differ from what they were at the last call.
  [[nodiscard]] std::set<model::ObjectKey> take_changes();
  /// How many Services take_changes() would name now.
  [[nodiscard]] std::size_t pending() const noexcept { return before_.size(); }
  /// How many Services were handed over or taken away so far, changed or not.
  [[nodiscard]] std::uint64_t seen() const noexcept { return seen_; }
  /// A Service's ports, sorted by key; none for one that is gone or not ours.
  [[nodiscard]] const std::vector<ServicePort>& ports_of(const model::ObjectKey& key) const;
  /// Annotations with bad values, by Service.
  [[nodiscard]] const std::unordered_map<model::ObjectKey, std::vector<std::string>>& warnings()
      const noexcept {
    return warnings_;
  }

 private:
  void take(const model::Service& service);
  void warn(const model::ObjectMeta& service, std::vector<std::string> warnings);
  void set(const model::ObjectKey& key, std::vector<ServicePort> ports);

  const FlattenRules rules_;
  const std::function<void()> on_change_;
  const Warned on_warning_;
  std::unordered_map<model::ObjectKey, std::vector<ServicePort>> ports_;
  std::unordered_map<model::ObjectKey, std::vector<std::string>> warnings_;
  /// What the Services that changed were at the last take_changes().
  std::map<model::ObjectKey, std::vector<ServicePort>> before_;
  std::uint64_t seen_ = 0;
};

}  // namespace wherry::balancer
