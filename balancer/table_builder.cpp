#include "balancer/table_builder.h"

#include "balancer/endpoint_filter.h"
#include "balancer/picker/round_robin.h"
#include "base/stable_hash.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace wherry::balancer {
namespace {

bool same_backends(const Decision& a, const std::vector<Backend>& a_backends, const Decision& b,
                   const std::vector<Backend>& b_backends) {
  return std::equal(a.backends.begin(), a.backends.end(), b.backends.begin(), b.backends.end(),
                    [&](std::uint32_t x, std::uint32_t y) {
                      return a_backends[x].address == b_backends[y].address;
                    });
}

/// The position of the first backend at or after an address; past the last one it is the first.
std::size_t position_from(const Decision& decision, const std::vector<Backend>& backends,
                          const SocketAddress& address) {
  const auto found = std::lower_bound(decision.backends.begin(), decision.backends.end(), address,
                                      [&](std::uint32_t index, const SocketAddress& wanted) {
                                        return backends[index].address < wanted;
                                      });
  return found == decision.backends.end()
             ? 0
             : static_cast<std::size_t>(found - decision.backends.begin());
}

}  // namespace

TableBuilder::TableBuilder(const ServiceTracker& services, const SliceTracker& slices,
                           std::string_view node_name)
    : services_(services), slices_(slices), seed_(stable_hash(node_name)) {}

std::shared_ptr<const BackendTable> TableBuilder::build(const std::set<model::ObjectKey>& changed) {
  std::optional<TableDraft> draft;
  const auto set = [&](std::uint32_t slot, BackendTable::Entry entry) {
    if (!draft) draft.emplace(*latest_);
    draft->set(slot, std::move(entry));
  };

  for (const model::ObjectKey& key : changed) {
    const std::vector<ServicePort>& ports = services_.ports_of(key);
    const auto known = ids_.find(key);
    const std::vector<ServicePortId> before_ids =
        known == ids_.end() ? std::vector<ServicePortId>() : known->second;
    std::vector<ServicePortId> ids;
    for (const ServicePort& port : ports) {
      const ServicePortEntry* before = find(before_ids, port.key);
      BackendTable::Entry entry = make_entry(port, before);
      ids.push_back(entry->id);
      const std::uint32_t slot = entry->id.slot;
      if (before == nullptr || !same(*before, *entry)) set(slot, std::move(entry));
    }
    for (const ServicePortId id : before_ids) {
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
      set(id.slot, nullptr);
      free_slots_.push_back(id.slot);
    }
    if (ids.empty()) {
      ids_.erase(key);
    } else {
      ids_.insert_or_assign(key, std::move(ids));
    }
  }
  if (draft) latest_ = draft->finish();
  return latest_;
}

const ServicePortEntry* TableBuilder::find(const std::vector<ServicePortId>& ids,
                                           const ServicePortKey& key) const {
  for (const ServicePortId id : ids) {
    const ServicePortEntry* entry = latest_->find(id);
    if (entry != nullptr && entry->service_port.key == key) return entry;
  }
  return nullptr;
}

ServicePortId TableBuilder::new_id() {
  ServicePortId id;
  id.serial = ++serial_;
  if (free_slots_.empty()) {
    id.slot = slots_++;
  } else {
    id.slot = free_slots_.back();
    free_slots_.pop_back();
  }
  return id;
}

BackendTable::Entry TableBuilder::make_entry(const ServicePort& port,
                                             const ServicePortEntry* before) {
  auto entry = std::make_shared<ServicePortEntry>();
  entry->id = before == nullptr ? new_id() : before->id;
  entry->service_port = port;
  entry->state = before == nullptr ? std::make_shared<ServicePortState>(port.key) : before->state;
  entry->backends = slices_.backends_of(port.key);
  keep_states(entry->backends, before);

  Eligible eligible = filter_endpoints(entry->backends);
  Decisions decisions = decide(port, eligible);
  entry->excluded = std::move(eligible.excluded);
  entry->internal = std::move(decisions.internal);
  give_picker(entry->internal, entry->backends, before == nullptr ? nullptr : &before->internal,
              before, *entry->state, port.key);
  if (decisions.external) {
    // Both kinds of traffic take turns together: to a backend a connection is a connection.
    decisions.external->picker =
        decisions.external->verdict == Verdict::Forward ? entry->internal.picker : nullptr;
    entry->external = std::move(decisions.external);
  }
  return entry;
}

void TableBuilder::keep_states(std::vector<Backend>& backends,
                               const ServicePortEntry* before) const {
  for (Backend& backend : backends) {
    if (before != nullptr) {
      const auto known = std::lower_bound(
          before->backends.begin(), before->backends.end(), backend.address,
          [](const Backend& b, const SocketAddress& wanted) { return b.address < wanted; });
      if (known != before->backends.end() && known->address == backend.address) {
        backend.state = known->state;
        continue;
      }
    }
    backend.state = std::make_shared<BackendState>();
  }
}

/// Keeps the picker while its backends stay; else lets the new one go on where the old one stands.
void TableBuilder::give_picker(Decision& decision, const std::vector<Backend>& backends,
                               const Decision* before, const ServicePortEntry* before_entry,
                               ServicePortState& state, const ServicePortKey& key) const {
  if (before != nullptr && before->picker) {
    if (decision.verdict == Verdict::Forward &&
        same_backends(*before, before_entry->backends, decision, backends)) {
      decision.picker = before->picker;
      return;
    }
    const std::size_t next = before->picker->next_position();
    state.resume_at = before_entry->backends[before->backends[next]].address;
  }
  if (decision.verdict != Verdict::Forward) return;
  const std::size_t start = state.resume_at
                                ? position_from(decision, backends, *state.resume_at)
                                : static_cast<std::size_t>(stable_hash(key.to_string(), seed_) %
                                                           decision.backends.size());
  decision.picker = std::make_shared<RoundRobin>(decision.backends.size(), start);
}

}  // namespace wherry::balancer
