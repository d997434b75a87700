#include "balancer/service_tracker.h"

#include "base/log.h"

#include <utility>

namespace wherry::balancer {

ServiceTracker::ServiceTracker(FlattenRules rules, std::function<void()> on_change,
                               Warned on_warning)
    : rules_(std::move(rules)),
      on_change_(std::move(on_change)),
      on_warning_(std::move(on_warning)) {}

void ServiceTracker::replace(std::vector<Object> all) {
  std::set<model::ObjectKey> gone;
  for (const auto& [key, ports] : ports_) gone.insert(key);
  for (const auto& [key, warnings] : warnings_) gone.insert(key);  // also of one without ports
  for (const Object& service : all) {
    gone.erase(service->meta.key);
    take(*service);
  }
  seen_ += all.size() + gone.size();
  for (const model::ObjectKey& key : gone) {
    warnings_.erase(key);
    set(key, {});
  }
  on_change_();
}

void ServiceTracker::upsert(Object service) {
  ++seen_;
  take(*service);
}

void ServiceTracker::erase(const model::ObjectKey& key) {
  ++seen_;
  warnings_.erase(key);
  set(key, {});
}

void ServiceTracker::take(const model::Service& service) {
  Flattened flattened = flatten(service, rules_);
  warn(service.meta, std::move(flattened.warnings));
  set(service.meta.key, std::move(flattened.ports));
}

void ServiceTracker::warn(const model::ObjectMeta& service, std::vector<std::string> warnings) {
  if (warnings.empty()) {
    warnings_.erase(service.key);
    return;
  }
  std::vector<std::string>& known = warnings_[service.key];
  if (known == warnings) return;
  known = std::move(warnings);
  for (const std::string& warning : known) {
    log::warn(warning);
    if (on_warning_) on_warning_(service, warning);
  }
}

void ServiceTracker::set(const model::ObjectKey& key, std::vector<ServicePort> ports) {
  const auto known = ports_.find(key);
  const bool had_none = known == ports_.end();
  if (had_none ? ports.empty() : known->second == ports) return;
  const auto [before, is_first] =
      before_.try_emplace(key, had_none ? std::vector<ServicePort>() : known->second);
  if (!is_first && before->second == ports) before_.erase(before);
  if (ports.empty()) {
    ports_.erase(known);
  } else {
    ports_.insert_or_assign(key, std::move(ports));
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
