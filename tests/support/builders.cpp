#include "tests/support/builders.h"

#include "watcher/model/timestamp.h"

#include <stdexcept>

namespace wherry::test {

IpAddress ip(const std::string& text) {
  const auto address = IpAddress::parse(text);
  if (!address) throw std::invalid_argument("no IP address: " + text);
  return *address;
}

Cidr cidr(const std::string& text) {
  const auto block = Cidr::parse(text);
  if (!block) throw std::invalid_argument("no CIDR: " + text);
  return *block;
}

SocketAddress at(const std::string& text) {
  const auto address = SocketAddress::parse(text);
  if (!address) throw std::invalid_argument("no address and port: " + text);
  return *address;
}

ServiceBuilder::ServiceBuilder(std::string name, std::string name_space) {
  service_.meta.key = {std::move(name_space), std::move(name)};
}

ServiceBuilder& ServiceBuilder::cluster_ip(const std::string& address) {
  service_.cluster_ips.push_back(ip(address));
  return *this;
}

ServiceBuilder& ServiceBuilder::port(std::string name, std::uint16_t number,
                                     model::TargetPort target, Protocol protocol) {
  if (const auto* n = std::get_if<std::uint16_t>(&target); n != nullptr && *n == 0) target = number;
  service_.ports.push_back({std::move(name), protocol, number, 0, std::move(target)});
  return *this;
}

ServiceBuilder& ServiceBuilder::node_port(std::uint16_t number) {
  service_.ports.back().node_port = number;
  return *this;
}

ServiceBuilder& ServiceBuilder::selector(std::string key, std::string value) {
  service_.selector.insert_or_assign(std::move(key), std::move(value));
  return *this;
}

ServiceBuilder& ServiceBuilder::family(IpFamily family) {
  service_.ip_families.push_back(family);
  return *this;
}

ServiceBuilder& ServiceBuilder::type(model::ServiceType type) {
  service_.type = type;
  return *this;
}

ServiceBuilder& ServiceBuilder::headless() {
  service_.headless = true;
  return *this;
}

ServiceBuilder& ServiceBuilder::external_ip(const std::string& address) {
  service_.external_ips.push_back(ip(address));
  return *this;
}

ServiceBuilder& ServiceBuilder::load_balancer_ip(const std::string& address) {
  service_.load_balancer_ips.push_back(ip(address));
  return *this;
}

ServiceBuilder& ServiceBuilder::label(std::string key, std::string value) {
  service_.meta.labels.insert_or_assign(std::move(key), std::move(value));
  return *this;
}

ServiceBuilder& ServiceBuilder::annotation(std::string key, std::string value) {
  service_.meta.annotations.insert_or_assign(std::move(key), std::move(value));
  return *this;
}

ServiceBuilder& ServiceBuilder::created(const std::string& timestamp) {
  service_.meta.created = model::parse_timestamp(timestamp);
  if (!service_.meta.created) throw std::invalid_argument("no time: " + timestamp);
  return *this;
}

ServiceBuilder& ServiceBuilder::health_check_node_port(std::uint16_t number) {
  service_.type = model::ServiceType::LoadBalancer;
  service_.external_traffic_policy = model::TrafficPolicy::Local;
  service_.health_check_node_port = number;
  return *this;
}

ServiceBuilder& ServiceBuilder::publish_not_ready() {
  service_.publish_not_ready_addresses = true;
  return *this;
}

ServiceBuilder& ServiceBuilder::internal_policy(model::TrafficPolicy policy) {
  service_.internal_traffic_policy = policy;
  return *this;
}

ServiceBuilder& ServiceBuilder::external_policy(model::TrafficPolicy policy) {
  service_.external_traffic_policy = policy;
  return *this;
}

ServiceBuilder& ServiceBuilder::source_range(const std::string& range) {
  service_.load_balancer_source_ranges.push_back(cidr(range));
  return *this;
}

SliceBuilder::SliceBuilder(std::string name, std::string service, std::string name_space) {
  slice_.meta.key = {std::move(name_space), std::move(name)};
  if (!service.empty()) {
    slice_.meta.labels.emplace(std::string(model::kServiceNameLabel), std::move(service));
  }
}

SliceBuilder& SliceBuilder::ipv6() {
  slice_.address_type = model::AddressType::IPv6;
  return *this;
}

SliceBuilder& SliceBuilder::fqdn() {
  slice_.address_type = model::AddressType::FQDN;
  return *this;
}

SliceBuilder& SliceBuilder::label(std::string key, std::string value) {
  slice_.meta.labels.insert_or_assign(std::move(key), std::move(value));
  return *this;
}

SliceBuilder& SliceBuilder::annotation(std::string key, std::string value) {
  slice_.meta.annotations.insert_or_assign(std::move(key), std::move(value));
  return *this;
}

SliceBuilder& SliceBuilder::port(std::string name, std::uint16_t number, Protocol protocol) {
  slice_.ports.push_back({std::move(name), protocol, number});
  return *this;
}

SliceBuilder& SliceBuilder::unnamed_port(std::uint16_t number) {
  slice_.ports.push_back({std::nullopt, Protocol::TCP, number});
  return *this;
}

SliceBuilder& SliceBuilder::unnumbered_port(std::string name) {
  slice_.ports.push_back({std::move(name), Protocol::TCP, std::nullopt});
  return *this;
}

SliceBuilder& SliceBuilder::endpoint(const std::string& address) {
  model::Endpoint endpoint;
  endpoint.address = ip(address);
  slice_.endpoints.push_back(std::move(endpoint));
  return *this;
}

SliceBuilder& SliceBuilder::not_ready(const std::string& address) {
  endpoint(address);
  slice_.endpoints.back().ready = slice_.endpoints.back().serving = false;
  return *this;
}

SliceBuilder& SliceBuilder::terminating(const std::string& address) {
  endpoint(address);
  slice_.endpoints.back().ready = false;
  slice_.endpoints.back().terminating = true;
  return *this;
}

SliceBuilder& SliceBuilder::hints(std::vector<std::string> zones, std::vector<std::string> nodes) {
  slice_.endpoints.back().hints = {std::move(zones), std::move(nodes)};
  return *this;
}

SliceBuilder& SliceBuilder::on_node(std::string node) {
  slice_.endpoints.back().node = std::move(node);
  return *this;
}

SliceBuilder& SliceBuilder::pod(std::string name, std::string uid) {
  slice_.endpoints.back().pod = std::move(name);
  slice_.endpoints.back().pod_uid = std::move(uid);
  return *this;
}

PodBuilder::PodBuilder(std::string name, std::string name_space) {
  pod_.meta.key = {std::move(name_space), std::move(name)};
  pod_.phase = model::PodPhase::Running;
}

PodBuilder& PodBuilder::label(std::string key, std::string value) {
  pod_.meta.labels.insert_or_assign(std::move(key), std::move(value));
  return *this;
}

PodBuilder& PodBuilder::ip(const std::string& address) {
  pod_.ips.push_back(test::ip(address));
  return *this;
}

PodBuilder& PodBuilder::ready(bool is_ready) {
  pod_.ready = is_ready;
  return *this;
}

PodBuilder& PodBuilder::deleting() {
  pod_.meta.deleting = true;
  return *this;
}

PodBuilder& PodBuilder::phase(model::PodPhase phase) {
  pod_.phase = phase;
  return *this;
}

PodBuilder& PodBuilder::port(std::string name, std::uint16_t number, Protocol protocol) {
  pod_.named_ports.push_back({std::move(name), protocol, number});
  return *this;
}

PodBuilder& PodBuilder::node(std::string name) {
  pod_.node = std::move(name);
  return *this;
}

ServiceBuilder service(std::string name, std::string name_space) {
  return ServiceBuilder(std::move(name), std::move(name_space));
}

SliceBuilder slice(std::string name, std::string service, std::string name_space) {
  return SliceBuilder(std::move(name), std::move(service), std::move(name_space));
}

NodeBuilder::NodeBuilder(std::string name) { node_.meta.key = {"", std::move(name)}; }

NodeBuilder& NodeBuilder::zone(std::string name) {
  node_.meta.labels.insert_or_assign(std::string(model::kZoneLabel), std::move(name));
  return *this;
}

NodeBuilder& NodeBuilder::address(const std::string& address) {
  node_.addresses.push_back(ip(address));
  return *this;
}

NodeBuilder& NodeBuilder::pod_cidr(const std::string& block) {
  node_.pod_cidrs.push_back(cidr(block));
  return *this;
}

NodeBuilder node(std::string name) { return NodeBuilder(std::move(name)); }

PodBuilder pod(std::string name, const std::string& address) {
  PodBuilder builder(std::move(name));
  builder.ready();
  if (!address.empty()) builder.ip(address);
  return builder;
}

}  // namespace wherry::test
