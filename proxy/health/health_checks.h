#pragma once

#include "balancer/backend_table.h"
#include "balancer/table_diff.h"
#include "base/ip_address.h"
#include "watcher/model/object_key.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace wherry::health {

/// A Service in one family: each family's addresses have a health check port of their own.
struct HealthCheckKey {
  model::ObjectKey service;
  IpFamily family = IpFamily::IPv4;

  friend auto operator<=>(const HealthCheckKey&, const HealthCheckKey&) = default;
};

/// What a load balancer is told about a Service on this node.
struct HealthCheck {
  std::uint16_t port = 0;           ///< healthCheckNodePort
  std::size_t local_endpoints = 0;  ///< distinct addresses that are ready and on this node

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

/// The health check node ports that a table asks for (H3), kept as tables change. Opens nothing.
///
/// A Service has one if it is a LoadBalancer with externalTrafficPolicy Local. Endpoints that
/// terminate do not count, though they may still serve: a node with no others is to get no new
/// connections. The cost of a change follows what changed.
class HealthChecks {
 public:
  explicit HealthChecks(std::string node_name) : node_name_(std::move(node_name)) {}

  /// `diff` leads from the table of the last call (at first, the empty one) to `table`.
  void apply(const balancer::BackendTable& table, const balancer::TableDiff& diff);

  [[nodiscard]] const std::map<HealthCheckKey, HealthCheck>& all() const noexcept {
    return checks_;
  }
  /// nullptr if there is none.
  [[nodiscard]] const HealthCheck* find(const HealthCheckKey& key) const;

 private:
  void forget(balancer::ServicePortId id, std::set<HealthCheckKey>& touched);
  void look_again(const balancer::BackendTable& table, const HealthCheckKey& key);

  const std::string node_name_;
  std::map<balancer::ServicePortId, HealthCheckKey> key_of_;  ///< service ports that have one
  std::map<HealthCheckKey, std::set<balancer::ServicePortId>> ports_of_;
  std::map<HealthCheckKey, HealthCheck> checks_;
};

/// The body of an answer, byte for byte as kube-proxy writes it. Pure.
[[nodiscard]] std::string health_check_body(const model::ObjectKey& service,
                                            std::size_t local_endpoints, bool proxy_healthy);

}  // namespace wherry::health
