#include "watcher/pod_endpoints.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace wherry::watcher {
namespace {

using model::EndpointPort;
using model::EndpointSlice;
using model::ObjectKey;
using model::Pod;
using model::Service;
using model::ServicePortSpec;

/// A service port's number on one pod; nothing where the pod does not offer it (T4).
std::optional<std::uint16_t> find_port(const Pod& pod, const ServicePortSpec& port) {
  if (const auto* number = std::get_if<std::uint16_t>(&port.target)) return *number;
  const auto& name = std::get<std::string>(port.target);
  for (const model::NamedPort& candidate : pod.named_ports) {
    if (candidate.name == name && candidate.protocol == port.protocol) return candidate.port;
  }
  return std::nullopt;
}

std::vector<EndpointPort> resolve_ports(const Pod& pod, const Service& service) {
  std::vector<EndpointPort> ports;
  for (const ServicePortSpec& port : service.ports) {
    if (const auto number = find_port(pod, port)) {
      ports.push_back({port.name, port.protocol, number});
    }
  }
  return ports;
}

/// Whether the controller would list the pod at all (T5).
bool should_be_listed(const Pod& pod) {
  return pod.phase != model::PodPhase::Succeeded && pod.phase != model::PodPhase::Failed;
}

const IpAddress* address_of(const Pod& pod, IpFamily family) {
  const auto found = std::find_if(pod.ips.begin(), pod.ips.end(),
                                  [family](const IpAddress& ip) { return ip.family() == family; });
  return found == pod.ips.end() ? nullptr : &*found;
}

model::Endpoint make_endpoint(const Pod& pod, const Service& service, const IpAddress& address) {
  model::Endpoint endpoint;
  endpoint.address = address;
  endpoint.serving = pod.ready;
  endpoint.terminating = pod.meta.deleting;
  endpoint.ready =
      service.publish_not_ready_addresses || (endpoint.serving && !endpoint.terminating);
  endpoint.node = pod.node;
  endpoint.pod = pod.meta.key.name;
  endpoint.pod_uid = pod.meta.uid;
  return endpoint;
}

/// Ports in words, so that the slices of one Service have stable, distinct names. The names hold a
/// slash, which no object of a cluster or a manifest can have, so they never meet one of those.
std::string name_ports(const std::vector<EndpointPort>& ports) {
  std::string text;
  for (const EndpointPort& port : ports) {
    text += '-' + std::to_string(port.port.value_or(0));
    if (port.protocol != Protocol::TCP) text += to_string(port.protocol);
    if (!port.name->empty()) text += '.' + *port.name;
  }
  return text;
}

}  // namespace

std::vector<EndpointSlice> slices_of_pods(const Service& service,
                                          const std::vector<const Pod*>& selected) {
  std::map<std::string, EndpointSlice> slices;
  for (const Pod* pod : selected) {
    if (!should_be_listed(*pod)) continue;
    std::vector<EndpointPort> ports = resolve_ports(*pod, service);
    if (ports.empty()) continue;
    for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
      const IpAddress* address = address_of(*pod, family);
      if (address == nullptr) continue;
      const std::string name = service.meta.key.name + "/pods-" +
                               (family == IpFamily::IPv4 ? "ipv4" : "ipv6") + name_ports(ports);
      EndpointSlice& slice = slices[name];
      if (slice.endpoints.empty()) {
        slice.meta.key = {service.meta.key.name_space, name};
        slice.meta.labels.emplace(std::string(model::kServiceNameLabel), service.meta.key.name);
        slice.address_type =
            family == IpFamily::IPv4 ? model::AddressType::IPv4 : model::AddressType::IPv6;
        slice.ports = ports;
      }
      slice.endpoints.push_back(make_endpoint(*pod, service, *address));
    }
  }
  std::vector<EndpointSlice> all;
  for (auto& [name, slice] : slices) all.push_back(std::move(slice));
  return all;
}

void PodEndpoints::replace(std::vector<Service> all) {
  std::set<ObjectKey> gone;
  for (const auto& [name_space, space] : namespaces_) {
    for (const auto& [name, selecting] : space.services) {
      if (selecting.known) gone.insert({name_space, name});
    }
  }
  for (Service& service : all) {
    gone.erase(service.meta.key);
    upsert(std::move(service));
  }
  for (const ObjectKey& key : gone) erase(key, static_cast<Service*>(nullptr));
}

void PodEndpoints::replace(std::vector<Pod> all) {
  std::set<ObjectKey> gone;
  for (const auto& [name_space, space] : namespaces_) {
    for (const auto& [name, pod] : space.pods) gone.insert({name_space, name});
  }
  for (Pod& pod : all) {
    gone.erase(pod.meta.key);
    upsert(std::move(pod));
  }
  for (const ObjectKey& key : gone) erase(key, static_cast<Pod*>(nullptr));
}

void PodEndpoints::replace(std::vector<EndpointSlice> all) {
  std::set<ObjectKey> gone;
  for (const auto& [name_space, space] : namespaces_) {
    for (const auto& [name, service] : space.slice_service) gone.insert({name_space, name});
  }
  for (EndpointSlice& slice : all) {
    gone.erase(slice.meta.key);
    upsert(std::move(slice));
  }
  for (const ObjectKey& key : gone) erase(key, static_cast<EndpointSlice*>(nullptr));
}

