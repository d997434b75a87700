#include "balancer/table_builder.h"

#include "balancer/endpoint_filter.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace wherry::balancer {

TableBuilder::TableBuilder(const ServiceTracker& services, const SliceTracker& slices,
                           std::string_view node_name, std::size_t most_backends)
    : services_(services),
      slices_(slices),
      pickers_(node_name),
      node_(std::make_shared<const NodeView>(view_of(nullptr, std::string(node_name)))),
      most_backends_(most_backends),
      latest_(std::make_shared<const BackendTable>(node_)) {}

void TableBuilder::set_node(NodeView node) {
  if (node == *node_) return;
  node_ = std::make_shared<const NodeView>(std::move(node));
}

std::shared_ptr<const BackendTable> TableBuilder::build(const std::set<model::ObjectKey>& changed,
                                                        TimePoint now) {
  now_ = now;
  std::optional<TableDraft> draft;
  const std::size_t before = backends_;
  for (const model::ObjectKey& key : changed) rebuild(key, draft);
  if (latest_->node() != *node_) {
    if (latest_->node().topology != node_->topology) rebuild_others(changed, draft);
    if (!draft) draft.emplace(*latest_);
    draft->set_node(node_);
  }
  for (const model::ObjectKey& key : pickers_.take_due(now)) rebuild(key, draft);
  if (draft) latest_ = draft->finish();
  if (backends_ >= before || over_limit_.empty()) return latest_;

  // There is room again.
  std::set<model::ObjectKey> waiting;
  for (const ServicePortKey& key : over_limit_) waiting.insert(key.service);
  draft.reset();
  for (const model::ObjectKey& key : waiting) rebuild(key, draft);
  if (draft) latest_ = draft->finish();
  return latest_;
}

/// Every Service that is known and not among these.
void TableBuilder::rebuild_others(const std::set<model::ObjectKey>& rebuilt,
                                  std::optional<TableDraft>& draft) {
  std::vector<model::ObjectKey> others;
  for (const auto& [key, ids] : ids_) {
    if (!rebuilt.contains(key)) others.push_back(key);
  }
  for (const model::ObjectKey& key : others) rebuild(key, draft);
}

/// Puts what changed of one Service into the draft, which is made when there is something.
void TableBuilder::rebuild(const model::ObjectKey& service, std::optional<TableDraft>& draft) {
  const auto set = [&](std::uint32_t slot, BackendTable::Entry entry) {
    if (!draft) draft.emplace(*latest_);
    draft->set(slot, std::move(entry));
  };

  const std::vector<ServicePort>& ports = services_.ports_of(service);
  const auto known = ids_.find(service);
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
    depart(*latest_->find(id));
    set(id.slot, nullptr);
    free_slots_.push_back(id.slot);
  }
  if (ids.empty()) {
    ids_.erase(service);
  } else {
    ids_.insert_or_assign(service, std::move(ids));
  }
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
  entry->state = before == nullptr ? new_state(port.key) : before->state;
  backends_ -= before == nullptr ? 0 : before->backends.size();
  auto backends =
      slices_.backends_of(port.key, most_backends_ - std::min(most_backends_, backends_));
  const bool fits = backends.has_value();
  if (fits) {
    over_limit_.erase(port.key);
    entry->backends = std::move(*backends);
  } else {
    over_limit_.insert(port.key);
  }
  backends_ += entry->backends.size();
  keep_states(entry->backends, before, *entry->state);

  const NodeTopology& topology = node_->topology;
  Decisions decisions = decide(port, categorize(entry->backends, topology), entry->backends);
  if (!fits) {
    decisions.internal.reason = Reason::TooManyEndpoints;
    for (auto* decision : {&decisions.external, &decisions.external_from_node}) {
      if (*decision) (*decision)->reason = Reason::TooManyEndpoints;
    }
  }
  entry->internal = std::move(decisions.internal);
  entry->external = std::move(decisions.external);
  entry->external_from_node = std::move(decisions.external_from_node);
  entry->excluded =
      excluded_from(entry->internal.backends, entry->internal.policy, entry->backends, topology);
  pickers_.give_pickers(*entry, before, now_);
  return entry;
}

/// Counts stay with an address, also when it leaves and comes back while sessions with it go on.
void TableBuilder::keep_states(std::vector<Backend>& backends, const ServicePortEntry* before,
                               ServicePortState& state) {
  std::erase_if(state.departed, [](const auto& each) { return each.second.expired(); });
  auto old = before == nullptr ? std::span<const Backend>() : std::span(before->backends);
  for (Backend& backend : backends) {
    for (; !old.empty() && old.front().address < backend.address; old = old.subspan(1)) {
      state.departed.insert_or_assign(old.front().address, old.front().state);
    }
    if (!old.empty() && old.front().address == backend.address) {
      backend.state = old.front().state;
      old = old.subspan(1);
      continue;
    }
    if (const auto departed = state.departed.find(backend.address);
        departed != state.departed.end()) {
      backend.state = departed->second.lock();
      state.departed.erase(departed);
    }
    if (!backend.state) backend.state = std::make_shared<BackendState>();
  }
  for (const Backend& gone : old) state.departed.insert_or_assign(gone.address, gone.state);
}

std::shared_ptr<ServicePortState> TableBuilder::new_state(const ServicePortKey& key) {
  if (const auto departed = departed_.find(key); departed != departed_.end()) {
    auto state = departed->second.lock();
    departed_.erase(departed);
    if (state) return state;
  }
  std::weak_ptr<ServiceState>& known = service_states_[key.service];
  auto service = known.lock();
  if (!service) known = service = std::make_shared<ServiceState>();
  return std::make_shared<ServicePortState>(key, std::move(service));
}

/// The service port is gone; what its sessions count is not.
void TableBuilder::depart(const ServicePortEntry& gone) {
  backends_ -= gone.backends.size();
  over_limit_.erase(gone.service_port.key);
  for (const Backend& backend : gone.backends) {
    gone.state->departed.insert_or_assign(backend.address, backend.state);
  }
  departed_.insert_or_assign(gone.service_port.key, gone.state);
  if (departed_.size() + service_states_.size() < prune_at_) return;
  std::erase_if(departed_, [](const auto& each) { return each.second.expired(); });
  std::erase_if(service_states_, [](const auto& each) { return each.second.expired(); });
  prune_at_ = std::max<std::size_t>(64, 2 * (departed_.size() + service_states_.size()));
}

}  // namespace wherry::balancer
