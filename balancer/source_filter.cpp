#include "balancer/source_filter.h"

namespace wherry::balancer {
namespace {

/// Whether the service port's own addresses count as the node's.
bool allows_node(const ServicePort& service_port, const NodeView& node) {
  const auto address = node.address(service_port.key.family);
  return address && is_in_any(*address, service_port.source_ranges);
}

}  // namespace

std::string_view to_string(AddressKind kind) noexcept {
  switch (kind) {
    case AddressKind::ClusterIp:
      return "clusterIP";
    case AddressKind::NodePort:
      return "nodePort";
    case AddressKind::ExternalIp:
      return "externalIP";
    case AddressKind::LoadBalancerIp:
      return "loadBalancerIP";
  }
  return "?";
}

bool source_ranges_count(const ServicePort& service_port, AddressKind kind) {
  if (service_port.source_ranges.empty()) return false;
  return kind == AddressKind::LoadBalancerIp ||
         (service_port.source_ranges_everywhere && kind != AddressKind::ClusterIp);
}

std::vector<Cidr> allowed_sources(const ServicePort& service_port, const NodeView& node) {
  std::vector<Cidr> allowed = service_port.source_ranges;
  if (!allows_node(service_port, node)) return allowed;
  for (const IpAddress& own : service_port.load_balancer_ips) allowed.push_back(Cidr::of(own));
  if (!service_port.source_ranges_everywhere) return allowed;
  for (const IpAddress& own : service_port.external_ips) allowed.push_back(Cidr::of(own));
  return allowed;
}

bool source_is_allowed(const ServicePort& service_port, AddressKind kind, const IpAddress& client,
                       const NodeView& node) {
  if (!source_ranges_count(service_port, kind)) return true;
  if (is_in_any(client, service_port.source_ranges)) return true;
  const bool is_own =
      is_among(client, service_port.load_balancer_ips) ||
      (service_port.source_ranges_everywhere && is_among(client, service_port.external_ips));
  return is_own && allows_node(service_port, node);
}

}  // namespace wherry::balancer
