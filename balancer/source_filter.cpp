#include "balancer/source_filter.h"

#include <algorithm>

namespace wherry::balancer {
namespace {

bool has(const std::vector<Cidr>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&address](const Cidr& range) { return range.contains(address); });
}

bool is_among(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

/// Whether the service port's own addresses count as the node's.
bool allows_node(const ServicePort& service_port, const NodeView& node) {
  const auto address = node.address(service_port.key.family);
  return address && has(service_port.source_ranges, *address);
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
  if (has(service_port.source_ranges, client)) return true;
  const bool is_own =
      is_among(service_port.load_balancer_ips, client) ||
      (service_port.source_ranges_everywhere && is_among(service_port.external_ips, client));
  return is_own && allows_node(service_port, node);
}

}  // namespace wherry::balancer
