#include "balancer/slice_tracker.h"

#include <optional>
#include <utility>

namespace wherry::balancer {
namespace {

using model::EndpointSlice;

/// Slices of headless Services (W2), of names (S8) and of nobody have no say.
bool counts(const EndpointSlice& slice) {
  return slice.address_type != model::AddressType::FQDN && !slice.service().name.empty() &&
         model::find(slice.meta.labels, model::kHeadlessLabel) == nullptr;
}

bool is_of_family(const EndpointSlice& slice, IpFamily family) {
  return slice.address_type ==
         (family == IpFamily::IPv4 ? model::AddressType::IPv4 : model::AddressType::IPv6);
}

/// The numbers under which a slice offers a service port; several only if a slice is malformed.
std::vector<std::uint16_t> numbers_of(const EndpointSlice& slice, const ServicePortKey& key) {
  std::vector<std::uint16_t> numbers;
  for (const model::EndpointPort& port : slice.ports) {
    // T2: a port without name or number is for nobody.
    if (port.name == key.port && port.protocol == key.protocol && port.port.value_or(0) != 0) {
      numbers.push_back(*port.port);
    }
  }
  return numbers;
}

}  // namespace

SliceTracker::SliceTracker(std::function<void()> on_change) : on_change_(std::move(on_change)) {}

void SliceTracker::replace(std::vector<Object> all) {
  std::set<model::ObjectKey> gone;
  for (const auto& [key, service] : service_of_) gone.insert(key);
  for (Object& slice : all) {
    gone.erase(slice->meta.key);
    upsert(std::move(slice));
  }
  for (const model::ObjectKey& key : gone) erase(key);
  on_change_();
}

void SliceTracker::upsert(Object slice) {
  const model::ObjectKey key = slice->meta.key;
  const model::ObjectKey service = slice->service();
  const auto known = service_of_.find(key);
  if (known != service_of_.end() && (known->second != service || !counts(*slice))) erase(key);
  if (!counts(*slice)) return;

  Object& stored = slices_[service][key.name];
  if (stored && *stored == *slice) return;
  stored = std::move(slice);
  service_of_.insert_or_assign(key, service);
  changed_.insert(service);
  on_change_();
}

void SliceTracker::erase(const model::ObjectKey& key) {
  const auto known = service_of_.find(key);
  if (known == service_of_.end()) return;
  const model::ObjectKey service = known->second;
  service_of_.erase(known);
  const auto slices = slices_.find(service);
  slices->second.erase(key.name);
  if (slices->second.empty()) slices_.erase(slices);
  changed_.insert(service);
  on_change_();
}

std::set<model::ObjectKey> SliceTracker::take_changes() { return std::exchange(changed_, {}); }

std::optional<std::vector<Backend>> SliceTracker::backends_of(const ServicePortKey& key,
                                                              std::size_t most) const {
  std::vector<Backend> backends;
  const auto slices = slices_.find(key.service);
  if (slices == slices_.end()) return backends;

  std::map<SocketAddress, std::shared_ptr<const model::Endpoint>> by_address;
  for (const auto& [name, slice] : slices->second) {
    if (!is_of_family(*slice, key.family)) continue;
    for (const std::uint16_t number : numbers_of(*slice, key)) {
      for (const model::Endpoint& endpoint : slice->endpoints) {
        auto& stored = by_address[{endpoint.address, number}];
        // T7: one that terminates never takes the place of one that does not (a pod's address was
        // given to a new pod); otherwise the later slice counts.
        if (stored && endpoint.terminating && !stored->terminating) continue;
        stored = std::shared_ptr<const model::Endpoint>(slice, &endpoint);
        if (by_address.size() > most) return std::nullopt;
      }
    }
  }
  backends.reserve(by_address.size());
  for (auto& [address, endpoint] : by_address) {
    backends.push_back({address, std::move(endpoint), nullptr});
  }
  return backends;
}

}  // namespace wherry::balancer
