#include "balancer/slice_tracker.h"

#include "watcher/model/timestamp.h"

#include <functional>
#include <iterator>
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

/// Of one that counts.
IpFamily family_of(const EndpointSlice& slice) {
  return slice.address_type == model::AddressType::IPv4 ? IpFamily::IPv4 : IpFamily::IPv6;
}

/// None where it does not say; what can't be read is passed over, as it only measures.
std::optional<WallTime> trigger_of(const EndpointSlice& slice) {
  const std::string* text = model::find(slice.meta.annotations, model::kLastChangeTriggerTime);
  return text == nullptr ? std::nullopt : model::parse_timestamp(*text);
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

/// Whether an endpoint is one of this slice's, not one that looks like it.
bool is_in(const EndpointSlice& slice, const model::Endpoint& endpoint) {
  const std::less<const model::Endpoint*> before;
  const model::Endpoint* const begin = slice.endpoints.data();
  return !before(&endpoint, begin) && before(&endpoint, begin + slice.endpoints.size());
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
  ++seen_;
  const model::ObjectKey key = slice->meta.key;
  const model::ObjectKey service = slice->service();
  const auto known = service_of_.find(key);
  if (known != service_of_.end() && (known->second != service || !counts(*slice))) remove(key);
  if (!counts(*slice)) return;
  service_of_.insert_or_assign(key, service);
  store(service, key.name, std::move(slice));
}

void SliceTracker::erase(const model::ObjectKey& key) {
  ++seen_;
  remove(key);
}

void SliceTracker::store(const model::ObjectKey& service, const std::string& name, Object slice) {
  Object& stored = slices_[service][name];
  if (stored && model::same_endpoints(*stored, *slice)) return;
  const Object before = std::exchange(stored, std::move(slice));
  note(service, name, before, stored);
  on_change_();
}

void SliceTracker::remove(const model::ObjectKey& key) {
  const auto known = service_of_.find(key);
  if (known == service_of_.end()) return;
  const model::ObjectKey service = known->second;
  service_of_.erase(known);
  const auto slices = slices_.find(service);
  const auto slice = slices->second.find(key.name);
  const Object before = std::move(slice->second);
  slices->second.erase(slice);
  if (slices->second.empty()) slices_.erase(slices);
  note(service, key.name, before, nullptr);
  on_change_();
}

/// R2 and M2: whether the slice differs from what it was, and when its cause was.
void SliceTracker::note(const model::ObjectKey& service, const std::string& name,
                        const Object& before, const Object& now) {
  const auto same = [](const Object& a, const Object& b) {
    return a == b || (a && b && model::same_endpoints(*a, *b));
  };
  const auto changes = changes_.try_emplace(service).first;
  const auto [was, is_first] = changes->second.before.try_emplace(name, before);
  if (is_first) {
    ++pending_;
  } else if (same(was->second, now)) {
    --pending_;
    changes->second.before.erase(was);
    if (changes->second.before.empty()) {
      changes_.erase(changes);
      return;
    }
  }
  std::vector<Trigger>& triggers = changes->second.triggers;
  if (!now) {
    // The time in a slice that goes is that of its last change, not of its going.
    std::erase_if(triggers, [family = family_of(*before)](const Trigger& trigger) {
      return trigger.family == family;
    });
  } else if (const auto at = trigger_of(*now)) {
    triggers.push_back({service, family_of(*now), *at});
  }
}

std::set<model::ObjectKey> SliceTracker::take_changes() {
  std::set<model::ObjectKey> changed;
  taken_triggers_.clear();
  for (auto& [service, changes] : changes_) {
    changed.insert(changed.end(), service);
    std::move(changes.triggers.begin(), changes.triggers.end(),
              std::back_inserter(taken_triggers_));
  }
  changes_.clear();
  pending_ = 0;
  return changed;
}

std::vector<Trigger> SliceTracker::take_triggers() { return std::exchange(taken_triggers_, {}); }

std::optional<std::vector<Backend>> SliceTracker::backends_of(const ServicePortKey& key,
                                                              std::size_t most) const {
  std::vector<Backend> backends;
  const auto slices = slices_.find(key.service);
  if (slices == slices_.end()) return backends;

  std::map<SocketAddress, std::shared_ptr<const model::Endpoint>> by_address;
  for (const auto& [name, slice] : slices->second) {
    if (family_of(*slice) != key.family) continue;
    for (const std::uint16_t number : numbers_of(*slice, key)) {
      for (const model::Endpoint& endpoint : slice->endpoints) {
        auto& stored = by_address[{endpoint.address, number}];
        // T7: one that terminates never takes the place of one that does not (a pod's address was
        // given to a new pod), nor of one in the same slice; otherwise the later one counts.
        const bool keeps_place = stored && (!stored->terminating || is_in(*slice, *stored));
        if (endpoint.terminating && keeps_place) continue;
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
