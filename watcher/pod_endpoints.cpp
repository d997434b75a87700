#include "watcher/pod_endpoints.h"

#include "base/log.h"
#include "base/quoted.h"
#include "base/utf8.h"

#include <algorithm>
#include <array>
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
  if (const std::string* weight = model::find(pod.meta.annotations, model::kWeightAnnotation)) {
    endpoint.weight = model::parse_weight(*weight).value_or(model::kDefaultWeight);
  }
  return endpoint;
}

/// What is wrong with a pod's weight; nothing where nothing is.
std::optional<std::string> weight_warning(const Pod& pod) {
  const std::string* weight = model::find(pod.meta.annotations, model::kWeightAnnotation);
  if (weight == nullptr || model::parse_weight(*weight)) return std::nullopt;
  constexpr std::size_t kLongestWord = 64;
  return "Pod " + pod.meta.key.to_string() + ": annotation " +
         std::string(model::kWeightAnnotation) + ": " + quoted(utf8_prefix(*weight, kLongestWord)) +
         " is no weight; write a number from 1 to 1000, such as \"100\", the default";
}

/// What a string holds outside itself.
std::size_t bytes_of(const std::string& text) { return text.size() < 16 ? 0 : text.size() + 16; }

std::size_t bytes_of(const model::Endpoint& endpoint) {
  return sizeof endpoint + bytes_of(endpoint.node) + bytes_of(endpoint.pod) +
         bytes_of(endpoint.pod_uid);
}

/// The slices of one Service while they are made.
class SliceMaker {
 public:
  SliceMaker(const Service& service, std::size_t most_bytes)
      : service_(service), most_bytes_(most_bytes) {
    for (const ServicePortSpec& port : service.ports) {
      if (std::holds_alternative<std::string>(port.target)) named_.push_back(&port);
    }
  }

  /// False once it is too much.
  bool add(const Pod& pod) {
    const std::optional<std::string> numbers = resolve_named(pod);
    if (!numbers) return true;
    for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
      const IpAddress* address = address_of(pod, family);
      if (address == nullptr) continue;
      EndpointSlice& slice = slice_for(pod, family, *numbers);
      slice.endpoints.push_back(make_endpoint(pod, service_, *address));
      bytes_ += bytes_of(slice.endpoints.back());
    }
    return bytes_ <= most_bytes_;
  }

  [[nodiscard]] std::vector<EndpointSlice> take() {
    std::vector<EndpointSlice> all;
    for (auto& [name, slice] : slices_) all.push_back(std::move(slice));
    return all;
  }

 private:
  /// The numbers that the pod has for named ports, as part of a slice's name: pods of which they
  /// are the same share slices. Nothing for a pod that offers no port at all.
  [[nodiscard]] std::optional<std::string> resolve_named(const Pod& pod) const {
    std::string text;
    bool offers_one = named_.size() < service_.ports.size();
    for (const ServicePortSpec* port : named_) {
      const auto number = find_port(pod, *port);
      text += '-' + (number ? std::to_string(*number) : std::string("none"));
      offers_one = offers_one || number;
    }
    return offers_one ? std::optional(text) : std::nullopt;
  }

  /// The names hold a slash, which no object of a cluster or a manifest can have, so they never
  /// meet one of those.
  EndpointSlice& slice_for(const Pod& pod, IpFamily family, const std::string& numbers) {
    const bool is_ipv4 = family == IpFamily::IPv4;
    const std::string& service = service_.meta.key.name;
    const auto [found, is_new] =
        slices_.try_emplace(service + (is_ipv4 ? "/pods-ipv4" : "/pods-ipv6") + numbers);
    EndpointSlice& slice = found->second;
    if (!is_new) return slice;
    slice.meta.key = {service_.meta.key.name_space, found->first};
    slice.meta.labels.emplace(std::string(model::kServiceNameLabel), service);
    slice.address_type = is_ipv4 ? model::AddressType::IPv4 : model::AddressType::IPv6;
    for (const ServicePortSpec& port : service_.ports) {
      const auto number = find_port(pod, port);
      if (!number) continue;
      slice.ports.push_back({port.name, port.protocol, number});
      bytes_ += sizeof(EndpointPort) + bytes_of(port.name);
    }
    bytes_ += sizeof slice + 2 * bytes_of(found->first);
    return slice;
  }

  const Service& service_;
  const std::size_t most_bytes_;
  std::vector<const ServicePortSpec*> named_;
  std::map<std::string, EndpointSlice> slices_;
  std::size_t bytes_ = 0;
};

