#pragma once

#include "base/clock.h"
#include "base/duration.h"
#include "base/ip_address.h"
#include "watcher/model/node.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What load balancers and the kubelet ask of a node proxy: rows H1 to H3 of the Service contract.
namespace wherry::health {

/// Whether the proxy keeps up, as of one moment.
struct HealthState {
  WallTime last_updated;  ///< when a change was last in force, or nothing was to be done
  WallTime now;
  bool healthy = true;
  std::vector<IpFamily> families;  ///< which this node has; one table serves them all
};

/// Remembers which changes wait to be in force, and since when.
///
/// A change waits from queued() on; taken() hands all that wait to one batch, which is under way
/// until it is applied(). A proxy is unhealthy once a change has waited for the whole timeout.
/// Control thread only; no timers: whoever asks gets the answer as of then.
class ProxyHealth {
 public:
  using Batch = std::uint64_t;

  /// `timeout` is twice the syncPeriod (H1).
  ProxyHealth(const Clock& clock, std::vector<IpFamily> families, Duration timeout);

  void queued();
  [[nodiscard]] Batch taken();
  /// Precondition: the batch is under way.
  void applied(Batch batch);

  [[nodiscard]] HealthState state() const;
  [[nodiscard]] bool healthy() const;

 private:
  const Clock& clock_;
  const std::vector<IpFamily> families_;
  const Duration timeout_;
  WallTime last_updated_;
  std::optional<TimePoint> waiting_since_;
  std::map<Batch, std::optional<TimePoint>> under_way_;  ///< since when its oldest change waits
  Batch last_batch_ = 0;
};

/// The taint by which the cluster autoscaler says that it will take a node away.
inline constexpr std::string_view kToBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";

/// Whether load balancers should send new connections to a node: it is known, not being deleted,
/// and the autoscaler does not want it gone (H1). Pure.
[[nodiscard]] bool is_eligible(const model::Node* node);

/// An answer of /healthz or /livez.
struct HealthPage {
  int status = 200;
  std::string body;  ///< JSON, byte for byte as kube-proxy writes it
};

/// H1: 200 only for a healthy proxy on an eligible node. Pure.
[[nodiscard]] HealthPage healthz(const HealthState& state, bool node_eligible);
/// H2: the same without the node. Pure.
[[nodiscard]] HealthPage livez(const HealthState& state);

}  // namespace wherry::health
