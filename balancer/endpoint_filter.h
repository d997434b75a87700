#pragma once

#include "balancer/backend.h"
#include "balancer/node_view.h"
#include "balancer/reason.h"
#include "watcher/model/service.h"

#include <cstdint>
#include <span>
#include <vector>

namespace wherry::balancer {

/// What the hints of a service port's ready endpoints make of them (E12).
enum class TopologyMode : std::uint8_t {
  Ignored,   ///< hints do not count
  SameNode,  ///< only endpoints that are hinted for this node
  SameZone,  ///< only endpoints that are hinted for this node's zone
};

/// SameNode iff every ready endpoint has forNodes and one of them names this node; else SameZone
/// iff every ready endpoint has forZones and one of them names this zone; else Ignored. Pure.
[[nodiscard]] TopologyMode topology_mode(std::span<const Backend> backends,
                                         const NodeTopology& node);

/// A backend that gets no connections, by its index among a service port's backends, and why.
struct Excluded {
  std::uint32_t backend = 0;
  Reason reason = Reason::NotReady;

  friend bool operator==(const Excluded&, const Excluded&) = default;
};

/// The backends of a service port that may serve, by index, in the order given. Each set holds
/// ready endpoints only, or, where it would be empty, those that serve while they terminate.
struct Eligible {
  std::vector<std::uint32_t> cluster;  ///< for traffic policy Cluster: hints count (E2, E12)
  std::vector<std::uint32_t> local;    ///< for traffic policy Local: on this node (E3, E4)

  /// Whether somebody may serve, on some node. The cluster set is empty only if nobody may.
  [[nodiscard]] bool any() const noexcept { return !cluster.empty(); }

  friend bool operator==(const Eligible&, const Eligible&) = default;
};

/// What kube-proxy's CategorizeEndpoints answers, but that both sets are always made: who needs
/// none of the one takes no notice of it. Pure.
[[nodiscard]] Eligible categorize(std::span<const Backend> backends, const NodeTopology& node);

/// Why each backend that is not in `set`, which is the set for `policy`, is not. Pure.
[[nodiscard]] std::vector<Excluded> excluded_from(std::span<const std::uint32_t> set,
                                                  model::TrafficPolicy policy,
                                                  std::span<const Backend> backends,
                                                  const NodeTopology& node);

}  // namespace wherry::balancer
