#include "balancer/service_tracker.h"

#include "base/log.h"

#include <utility>

namespace wherry::balancer {

ServiceTracker::ServiceTracker(FlattenRules rules, std::function<void()> on_change)
    : rules_(rules), on_change_(std::move(on_change)) {}

void ServiceTracker::replace(std::vector<Object> all) {
  std::set<model::ObjectKey> gone;
  for (const auto& [key, ports] : ports_) gone.insert(key);
  for (const auto& [key, warnings] : warnings_) gone.insert(key);  // also of one without ports
  for (const Object& service : all) {
    gone.erase(service->meta.key);
    set(service->meta.key, flatten(*service, rules_));
  }
  for (const model::ObjectKey& key : gone) set(key, {});
  on_change_();
}

void ServiceTracker::upsert(Object service) { set(service->meta.key, flatten(*service, rules_)); }

void ServiceTracker::erase(const model::ObjectKey& key) { set(key, {}); }

void ServiceTracker::set(const model::ObjectKey& key, Flattened flattened) {
  if (flattened.warnings.empty()) {
    warnings_.erase(key);
  } else if (auto& known = warnings_[key]; known != flattened.warnings) {
    known = std::move(flattened.warnings);
    for (const std::string& warning : known) log::warn(warning);
  }
  const auto known = ports_.find(key);
  const bool had_none = known == ports_.end();
  if (had_none ? flattened.ports.empty() : known->second == flattened.ports) return;
  if (flattened.ports.empty()) {
    ports_.erase(known);
  } else {
    ports_.insert_or_assign(key, std::move(flattened.ports));
  }
  changed_.insert(key);
  on_change_();
}

std::set<model::ObjectKey> ServiceTracker::take_changes() { return std::exchange(changed_, {}); }

const std::vector<ServicePort>& ServiceTracker::ports_of(const model::ObjectKey& key) const {
  static const std::vector<ServicePort> none;
  const auto found = ports_.find(key);
  return found == ports_.end() ? none : found->second;
}

}  // namespace wherry::balancer
