#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"
#include "watcher/model/names.h"

#include <algorithm>

namespace wherry::model {
namespace {

constexpr std::array<std::pair<std::string_view, ServiceType>, 4> kTypes = {
    {{"ClusterIP", ServiceType::ClusterIP},
     {"NodePort", ServiceType::NodePort},
     {"LoadBalancer", ServiceType::LoadBalancer},
     {"ExternalName", ServiceType::ExternalName}}};
constexpr std::array<std::pair<std::string_view, SessionAffinity>, 2> kAffinities = {
    {{"None", SessionAffinity::None}, {"ClientIP", SessionAffinity::ClientIP}}};
constexpr std::array<std::pair<std::string_view, TrafficPolicy>, 2> kPolicies = {
    {{"Cluster", TrafficPolicy::Cluster}, {"Local", TrafficPolicy::Local}}};
constexpr std::array<std::pair<std::string_view, IpFamily>, 2> kFamilies = {
    {{"IPv4", IpFamily::IPv4}, {"IPv6", IpFamily::IPv6}}};

/// A number or a name; 0 and "" mean the default, the port itself, as in the API's own defaulting.
TargetPort decode_target(const FieldReader& field, std::uint16_t port) {
  if (!field.present()) return port;
  if (field.value()->is_string()) {
    const std::string name = *field.as_string();
    if (name.empty()) return port;
    if (!is_port_name(name)) {
      field.fault('"' + name +
                  "\" is no port name; write a number from 1 to 65535, or a name of at most 15 "
                  "lower-case letters, digits and '-' with a letter in it");
    }
    return name;
  }
  if (!field.value()->is_number()) {
    field.fault("expected a port number or a port's name, found " +
                FieldReader::describe(*field.value()));
    return port;
  }
  const auto number = decode_port(field, 0);
  return number.value_or(0) == 0 ? port : *number;
}

ServicePortSpec decode_service_port(const FieldReader& field) {
  ServicePortSpec port;
  if (!field.expect_object()) return port;
  port.name = field.string("name");
  port.protocol = decode_protocol(field.at("protocol"));
  if (!field.at("port").present()) field.fault("port", "missing; write a port from 1 to 65535");
  port.port = decode_port(field.at("port")).value_or(0);
  port.node_port = decode_port(field.at("nodePort"), 0).value_or(0);
  port.target = decode_target(field.at("targetPort"), port.port);
  return port;
}

void decode_cluster_ip(const FieldReader& field, Service& service) {
  const auto text = field.as_string();
  if (!text || text->empty()) return;
  if (*text == "None") {
    service.headless = true;
    return;
  }
  if (!IpAddress::parse(*text)) {
    field.fault('"' + *text + "\" is no IP address; write one, None, or leave it out");
  } else if (const auto address = decode_machine_ip(field)) {
    service.cluster_ips.push_back(*address);
  }
}

/// clusterIPs is the newer field; clusterIP is its first element, and all that a person writes.
void decode_cluster_ips(const FieldReader& spec, Service& service) {
  std::size_t count = 0;
  spec.each("clusterIPs", [&](const FieldReader& field) {
    decode_cluster_ip(field, service);
    ++count;
  });
  Service unused;
  decode_cluster_ip(spec.at("clusterIP"), count > 0 ? unused : service);
}

void decode_ips(const FieldReader& parent, std::string_view key, std::vector<IpAddress>& into) {
  parent.each(key, [&into](const FieldReader& field) {
    if (const auto address = decode_machine_ip(field)) into.push_back(*address);
  });
}

void decode_source_ranges(const FieldReader& spec, Service& service) {
  spec.each("loadBalancerSourceRanges", [&service](const FieldReader& field) {
    auto text = field.as_string();
    if (!text) return;
    // The API server lets white space around it pass, and kube-proxy takes it away (F1).
    constexpr std::string_view kSpace = " \t\n\v\f\r";
    const std::size_t first = text->find_first_not_of(kSpace);
    const std::size_t last = text->find_last_not_of(kSpace);
    const std::string trimmed =
        first == std::string::npos ? "" : text->substr(first, last - first + 1);
    if (const auto range = Cidr::parse(trimmed)) {
      service.load_balancer_source_ranges.push_back(*range);
    } else {
      field.fault('"' + *text + "\" is no CIDR; write address/length, for example 10.0.0.0/8");
    }
  });
}

void decode_load_balancer(const FieldReader& object, Service& service) {
  const FieldReader status = object.object("status");
  const FieldReader balancer = status.object("loadBalancer");
  balancer.each("ingress", [&service](const FieldReader& ingress) {
    if (!ingress.expect_object()) return;
    // Traffic to an ingress of ipMode Proxy goes out to the real load balancer (S4).
    if (ingress.string("ipMode", "VIP") != "VIP") return;
    const FieldReader ip = ingress.at("ip");
    if (!is_filled(ip)) return;
    if (const auto address = decode_ip(ip)) service.load_balancer_ips.push_back(*address);
  });
}

void decode_affinity_timeout(const FieldReader& spec, Service& service) {
  const FieldReader config = spec.object("sessionAffinityConfig");
  const FieldReader client_ip = config.object("clientIP");
  const FieldReader timeout = client_ip.at("timeoutSeconds");
  const auto seconds = timeout.as_integer();
  if (!seconds) return;
  if (*seconds < 1 || *seconds > 86400) {
    timeout.fault(std::to_string(*seconds) + " is out of range; write 1 to 86400 seconds");
  } else {
    service.affinity_timeout = std::chrono::seconds(*seconds);
  }
}

}  // namespace

Service decode_service(const FieldReader& object) {
  Service service;
  service.meta = decode_meta(object, {kSchedulerAnnotation});
  keep_labels(service.meta, {kServiceProxyNameLabel});
  const FieldReader spec = object.object("spec");
  service.type = decode_word(spec.at("type"), kTypes);
  for (auto& [key, value] : spec.string_map("selector")) service.selector.emplace(key, value);
  spec.each("ports", [&service](const FieldReader& field) {
    service.ports.push_back(decode_service_port(field));
  });
  decode_cluster_ips(spec, service);
  spec.each("ipFamilies", [&service](const FieldReader& field) {
    service.ip_families.push_back(decode_word(field, kFamilies));
  });
  decode_ips(spec, "externalIPs", service.external_ips);
  decode_load_balancer(object, service);

  service.session_affinity = decode_word(spec.at("sessionAffinity"), kAffinities);
  decode_affinity_timeout(spec, service);
  service.internal_traffic_policy = decode_word(spec.at("internalTrafficPolicy"), kPolicies);
  service.external_traffic_policy = decode_word(spec.at("externalTrafficPolicy"), kPolicies);
  service.health_check_node_port = decode_port(spec.at("healthCheckNodePort"), 0).value_or(0);
  decode_source_ranges(spec, service);
  service.traffic_distribution = spec.string("trafficDistribution");
  service.publish_not_ready_addresses = spec.boolean("publishNotReadyAddresses").value_or(false);
  return service;
}

}  // namespace wherry::model