std::size_t bytes_of(const EndpointSlice& slice) {
  std::size_t bytes = sizeof slice + 2 * bytes_of(slice.meta.key.name);
  for (const EndpointPort& port : slice.ports) bytes += sizeof port + bytes_of(*port.name);
  for (const model::Endpoint& endpoint : slice.endpoints) bytes += bytes_of(endpoint);
  return bytes;
}

std::string label_text(const std::string& key, const std::string& value) {
  return key + '\0' + value;
}

}  // namespace

std::optional<std::vector<EndpointSlice>> slices_of_pods(const Service& service,
                                                         const std::vector<const Pod*>& selected,
                                                         std::size_t most_bytes) {
  SliceMaker maker(service, most_bytes);
  for (const Pod* pod : selected) {
    if (should_be_listed(*pod) && !maker.add(*pod)) return std::nullopt;
  }
  return maker.take();
}

void PodEndpoints::replace(std::vector<ServicePtr> all) {
  std::set<ObjectKey> gone;
  for (const auto& [name_space, space] : namespaces_) {
    for (const auto& [name, selecting] : space.services) {
      if (selecting.service) gone.insert({name_space, name});
    }
  }
  for (ServicePtr& service : all) {
    gone.erase(service->meta.key);
    upsert(std::move(service));
  }
  for (const ObjectKey& key : gone) erase(key, static_cast<Service*>(nullptr));
}

void PodEndpoints::replace(std::vector<PodPtr> all) {
  std::set<ObjectKey> gone;
  for (const auto& [name_space, space] : namespaces_) {
    for (const auto& [name, pod] : space.pods) gone.insert({name_space, name});
  }
  for (PodPtr& pod : all) {
    gone.erase(pod->meta.key);
    upsert(std::move(pod));
  }
  for (const ObjectKey& key : gone) erase(key, static_cast<Pod*>(nullptr));
}

void PodEndpoints::replace(std::vector<SlicePtr> all) {
  std::set<ObjectKey> gone;
  for (const auto& [name_space, space] : namespaces_) {
    for (const auto& [name, service] : space.slice_service) gone.insert({name_space, name});
  }
  for (SlicePtr& slice : all) {
    gone.erase(slice->meta.key);
    upsert(std::move(slice));
  }
  for (const ObjectKey& key : gone) erase(key, static_cast<EndpointSlice*>(nullptr));
}

void PodEndpoints::upsert(ServicePtr service) {
  const ObjectKey key = service->meta.key;
  Namespace& space = namespaces_[key.name_space];
  Selecting& selecting = space.services[key.name];
  const bool selector_changed =
      !selecting.service || selecting.service->selector != service->selector;
  selecting.service = std::move(service);
  if (selector_changed) list_service(space, key.name, selecting);
  dirty_.insert(key);
}

void PodEndpoints::erase(const ObjectKey& key, Service*) {
  const auto space = namespaces_.find(key.name_space);
  if (space == namespaces_.end()) return;
  const auto found = space->second.services.find(key.name);
  if (found == space->second.services.end()) return;
  unlist_service(space->second, key.name, found->second);
  found->second.service.reset();
  dirty_.insert(key);
}

