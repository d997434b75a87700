#pragma once

#include "balancer/annotations.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/socket_address.h"
#include "watcher/model/service.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wherry::balancer {

/// A service port's identity: one Service, one of its ports, one family (S7, S8).
struct ServicePortKey {
  model::ObjectKey service;
  std::string port;  ///< the port's name; "" where the only port has none
  Protocol protocol = Protocol::TCP;
  IpFamily family = IpFamily::IPv4;

  /// "default/web:http/TCP/IPv4"; without the name's colon where there is no name.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const ServicePortKey&, const ServicePortKey&) = default;
};

/// One service port as far as decisions and listeners depend on it.
struct ServicePort {
  ServicePortKey key;
  std::uint16_t port = 0;
  std::uint16_t node_port = 0;               ///< 0: none (S3)
  std::optional<IpAddress> cluster_ip;       ///< of this family (S2)
  std::vector<IpAddress> external_ips;       ///< of this family (S5)
  std::vector<IpAddress> load_balancer_ips;  ///< of this family (S4)
  /// Where a load balancer asks for this node's endpoints: of a LoadBalancer Service with
  /// externalTrafficPolicy Local; else 0 (H3).
  std::uint16_t health_check_node_port = 0;
  bool dual_stack = false;                  ///< the Service has this port in the other family too
  std::vector<IpAddress> listen_addresses;  ///< annotation wherry.io/listen-address; any family
  /// Ports that lead here as `port` does, and as `node_port` does where that is among them; none:
  /// no others. Annotation wherry.io/port-range.
  std::optional<PortRange> port_range;
  std::optional<WallTime> created;  ///< who was first owns an address; none: newest
  model::SessionAffinity session_affinity = model::SessionAffinity::None;
  std::chrono::seconds affinity_timeout{10800};  ///< since a client's last connection (L2)
  ServiceOptions options;                        ///< what other annotations ask for
  model::TrafficPolicy internal_policy = model::TrafficPolicy::Cluster;  ///< of the clusterIP (E6)
  /// Of NodePort, external and load balancer addresses; Local only on a Service whose type has
  /// them (E7).
  model::TrafficPolicy external_policy = model::TrafficPolicy::Cluster;
  std::vector<Cidr> source_ranges;        ///< of this family; none: everybody may (F1)
  bool source_ranges_everywhere = false;  ///< for NodePort and external IPs too

  /// Whether there is a way in from outside the cluster.
  [[nodiscard]] bool has_external_address() const noexcept {
    return node_port != 0 || !external_ips.empty() || !load_balancer_ips.empty();
  }

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

using model::kServiceProxyNameLabel;

/// What decides which service ports a Service has here.
struct FlattenRules {
  /// From a cluster a Service without clusterIP is skipped; from manifests it is served (S1).
  bool needs_cluster_ip = false;
  /// The family of a Service that has neither clusterIP nor ipFamilies nor an annotation (S1).
  IpFamily default_family = IpFamily::IPv4;
  /// Of a Service whose annotations name none (L1).
  Algorithm default_algorithm = Algorithm::RoundRobin;
  /// Serve exactly the Services that name this proxy; empty: those that name none (S6).
  std::string service_proxy_name{};
  /// Without it no Service has external IPs, as without the gate AllowServiceExternalIPs (S5).
  bool allow_external_ips = true;
  /// Source ranges count for NodePorts and external IPs too, not for load balancer IPs alone (F1).
  bool source_ranges_everywhere = false;
};

struct Flattened {
  std::vector<ServicePort> ports;     ///< sorted by key; none for a Service that is not ours
  std::vector<std::string> warnings;  ///< annotations with a bad value: the default holds
};

/// One Service as service ports: rows S1 to S8 of the Service contract. Pure.
[[nodiscard]] Flattened flatten(const model::Service& service, const FlattenRules& rules);

}  // namespace wherry::balancer
