#include "balancer/endpoint_filter.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace wherry::balancer {
namespace {

using model::Endpoint;
using model::TrafficPolicy;

bool names(std::span<const std::string> hints, std::string_view name) {
  return std::find(hints.begin(), hints.end(), name) != hints.end();
}

bool is_local(const Endpoint& endpoint, const NodeTopology& node) {
  return !node.node_name.empty() && endpoint.node == node.node_name;
}

bool is_last_resort(const Endpoint& endpoint) { return endpoint.serving && endpoint.terminating; }

bool is_hinted(const Endpoint& endpoint, TopologyMode mode, const NodeTopology& node) {
  switch (mode) {
    case TopologyMode::Ignored:
      return true;
    case TopologyMode::SameNode:
      return names(endpoint.hints.nodes(), node.node_name);
    case TopologyMode::SameZone:
      return names(endpoint.hints.zones(), node.zone);
  }
  return true;
}

template <class Accept>
std::vector<std::uint32_t> indexes_of(std::span<const Backend> backends, const Accept& accept) {
  std::vector<std::uint32_t> indexes;
  for (std::uint32_t i = 0; i < backends.size(); ++i) {
    if (accept(*backends[i].endpoint)) indexes.push_back(i);
  }
  return indexes;
}

/// Why an endpoint is not in a set that `mode` or the policy Local has made.
Reason why_excluded(const Endpoint& endpoint, TrafficPolicy policy, TopologyMode mode,
                    bool is_here) {
  if (!endpoint.ready && !is_last_resort(endpoint)) {
    return endpoint.terminating ? Reason::Terminating : Reason::NotReady;
  }
  if (policy == TrafficPolicy::Local && !is_here) return Reason::OtherNode;
  if (!endpoint.ready) return Reason::Terminating;
  return mode == TopologyMode::SameNode ? Reason::OtherNode : Reason::OtherZone;
}

}  // namespace

TopologyMode topology_mode(std::span<const Backend> backends, const NodeTopology& node) {
  bool has_ready = false;
  bool all_for_nodes = true;
  bool one_for_us = false;
  bool all_for_zones = true;
  bool one_for_zone = false;
  for (const Backend& backend : backends) {
    const Endpoint& endpoint = *backend.endpoint;
    if (!endpoint.ready) continue;
    // The usual case costs no more than this.
    if (endpoint.hints.empty()) return TopologyMode::Ignored;
    has_ready = true;
    all_for_nodes = all_for_nodes && !endpoint.hints.nodes().empty();
    one_for_us = one_for_us || names(endpoint.hints.nodes(), node.node_name);
    all_for_zones = all_for_zones && !endpoint.hints.zones().empty();
    one_for_zone = one_for_zone || names(endpoint.hints.zones(), node.zone);
  }
  if (!has_ready) return TopologyMode::Ignored;
  if (all_for_nodes && one_for_us) return TopologyMode::SameNode;
  // E13: no hint names a zone that has no name.
  return all_for_zones && one_for_zone && !node.zone.empty() ? TopologyMode::SameZone
                                                             : TopologyMode::Ignored;
}

Eligible categorize(std::span<const Backend> backends, const NodeTopology& node) {
  Eligible eligible;
  const TopologyMode mode = topology_mode(backends, node);
  eligible.cluster = indexes_of(backends, [&](const Endpoint& endpoint) {
    return endpoint.ready && is_hinted(endpoint, mode, node);
  });
  if (eligible.cluster.empty()) eligible.cluster = indexes_of(backends, is_last_resort);
  eligible.local = indexes_of(backends, [&](const Endpoint& endpoint) {
    return endpoint.ready && is_local(endpoint, node);
  });
  if (eligible.local.empty()) {
    eligible.local = indexes_of(backends, [&](const Endpoint& endpoint) {
      return is_last_resort(endpoint) && is_local(endpoint, node);
    });
  }
  return eligible;
}

std::vector<Excluded> excluded_from(std::span<const std::uint32_t> set, TrafficPolicy policy,
                                    std::span<const Backend> backends, const NodeTopology& node) {
  std::vector<Excluded> excluded;
  if (set.size() == backends.size()) return excluded;
  const TopologyMode mode = topology_mode(backends, node);
  auto next = set.begin();
  for (std::uint32_t i = 0; i < backends.size(); ++i) {
    if (next != set.end() && *next == i) {
      ++next;
      continue;
    }
    const Endpoint& endpoint = *backends[i].endpoint;
    excluded.push_back({i, why_excluded(endpoint, policy, mode, is_local(endpoint, node))});
  }
  return excluded;
}

}  // namespace wherry::balancer
