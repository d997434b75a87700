#include "balancer/service_port.h"

#include <algorithm>
#include <utility>

namespace wherry::balancer {
namespace {

using model::Service;

/// S1, S6: headless, ExternalName and other proxies' Services are not ours.
bool is_skipped(const Service& service, const FlattenRules& rules) {
  if (service.headless || service.type == model::ServiceType::ExternalName) return true;
  if (rules.needs_cluster_ip && service.cluster_ips.empty()) return true;
  const std::string* proxy = model::find(service.meta.labels, kServiceProxyNameLabel);
  if (rules.service_proxy_name.empty()) return proxy != nullptr;
  return proxy == nullptr || *proxy != rules.service_proxy_name;
}

/// S2 and, for Services without clusterIP, S1.
std::vector<IpFamily> families_of(const Service& service, const FlattenRules& rules,
                                  const std::vector<IpAddress>& listen_addresses) {
  std::vector<IpFamily> families;
  const auto add = [&families](IpFamily family) {
    if (std::find(families.begin(), families.end(), family) == families.end()) {
      families.push_back(family);
    }
  };
  for (const IpAddress& address : service.cluster_ips) add(address.family());
  if (families.empty()) {
    for (const IpFamily family : service.ip_families) add(family);
  }
  if (families.empty()) {
    for (const IpAddress& address : listen_addresses) add(address.family());
  }
  if (families.empty()) add(rules.default_family);
  return families;
}

std::vector<IpAddress> of_family(const std::vector<IpAddress>& addresses, IpFamily family) {
  std::vector<IpAddress> result;
  std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(result),
               [family](const IpAddress& address) { return address.family() == family; });
  return result;
}

/// E7: the field counts where the type says that there are such addresses, or a ClusterIP Service
/// has external IPs; also if --allow-external-ips takes those away.
model::TrafficPolicy external_policy_of(const Service& service) {
  const bool has_them =
      service.type == model::ServiceType::LoadBalancer ||
      service.type == model::ServiceType::NodePort ||
      (service.type == model::ServiceType::ClusterIP && !service.external_ips.empty());
  return has_them ? service.external_traffic_policy : model::TrafficPolicy::Cluster;
}

/// F1: no range of this family, or one that is everything, lets everybody in.
std::vector<Cidr> source_ranges_of(const Service& service, IpFamily family) {
  std::vector<Cidr> ranges;
  for (const Cidr& range : service.load_balancer_source_ranges) {
    if (range.family() != family) continue;
    if (range.prefix_length() == 0) return {};
    ranges.push_back(range);
  }
  return ranges;
}

ServicePort make_port(const Service& service, const model::ServicePortSpec& spec, IpFamily family,
                      const Annotations& annotations, const FlattenRules& rules) {
  ServicePort port;
  port.key = {service.meta.key, spec.name, spec.protocol, family};
  port.port = spec.port;
  port.node_port = spec.node_port;
  const auto cluster_ips = of_family(service.cluster_ips, family);
  if (!cluster_ips.empty()) port.cluster_ip = cluster_ips.front();
  if (rules.allow_external_ips) port.external_ips = of_family(service.external_ips, family);
  port.load_balancer_ips = of_family(service.load_balancer_ips, family);
  if (service.type == model::ServiceType::LoadBalancer &&
      service.external_traffic_policy == model::TrafficPolicy::Local) {
    port.health_check_node_port = service.health_check_node_port;
  }
  port.listen_addresses = annotations.listen_addresses;
  if (annotations.port_range && (annotations.port_range->contains(spec.port) ||
                                 annotations.port_range->contains(spec.node_port))) {
    port.port_range = annotations.port_range;
  }
  port.options = annotations.options;
  if (spec.protocol == Protocol::UDP && port.options.proxy_protocol == ProxyProtocol::V1) {
    port.options.proxy_protocol = ProxyProtocol::None;  // read_annotations() has said so
  }
  port.created = service.meta.created;
  port.session_affinity = service.session_affinity;
  port.affinity_timeout = service.affinity_timeout;
  port.internal_policy = service.internal_traffic_policy;
  port.external_policy = external_policy_of(service);
  port.source_ranges = source_ranges_of(service, family);
  port.source_ranges_everywhere = rules.source_ranges_everywhere && !port.source_ranges.empty();
  return port;
}

}  // namespace

std::string ServicePortKey::to_string() const {
  std::string text = service.to_string();
  if (!port.empty()) text += ':' + port;
  text += '/';
  text += wherry::to_string(protocol);
  text += '/';
  text += wherry::to_string(family);
  return text;
}

Flattened flatten(const Service& service, const FlattenRules& rules) {
  Flattened flattened;
  if (is_skipped(service, rules)) return flattened;
  Annotations annotations = read_annotations(service, rules.default_algorithm);
  const std::vector<IpFamily> families = families_of(service, rules, annotations.listen_addresses);
  for (const IpFamily family : families) {
    for (const model::ServicePortSpec& spec : service.ports) {
      flattened.ports.push_back(make_port(service, spec, family, annotations, rules));
      flattened.ports.back().dual_stack = families.size() > 1;
    }
  }
  std::sort(flattened.ports.begin(), flattened.ports.end(),
            [](const ServicePort& a, const ServicePort& b) { return a.key < b.key; });
  flattened.warnings = std::move(annotations.warnings);
  return flattened;
}

}  // namespace wherry::balancer