void PodEndpoints::upsert(PodPtr pod) {
  const ObjectKey key = pod->meta.key;
  Namespace& space = namespaces_[key.name_space];
  PodPtr& stored = space.pods[key.name];
  if (stored && *stored == *pod) return;
  if (stored) unlist_pod(key.name_space, space, *stored);
  stored = std::move(pod);
  list_pod(key.name_space, space, *stored);
  if (auto warning = weight_warning(*stored); !warning) {
    warnings_.erase(key);
  } else if (std::string& known = warnings_[key]; known != *warning) {
    known = std::move(*warning);
    log::warn(known);
  }
}

void PodEndpoints::erase(const ObjectKey& key, Pod*) {
  const auto space = namespaces_.find(key.name_space);
  if (space == namespaces_.end()) return;
  const auto found = space->second.pods.find(key.name);
  if (found == space->second.pods.end()) return;
  unlist_pod(key.name_space, space->second, *found->second);
  space->second.pods.erase(found);
  warnings_.erase(key);
  forget_if_empty(key.name_space);
}

/// What the EndpointSlice controller keeps for a Service that it finds a selector on.
bool PodEndpoints::is_controlled(const EndpointSlice& slice) const {
  if (precedence_ != Precedence::Pods || slice.service().name.empty()) return false;
  const std::string* manager = model::find(slice.meta.labels, model::kManagedByLabel);
  return manager != nullptr && *manager == model::kEndpointSliceController;
}

void PodEndpoints::upsert(SlicePtr slice) {
  const ObjectKey key = slice->meta.key;
  const ObjectKey service = slice->service();
  const bool controlled = is_controlled(*slice);
  Namespace& space = namespaces_[key.name_space];
  const auto before = space.slice_service.find(key.name);
  if (before != space.slice_service.end()) {
    const auto owner = space.services.find(before->second);
    const bool was_controlled =
        owner != space.services.end() && owner->second.controlled.contains(key.name);
    if (before->second != service.name || was_controlled != controlled) erase_slice(key);
  }
  space.slice_service[key.name] = service.name;
  if (controlled) {
    space.services[service.name].controlled.insert_or_assign(key.name, std::move(slice));
    dirty_.insert(service);
    return;
  }
  if (!service.name.empty() && space.services[service.name].own_slices.insert(key.name).second) {
    dirty_.insert(service);
  }
  out_.upsert(std::move(slice));
}

void PodEndpoints::erase(const ObjectKey& key, EndpointSlice*) {
  erase_slice(key);
  forget_if_empty(key.name_space);
}

/// Takes one of the source's slices away from its Service and from whoever was told of it.
void PodEndpoints::erase_slice(const ObjectKey& slice) {
  bool was_controlled = false;
  if (const auto found = namespaces_.find(slice.name_space); found != namespaces_.end()) {
    Namespace& space = found->second;
    if (const auto entry = space.slice_service.extract(slice.name)) {
      const auto service = space.services.find(entry.mapped());
      if (service != space.services.end()) {
        was_controlled = service->second.controlled.erase(slice.name) > 0;
        if (was_controlled || service->second.own_slices.erase(slice.name) > 0) {
          dirty_.insert({slice.name_space, entry.mapped()});
        }
      }
    }
  }
  // The controller's were passed on, if at all, with what was made: remake() takes them back.
  if (!was_controlled) out_.erase(slice);
}

/// Lists a Service where the pods that it selects will find it: under one pair of its selector,
/// the one that the fewest Services have.
void PodEndpoints::list_service(Namespace& space, const std::string& name, Selecting& selecting) {
  unlist_service(space, name, selecting);
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const auto& [key, value] : selecting.service->selector) {
    std::string text = label_text(key, value);
    const auto listed = space.services_by_label.find(text);
    const std::size_t count = listed == space.services_by_label.end() ? 0 : listed->second.size();
    if (count < fewest) {
      fewest = count;
      selecting.anchor = std::move(text);
    }
  }
  if (!selecting.anchor.empty()) space.services_by_label[selecting.anchor].insert(name);
}

void PodEndpoints::unlist_service(Namespace& space, const std::string& name, Selecting& selecting) {
  const auto listed = space.services_by_label.find(selecting.anchor);
  if (listed != space.services_by_label.end()) {
    listed->second.erase(name);
    if (listed->second.empty()) space.services_by_label.erase(listed);
  }
  selecting.anchor.clear();
}

