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
  seen_ += all.size() + gone.size();
  for (const model::ObjectKey& key : gone) set(key, {});
  on_change_();
}

void ServiceTracker::upsert(Object service) {
  ++seen_;
  set(service->meta.key, flatten(*service, rules_));
}

void ServiceTracker::erase(const model::ObjectKey& key) {
  ++seen_;
  set(key, {});
}

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
  const auto [before, is_first] =
      before_.try_emplace(key, had_none ? std::vector<ServicePort>() : known->second);
  if (!is_first && before->second == flattened.ports) before_.erase(before);
  if (flattened.ports.empty()) {
    ports_.erase(known);
  } else {
    ports_.insert_or_assign(key, std::move(flattened.ports));
  }
  on_change_();
}

std::set<model::ObjectKey> ServiceTracker::take_changes() {
  std::set<model::ObjectKey> changed;
  for (const auto& [key, ports] : before_) changed.insert(changed.end(), key);
  before_.clear();
  return changed;
}

const std::vector<ServicePort>& ServiceTracker::ports_of(const model::ObjectKey& key) const {
  static const std::vector<ServicePort> none;
  const auto found = ports_.find(key);
  return found == ports_.end() ? none : found->second;
}

}  // namespace wherry::balancer
