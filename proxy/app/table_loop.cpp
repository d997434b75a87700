#include "proxy/app/table_loop.h"

#include "base/log.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace wherry::app {
namespace {

/// Changes are taken at once. A storm of them is taken at most every few milliseconds, which keeps
/// the control thread free for everything else, or as seldom as somebody asked for (R1).
Coalescer::Pace pace_of(const TableRules& rules) {
  constexpr Duration kLeastPause = std::chrono::milliseconds(5);
  return {.settle = Duration::zero(), .pause = std::max(kLeastPause, rules.min_sync_period)};
}

}  // namespace

TableLoop::TableLoop(Timers& timers, const Clock& clock, const TableRules& rules,
                     std::string_view node_name, Publish publish, SyncProgress* progress)
    : endpoints_(rules.endpoints),
      timers_(timers),
      clock_(clock),
      services_(
          rules.flatten, [this] { on_change(); },
          [this](const model::ObjectMeta& service, const std::string& warning) {
            if (events_ == nullptr) return;
            events_->record({"Service", service.key, service.uid}, model::EventType::Warning,
                            "InvalidAnnotation", warning);
          }),
      slices_([this] { on_change(); }),
      pod_endpoints_(slices_, rules.limits.pod_bytes,
                     rules.endpoints == TableRules::Endpoints::Pods
                         ? watcher::Precedence::Pods
                         : watcher::Precedence::OwnSlices),
      service_sinks_(services_, pod_endpoints_.services()),
      own_node_(std::string(node_name), rules.node,
                [this] {
                  node_is_new_ = true;
                  on_change();
                }),
      builder_(services_, slices_, node_name, rules.limits.backends),
      coalescer_(timers, clock, pace_of(rules), [this] { rebuild(); }),
      publish_(std::move(publish)),
      progress_(progress) {}

void TableLoop::on_synced() {
  synced_ = true;
  on_change();
}

void TableLoop::on_change() {
  if (!synced_) return;
  if (!first_change_) first_change_ = clock_.now();
  if (progress_ != nullptr) progress_->queued();
  coalescer_.request();
}

void TableLoop::rebuild() {
  Origin origin;
  origin.since = std::exchange(first_change_, std::nullopt).value_or(clock_.now());
  pod_endpoints_.flush();
  // What flushing hands over is part of this.
  first_change_.reset();
  if (progress_ != nullptr) origin.run = progress_->begin();
  auto changed = services_.take_changes();
  changed.merge(slices_.take_changes());
  origin.triggers = slices_.take_triggers();
  // It names every Node's addresses: not for each change of a Service.
  if (std::exchange(node_is_new_, false)) builder_.set_node(own_node_.view());
  const auto before = builder_.latest();
  const auto& table = builder_.build(changed, clock_.now());
  wait_for_due();
  if (synced_) report_problems();
  if (table == before && published_) {
    if (progress_ != nullptr) progress_->done(origin.run, origin.triggers);
    return;
  }
  published_ = true;
  publish_(table, origin);
}

void TableLoop::wait_for_due() {
  due_.cancel();
  const auto due = builder_.next_due();
  if (!due || !synced_) return;
  due_ = timers_.schedule(std::max<Duration>(*due - clock_.now(), Duration::zero()),
                          [this] { coalescer_.request(); });
}

std::vector<std::string> TableLoop::problems() const {
  std::vector<std::string> all;
  for (const model::ObjectKey& service : pod_endpoints_.over_limit()) {
    all.push_back("Service " + service.to_string() +
                  " has no endpoints: with the pods that it selects, those of all Services would "
                  "take more memory than is allowed; narrow its selector, or take Services or "
                  "pods away");
  }
  for (const balancer::ServicePortKey& port : builder_.over_limit()) {
    all.push_back("service port " + port.to_string() +
                  " has no backends: with its endpoints, all service ports together would have "
                  "more than the table holds; give the Services fewer ports or endpoints");
  }
  return all;
}

/// Each once, and not more than a few at once.
void TableLoop::report_problems() {
  std::vector<std::string> current = problems();
  if (current == reported_) return;
  constexpr std::size_t kMostLines = 10;
  std::size_t lines = 0;
  for (const std::string& text : current) {
    if (std::find(reported_.begin(), reported_.end(), text) != reported_.end()) continue;
    if (++lines > kMostLines) break;
    log::error(text);
  }
  if (lines > kMostLines) {
    log::error("more Services do not fit; /readyz names all", {{"count", current.size()}});
  }
  reported_ = std::move(current);
}

}  // namespace wherry::app
