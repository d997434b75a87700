#include "watcher/model/encode.h"

#include "watcher/model/timestamp.h"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include <utility>

namespace wherry::model {
namespace {

namespace json = boost::json;

json::string text(std::string_view value) { return json::string(value); }

json::object encode_labels(const Labels& labels) {
  json::object object;
  for (const auto& [key, value] : labels) object.emplace(key, text(value));
  return object;
}

json::object encode_meta(const ObjectMeta& meta) {
  json::object object{{"name", text(meta.key.name)}};
  if (!meta.key.name_space.empty()) object["namespace"] = text(meta.key.name_space);
  if (!meta.uid.empty()) object["uid"] = text(meta.uid);
  if (!meta.labels.empty()) object["labels"] = encode_labels(meta.labels);
  if (!meta.annotations.empty()) object["annotations"] = encode_labels(meta.annotations);
  if (meta.created) object["creationTimestamp"] = text(format_timestamp(*meta.created));
  // The model knows that it is set, not to what.
  if (meta.deleting) object["deletionTimestamp"] = text(format_timestamp(WallTime{}));
  return object;
}

json::object begin(std::string_view api_version, std::string_view kind, const ObjectMeta& meta) {
  return {{"apiVersion", text(api_version)}, {"kind", text(kind)}, {"metadata", encode_meta(meta)}};
}

template <class Range>
json::array encode_addresses(const Range& range) {
  json::array array;
  for (const auto& each : range) array.emplace_back(text(each.to_string()));
  return array;
}

json::object encode_port(const ServicePortSpec& port) {
  json::object object{{"protocol", text(to_string(port.protocol))}, {"port", port.port}};
  if (!port.name.empty()) object["name"] = text(port.name);
  if (port.node_port != 0) object["nodePort"] = port.node_port;
  if (const auto* name = std::get_if<std::string>(&port.target)) {
    object["targetPort"] = text(*name);
  } else {
    object["targetPort"] = std::get<std::uint16_t>(port.target);
  }
  return object;
}

json::array encode_names(std::span<const std::string> names) {
  json::array array;
  for (const std::string& name : names) array.emplace_back(json::object{{"name", text(name)}});
  return array;
}

json::object encode_endpoint(const Endpoint& endpoint) {
  json::object object{{"addresses", json::array{text(endpoint.address.to_string())}},
                      {"conditions",
                       {{"ready", endpoint.ready},
                        {"serving", endpoint.serving},
                        {"terminating", endpoint.terminating}}}};
  if (!endpoint.node.empty()) object["nodeName"] = text(endpoint.node);
  if (!endpoint.pod.empty() || !endpoint.pod_uid.empty()) {
    object["targetRef"] = {
        {"kind", "Pod"}, {"name", text(endpoint.pod)}, {"uid", text(endpoint.pod_uid)}};
  }
  if (!endpoint.hints.empty()) {
    object["hints"] = {{"forZones", encode_names(endpoint.hints.zones())},
                       {"forNodes", encode_names(endpoint.hints.nodes())}};
  }
  return object;
}

std::string_view name_of(PodPhase phase) {
  switch (phase) {
    case PodPhase::Pending:
      return "Pending";
    case PodPhase::Running:
      return "Running";
    case PodPhase::Succeeded:
      return "Succeeded";
    case PodPhase::Failed:
      return "Failed";
    case PodPhase::Unknown:
      return "Unknown";
  }
  return "Unknown";
}

std::string_view name_of(AddressType type) {
  switch (type) {
    case AddressType::IPv4:
      return "IPv4";
    case AddressType::IPv6:
      return "IPv6";
    case AddressType::FQDN:
      return "FQDN";
  }
  return "IPv4";
}

}  // namespace

json::object encode(const Service& service) {
  json::object object = begin("v1", "Service", service.meta);
  json::object spec{{"type", text(to_string(service.type))},
                    {"sessionAffinity", text(to_string(service.session_affinity))},
                    {"sessionAffinityConfig",
                     {{"clientIP", {{"timeoutSeconds", service.affinity_timeout.count()}}}}},
                    {"internalTrafficPolicy", text(to_string(service.internal_traffic_policy))},
                    {"externalTrafficPolicy", text(to_string(service.external_traffic_policy))},
                    {"publishNotReadyAddresses", service.publish_not_ready_addresses}};
  if (!service.traffic_distribution.empty()) {
    spec["trafficDistribution"] = service.traffic_distribution;
  }
  if (!service.selector.empty()) spec["selector"] = encode_labels(service.selector);
  json::array ports;
  for (const ServicePortSpec& port : service.ports) ports.emplace_back(encode_port(port));
  spec["ports"] = std::move(ports);
  if (service.headless) spec["clusterIP"] = "None";
  if (!service.cluster_ips.empty()) spec["clusterIPs"] = encode_addresses(service.cluster_ips);
  json::array families;
  for (const IpFamily family : service.ip_families) families.emplace_back(text(to_string(family)));
  if (!families.empty()) spec["ipFamilies"] = std::move(families);
  if (!service.external_ips.empty()) spec["externalIPs"] = encode_addresses(service.external_ips);
  if (service.health_check_node_port != 0) {
    spec["healthCheckNodePort"] = service.health_check_node_port;
  }
  if (!service.load_balancer_source_ranges.empty()) {
    spec["loadBalancerSourceRanges"] = encode_addresses(service.load_balancer_source_ranges);
  }
  object["spec"] = std::move(spec);
  json::array ingress;
  for (const IpAddress& ip : service.load_balancer_ips) {
    ingress.emplace_back(json::object{{"ip", text(ip.to_string())}});
  }
  if (!ingress.empty()) object["status"] = {{"loadBalancer", {{"ingress", std::move(ingress)}}}};
  return object;
}

json::object encode(const EndpointSlice& slice) {
  json::object object = begin("discovery.k8s.io/v1", "EndpointSlice", slice.meta);
  object["addressType"] = text(name_of(slice.address_type));
  json::array endpoints;
  for (const Endpoint& endpoint : slice.endpoints)
    endpoints.emplace_back(encode_endpoint(endpoint));
  object["endpoints"] = std::move(endpoints);
  json::array ports;
  for (const EndpointPort& port : slice.ports) {
    json::object each{{"protocol", text(to_string(port.protocol))}};
    if (port.name) each["name"] = text(*port.name);
    if (port.port) each["port"] = *port.port;
    ports.emplace_back(std::move(each));
  }
  object["ports"] = std::move(ports);
  return object;
}

json::object encode(const Pod& pod) {
  json::object object = begin("v1", "Pod", pod.meta);
  json::object spec;
  if (!pod.node.empty()) spec["nodeName"] = text(pod.node);
  // A container each: one container's names may not repeat, those of several may.
  json::array containers;
  for (const NamedPort& port : pod.named_ports) {
    json::object one{{"name", text(port.name)},
                     {"containerPort", port.port},
                     {"protocol", text(to_string(port.protocol))}};
    containers.emplace_back(json::object{{"ports", json::array{std::move(one)}}});
  }
  spec["containers"] = std::move(containers);
  object["spec"] = std::move(spec);
  json::array ips;
  for (const IpAddress& ip : pod.ips) ips.emplace_back(json::object{{"ip", text(ip.to_string())}});
  object["status"] = {
      {"phase", text(name_of(pod.phase))},
      {"conditions", json::array{{{"type", "Ready"}, {"status", pod.ready ? "True" : "False"}}}},
      {"podIPs", std::move(ips)}};
  return object;
}

json::object encode(const Node& node) {
  json::object object = begin("v1", "Node", node.meta);
  json::array taints;
  for (const std::string& key : node.taints) taints.emplace_back(json::object{{"key", text(key)}});
  object["spec"] = {{"podCIDRs", encode_addresses(node.pod_cidrs)}, {"taints", std::move(taints)}};
  json::array addresses;
  for (const IpAddress& ip : node.addresses) {
    addresses.emplace_back(json::object{{"type", "InternalIP"}, {"address", text(ip.to_string())}});
  }
  object["status"] = {{"addresses", std::move(addresses)}};
  return object;
}

json::object encode(const ServiceCidr& service_cidr) {
  json::object object = begin("networking.k8s.io/v1", "ServiceCIDR", service_cidr.meta);
  object["spec"] = {{"cidrs", encode_addresses(service_cidr.cidrs)}};
  return object;
}

}  // namespace wherry::model
