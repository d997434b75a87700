#include "proxy/app/table_loop.h"

#include <chrono>
#include <utility>

namespace wherry::app {
namespace {

/// Changes are taken at once. A storm of them is taken at most every few milliseconds, which keeps
/// the control thread free for everything else.
constexpr Coalescer::Pace kPace{.settle = Duration::zero(), .pause = std::chrono::milliseconds(5)};

}  // namespace

TableLoop::TableLoop(Timers& timers, const Clock& clock, const balancer::FlattenRules& rules,
                     std::string_view node_name, Publish publish)
    : services_(rules, [this] { on_change(); }),
      slices_([this] { on_change(); }),
      pod_endpoints_(slices_),
      service_sinks_(services_, pod_endpoints_.services()),
      builder_(services_, slices_, node_name),
      coalescer_(timers, clock, kPace, [this] { rebuild(); }),
      publish_(std::move(publish)) {}

void TableLoop::on_synced() {
  synced_ = true;
  on_change();
}

void TableLoop::on_change() {
  if (synced_) coalescer_.request();
}

void TableLoop::rebuild() {
  pod_endpoints_.flush();
  auto changed = services_.take_changes();
  changed.merge(slices_.take_changes());
  const auto before = builder_.latest();
  const auto& table = builder_.build(changed);
  if (table == before && published_) return;
  published_ = true;
  publish_(table);
}

}  // namespace wherry::app