void PodEndpoints::list_pod(const std::string& name_space, Namespace& space, const Pod& pod) {
  for (const auto& [key, value] : pod.meta.labels) {
    std::string text = label_text(key, value);
    space.pods_by_label[text].insert(&pod);
    dirty_labels_.insert({name_space, std::move(text)});
  }
}

void PodEndpoints::unlist_pod(const std::string& name_space, Namespace& space, const Pod& pod) {
  for (const auto& [key, value] : pod.meta.labels) {
    std::string text = label_text(key, value);
    const auto listed = space.pods_by_label.find(text);
    listed->second.erase(&pod);
    if (listed->second.empty()) space.pods_by_label.erase(listed);
    dirty_labels_.insert({name_space, std::move(text)});
  }
}

/// The pods that a Service selects, by name.
std::vector<const Pod*> PodEndpoints::select(const Namespace& space, const Service& service) {
  std::vector<const Pod*> pods;
  const std::unordered_set<const Pod*>* fewest = nullptr;
  for (const auto& [key, value] : service.selector) {
    const auto listed = space.pods_by_label.find(label_text(key, value));
    if (listed == space.pods_by_label.end()) return pods;
    if (fewest == nullptr || listed->second.size() < fewest->size()) fewest = &listed->second;
  }
  if (fewest == nullptr) return pods;
  std::copy_if(fewest->begin(), fewest->end(), std::back_inserter(pods),
               [&](const Pod* pod) { return model::selects(service.selector, pod->meta.labels); });
  std::sort(pods.begin(), pods.end(),
            [](const Pod* a, const Pod* b) { return a->meta.key.name < b->meta.key.name; });
  return pods;
}

void PodEndpoints::flush() {
  for (const ObjectKey& label : std::exchange(dirty_labels_, {})) {
    const auto space = namespaces_.find(label.name_space);
    if (space == namespaces_.end()) continue;
    const auto listed = space->second.services_by_label.find(label.name);
    if (listed == space->second.services_by_label.end()) continue;
    for (const std::string& service : listed->second) dirty_.insert({label.name_space, service});
  }
  const std::size_t before = made_bytes_;
  for (const ObjectKey& key : std::exchange(dirty_, {})) {
    remake(key);
    forget_if_unused(key);
  }
  if (made_bytes_ >= before) return;
  // There is room again.
  for (const ObjectKey& key : std::set(over_limit_)) remake(key);
}

/// Passes on the difference between what was made for a Service and what should be.
void PodEndpoints::remake(const ObjectKey& key) {
  Namespace& space = namespaces_[key.name_space];
  Selecting& selecting = space.services[key.name];
  made_bytes_ -= selecting.made_bytes;
  selecting.made_bytes = 0;
  over_limit_.erase(key);

  std::map<std::string, SlicePtr> next;
  const bool selects_pods =
      selecting.service && (precedence_ == Precedence::Pods ? !selecting.service->selector.empty()
                                                            : selecting.own_slices.empty());
  if (!selects_pods) next = selecting.controlled;
  if (selects_pods) {
    auto slices = slices_of_pods(*selecting.service, select(space, *selecting.service),
                                 most_bytes_ - std::min(most_bytes_, made_bytes_));
    if (!slices) {
      over_limit_.insert(key);
      slices.emplace();
    }
    for (EndpointSlice& slice : *slices) {
      selecting.made_bytes += bytes_of(slice);
      const std::string name = slice.meta.key.name;
      const auto before = selecting.made.find(name);
      const bool is_known = before != selecting.made.end() && *before->second == slice;
      next.emplace(name, is_known ? before->second
                                  : std::make_shared<const EndpointSlice>(std::move(slice)));
    }
  }
  made_bytes_ += selecting.made_bytes;
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
  if (found != space->second.services.end() && !found->second.service &&
      found->second.own_slices.empty() && found->second.controlled.empty()) {
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
