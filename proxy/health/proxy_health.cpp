#include "proxy/health/proxy_health.h"

#include "base/assert.h"
#include "watcher/model/timestamp.h"

#include <algorithm>
#include <utility>

namespace wherry::health {
namespace {

std::string text(bool value) { return value ? "true" : "false"; }

std::string quoted_time(WallTime time) { return '"' + model::format_timestamp_nanos(time) + '"'; }

/// The fields in the order of kube-proxy's structs (pkg/proxy/healthcheck/proxy_health.go, 1.36).
HealthPage page(const HealthState& state, std::optional<bool> node_eligible) {
  HealthPage page;
  const bool good = state.healthy && node_eligible.value_or(true);
  page.status = good ? 200 : 503;
  // As ever since before changes were counted: a healthy proxy is as recent as the question.
  page.body = "{\"lastUpdated\":" + quoted_time(good ? state.now : state.last_updated) +
              ",\"currentTime\":" + quoted_time(state.now);
  if (node_eligible) page.body += ",\"nodeEligible\":" + text(*node_eligible);
  page.body += ",\"healthy\":" + text(state.healthy);
  const char* separator = ",\"status\":{";
  for (const IpFamily family : state.families) {
    page.body += separator + ('"' + std::string(to_string(family)) + "\":{\"lastUpdated\":") +
                 quoted_time(state.last_updated) + ",\"healthy\":" + text(state.healthy) + '}';
    separator = ",";
  }
  page.body += state.families.empty() ? "}" : "}}";
  return page;
}

}  // namespace

ProxyHealth::ProxyHealth(const Clock& clock, std::vector<IpFamily> families, Duration timeout)
    : clock_(clock),
      families_(std::move(families)),
      timeout_(timeout),
      last_updated_(clock.wall()) {}

void ProxyHealth::queued() {
  if (!waiting_since_) waiting_since_ = clock_.now();
}

ProxyHealth::Batch ProxyHealth::taken() {
  under_way_.emplace(++last_batch_, std::exchange(waiting_since_, std::nullopt));
  return last_batch_;
}

void ProxyHealth::applied(Batch batch) {
  WHERRY_ASSERT(under_way_.erase(batch) == 1);
  last_updated_ = clock_.wall();
}

bool ProxyHealth::healthy() const {
  const TimePoint now = clock_.now();
  const auto is_late = [&](const std::optional<TimePoint>& since) {
    return since && now - *since >= timeout_;
  };
  return !is_late(waiting_since_) &&
         std::none_of(under_way_.begin(), under_way_.end(),
                      [&](const auto& batch) { return is_late(batch.second); });
}

HealthState ProxyHealth::state() const {
  return {last_updated_, clock_.wall(), healthy(), families_};
}

bool is_eligible(const model::Node* node) {
  return node != nullptr && !node->meta.deleting &&
         std::find(node->taints.begin(), node->taints.end(), kToBeDeletedTaint) ==
             node->taints.end();
}

HealthPage healthz(const HealthState& state, bool node_eligible) {
  return page(state, node_eligible);
}

HealthPage livez(const HealthState& state) { return page(state, std::nullopt); }

}  // namespace wherry::health