void PodEndpoints::upsert(Service service) {
  const ObjectKey key = service.meta.key;
  Namespace& space = namespaces_[key.name_space];
  Selecting& selecting = space.services[key.name];
  const bool selector_changed = !selecting.known || selecting.service.selector != service.selector;
  selecting.service = std::move(service);
  selecting.known = true;
  if (selector_changed) select_pods(space, selecting);
  dirty_.insert(key);
}

void PodEndpoints::erase(const ObjectKey& key, Service*) {
  const auto space = namespaces_.find(key.name_space);
  if (space == namespaces_.end()) return;
  const auto found = space->second.services.find(key.name);
  if (found == space->second.services.end()) return;
  found->second.service = {};
  found->second.pods.clear();
  found->second.known = false;
  dirty_.insert(key);
}

void PodEndpoints::upsert(Pod pod) {
  const ObjectKey key = pod.meta.key;
  Namespace& space = namespaces_[key.name_space];
  Pod& stored = space.pods[key.name];
  if (stored == pod) return;
  stored = std::move(pod);
  for (auto& [name, selecting] : space.services) {
    const bool selected = model::selects(selecting.service.selector, stored.meta.labels);
    const bool changed =
        selected ? (selecting.pods.insert(key.name), true) : selecting.pods.erase(key.name) > 0;
    if (changed) dirty_.insert({key.name_space, name});
  }
}

void PodEndpoints::erase(const ObjectKey& key, Pod*) {
  const auto found = namespaces_.find(key.name_space);
  if (found == namespaces_.end() || found->second.pods.erase(key.name) == 0) return;
  for (auto& [name, selecting] : found->second.services) {
    if (selecting.pods.erase(key.name) > 0) dirty_.insert({key.name_space, name});
  }
  forget_if_empty(key.name_space);
}

void PodEndpoints::upsert(EndpointSlice slice) {
  const ObjectKey key = slice.meta.key;
  const ObjectKey service = slice.service();
  Namespace& space = namespaces_[key.name_space];
  const auto before = space.slice_service.find(key.name);
  if (before != space.slice_service.end() && before->second != service.name) detach_slice(key);
  space.slice_service[key.name] = service.name;
  if (!service.name.empty() && space.services[service.name].own_slices.insert(key.name).second) {
    dirty_.insert(service);
  }
  out_.upsert(std::move(slice));
}

void PodEndpoints::erase(const ObjectKey& key, EndpointSlice*) {
  detach_slice(key);
  forget_if_empty(key.name_space);
  out_.erase(key);
}

/// Takes an own slice away from its Service.
void PodEndpoints::detach_slice(const ObjectKey& slice) {
  const auto found = namespaces_.find(slice.name_space);
  if (found == namespaces_.end()) return;
  Namespace& space = found->second;
  const auto entry = space.slice_service.find(slice.name);
  if (entry == space.slice_service.end()) return;
  const auto service = space.services.find(entry->second);
  if (service != space.services.end() && service->second.own_slices.erase(slice.name) > 0) {
    dirty_.insert({slice.name_space, entry->second});
  }
  space.slice_service.erase(entry);
}

void PodEndpoints::select_pods(Namespace& space, Selecting& selecting) {
  selecting.pods.clear();
  if (selecting.service.selector.empty()) return;
  for (const auto& [name, pod] : space.pods) {
    if (model::selects(selecting.service.selector, pod.meta.labels)) selecting.pods.insert(name);
  }
}

void PodEndpoints::flush() {
  for (const ObjectKey& key : std::exchange(dirty_, {})) {
    remake(key);
    forget_if_unused(key);
  }
}

/// Passes on the difference between what was made for a Service and what should be.
void PodEndpoints::remake(const ObjectKey& key) {
  Namespace& space = namespaces_[key.name_space];
  Selecting& selecting = space.services[key.name];
  std::map<std::string, EndpointSlice> next;
  if (selecting.known && selecting.own_slices.empty()) {
    std::vector<const Pod*> pods;
    for (const std::string& name : selecting.pods) pods.push_back(&space.pods.at(name));
    for (EndpointSlice& slice : slices_of_pods(selecting.service, pods)) {
      next.emplace(slice.meta.key.name, std::move(slice));
    }
  }
  for (const auto& [name, slice] : selecting.made) {
    if (!next.contains(name)) out_.erase({key.name_space, name});
  }
  for (const auto& [name, slice] : next) {
    const auto before = selecting.made.find(name);
    if (before == selecting.made.end() || before->second != slice) out_.upsert(slice);
  }
  selecting.made = std::move(next);
}

/// A Service that is gone, and that no slice names, needs no memory.
void PodEndpoints::forget_if_unused(const ObjectKey& key) {
  const auto space = namespaces_.find(key.name_space);
  const auto found = space->second.services.find(key.name);
  if (found != space->second.services.end() && !found->second.known &&
      found->second.own_slices.empty()) {
    space->second.services.erase(found);
  }
  forget_if_empty(key.name_space);
}

void PodEndpoints::forget_if_empty(const std::string& name_space) {
  const auto space = namespaces_.find(name_space);
  if (space != namespaces_.end() && space->second.services.empty() && space->second.pods.empty() &&
      space->second.slice_service.empty()) {
    namespaces_.erase(space);
  }
}

}  // namespace wherry::watcher
