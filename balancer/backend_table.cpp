#include "balancer/backend_table.h"

#include "base/assert.h"

#include <algorithm>

namespace wherry::balancer {
namespace {

bool same_decision(const Decision& a, const Decision& b) {
  return a.verdict == b.verdict && a.reason == b.reason && a.backends == b.backends &&
         a.picker == b.picker && a.policy == b.policy;
}

bool same_decision(const std::optional<Decision>& a, const std::optional<Decision>& b) {
  return a.has_value() == b.has_value() && (!a || same_decision(*a, *b));
}

}  // namespace

bool same(const ServicePortEntry& a, const ServicePortEntry& b) {
  return a.id == b.id && a.service_port == b.service_port &&
         std::equal(a.backends.begin(), a.backends.end(), b.backends.begin(), b.backends.end(),
                    [](const Backend& x, const Backend& y) { return x.same_as(y); }) &&
         same_decision(a.internal, b.internal) && same_decision(a.external, b.external) &&
         same_decision(a.external_from_node, b.external_from_node) && a.excluded == b.excluded;
}

const Backend* pick_backend(const ServicePortEntry& entry, const Decision& decision,
                            PickContext context, std::span<const SocketAddress> tried) {
  if (decision.verdict != Verdict::Forward) return nullptr;
  if (entry.state) context.load = entry.state->load.load(std::memory_order_relaxed);
  const auto pick = [&]() -> const Backend* {
    const auto position = decision.picker->pick(context);
    return position ? &entry.backends[decision.backends[*position]] : nullptr;
  };
  if (tried.empty()) return pick();

  // Few were tried, and the list is sorted by address: a look-up each.
  constexpr std::size_t kMostTried = 128;
  std::array<std::size_t, kMostTried> positions{};
  std::size_t count = 0;
  for (const SocketAddress& address : tried) {
    const auto found = std::lower_bound(decision.backends.begin(), decision.backends.end(), address,
                                        [&](std::uint32_t index, const SocketAddress& wanted) {
                                          return entry.backends[index].address < wanted;
                                        });
    if (found == decision.backends.end() || entry.backends[*found].address != address) continue;
    if (count == kMostTried) return nullptr;
    positions[count++] = static_cast<std::size_t>(found - decision.backends.begin());
  }
  context.tried = {positions.data(), count};
  return pick();
}

const ServicePortEntry* BackendTable::find(ServicePortId id) const noexcept {
  const std::size_t index = id.slot / kChunkSize;
  if (index >= chunks_.size()) return nullptr;
  const ServicePortEntry* entry = (*chunks_[index])[id.slot % kChunkSize].get();
  return entry != nullptr && entry->id == id ? entry : nullptr;
}

void BackendTable::for_each(const std::function<void(const ServicePortEntry&)>& visit) const {
  for (const auto& chunk : chunks_) {
    for (const Entry& entry : *chunk) {
      if (entry) visit(*entry);
    }
  }
}

std::vector<const ServicePortEntry*> BackendTable::sorted() const {
  std::vector<const ServicePortEntry*> entries;
  entries.reserve(size_);
  for_each([&entries](const ServicePortEntry& entry) { entries.push_back(&entry); });
  std::sort(entries.begin(), entries.end(),
            [](const ServicePortEntry* a, const ServicePortEntry* b) {
              return a->service_port.key < b->service_port.key;
            });
  return entries;
}

TableDraft::TableDraft(const BackendTable& base)
    : next_(std::make_shared<BackendTable>(base)), own_(base.chunks_.size()) {
  ++next_->generation_;
}

void TableDraft::set(std::uint32_t slot, BackendTable::Entry entry) {
  const std::size_t index = slot / BackendTable::kChunkSize;
  while (index >= own_.size()) {
    own_.push_back(std::make_shared<BackendTable::Chunk>());
    next_->chunks_.push_back(own_.back());
  }
  if (!own_[index]) {
    own_[index] = std::make_shared<BackendTable::Chunk>(*next_->chunks_[index]);
    next_->chunks_[index] = own_[index];
  }
  BackendTable::Entry& place = (*own_[index])[slot % BackendTable::kChunkSize];
  next_->size_ += (entry ? 1u : 0u);
  next_->size_ -= (place ? 1u : 0u);
  place = std::move(entry);
}

void TableDraft::set_node(std::shared_ptr<const NodeView> node) { next_->node_ = std::move(node); }

std::shared_ptr<const BackendTable> TableDraft::finish() {
  WHERRY_ASSERT(next_ != nullptr);
  own_.clear();
  return std::move(next_);
}

}  // namespace wherry::balancer
