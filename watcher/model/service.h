#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "base/socket_address.h"
#include "watcher/model/labels.h"
#include "watcher/model/object_meta.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wherry::model {

/// Whose proxy serves the Service, where it is not the node's own (S6).
inline constexpr std::string_view kServiceProxyNameLabel =
    "service.kubernetes.io/service-proxy-name";

/// kube-router's annotation: how its ipvs is to schedule the Service's connections (L1).
inline constexpr std::string_view kSchedulerAnnotation = "kube-router.io/service.scheduler";

enum class ServiceType : std::uint8_t { ClusterIP, NodePort, LoadBalancer, ExternalName };
enum class SessionAffinity : std::uint8_t { None, ClientIP };
enum class TrafficPolicy : std::uint8_t { Cluster, Local };

[[nodiscard]] std::string_view to_string(ServiceType type) noexcept;
[[nodiscard]] std::string_view to_string(SessionAffinity affinity) noexcept;
[[nodiscard]] std::string_view to_string(TrafficPolicy policy) noexcept;

/// A number, or the name of a container port.
using TargetPort = std::variant<std::uint16_t, std::string>;

struct ServicePortSpec {
  std::string name;  ///< "" where the only port has none
  Protocol protocol = Protocol::TCP;
  std::uint16_t port = 0;
  std::uint16_t node_port = 0;  ///< 0: none
  TargetPort target;            ///< the default, port, is filled in

  friend bool operator==(const ServicePortSpec&, const ServicePortSpec&) = default;
};

/// core/v1 Service, as far as a node proxy looks at it. Defaults are the API's. Of its labels only
/// kServiceProxyNameLabel is kept.
struct Service {
  ObjectMeta meta;
  ServiceType type = ServiceType::ClusterIP;
  Labels selector;
  std::vector<ServicePortSpec> ports;

  bool headless = false;               ///< clusterIP: None
  std::vector<IpAddress> cluster_ips;  ///< clusterIPs, or clusterIP alone; the first is primary
  std::vector<IpFamily> ip_families;
  std::vector<IpAddress> external_ips;
  std::vector<IpAddress> load_balancer_ips;  ///< status ingress IPs of ipMode VIP (S4)

  SessionAffinity session_affinity = SessionAffinity::None;
  std::chrono::seconds affinity_timeout{10800};
  TrafficPolicy internal_traffic_policy = TrafficPolicy::Cluster;
  TrafficPolicy external_traffic_policy = TrafficPolicy::Cluster;
  std::uint16_t health_check_node_port = 0;
  std::vector<Cidr> load_balancer_source_ranges;
  bool publish_not_ready_addresses = false;
  std::string traffic_distribution;  ///< "PreferClose", ...; counts through hints alone (E13)

  friend bool operator==(const Service&, const Service&) = default;
};

}  // namespace wherry::model
