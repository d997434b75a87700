#pragma once

#include "balancer/slice_tracker.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/ip_address.h"
#include "base/metrics.h"
#include "proxy/health/proxy_health.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace wherry::app {

/// Follows each change from when it is handed over until every worker has it: what the health
/// address says of it, and the kubeproxy_sync_* and *_network_programming_* metrics (M1 to M4).
///
/// A run is one rebuild: it takes all changes that wait, and ends when its table is live, or with
/// the rebuild where the table stayed the same. One table carries both families, so that every run
/// is one of each; triggers are counted by the family of their slice. Control thread only.
class SyncProgress {
 public:
  struct Run {
    health::ProxyHealth::Batch batch = 0;
    TimePoint began;
    bool is_full = false;  ///< it looks at everything: the first one
  };

  /// `families` are those that the kernel has (S8).
  SyncProgress(const Clock& clock, std::vector<IpFamily> families, Duration sync_period);

  /// A change waits to be taken.
  void queued();
  [[nodiscard]] Run begin();
  /// The run's changes are in force; `triggers` are theirs.
  void done(const Run& run, const std::vector<balancer::Trigger>& triggers);

  [[nodiscard]] const health::ProxyHealth& health() const noexcept { return health_; }
  void collect(MetricFamilies& families) const;

 private:
  struct Latencies {
    Histogram slo;   ///< in the buckets of kube-proxy
    Histogram fine;  ///< from 100 µs on
  };

  const Clock& clock_;
  const std::vector<IpFamily> families_;
  const WallTime started_;  ///< what was triggered before is no latency of this process
  health::ProxyHealth health_;
  Histogram runs_;
  Histogram full_runs_;
  Histogram partial_runs_;
  std::vector<Latencies> latencies_;  ///< of families_, in their order
  WallTime last_queued_;
  std::optional<WallTime> last_done_;
  bool ran_ = false;
};

}  // namespace wherry::app
