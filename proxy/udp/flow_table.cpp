#include "proxy/udp/flow_table.h"

#include "base/assert.h"
#include "base/mix.h"

#include <cstring>
#include <utility>

namespace wherry::udp {
namespace {

/// Every step is one to one for the word, and depends on all before it: without the seed nobody
/// knows which keys fall together.
std::uint64_t add_word(std::uint64_t hash, std::uint64_t word) {
  return mix((hash ^ word) + kGolden);
}

std::uint64_t add_address(std::uint64_t hash, const IpAddress& address) {
  const auto bytes = address.bytes();
  std::uint64_t words[2] = {0, 0};
  std::memcpy(words, bytes.data(), bytes.size());
  hash = add_word(hash, words[0]);
  return bytes.size() > sizeof words[0] ? add_word(hash, words[1]) : hash;
}

}  // namespace

std::size_t FlowTable::AddressHash::operator()(const IpAddress& address) const noexcept {
  return add_address(seed, address);
}

std::size_t FlowTable::KeyHash::operator()(const FlowKey& key) const noexcept {
  const std::uint64_t hash = add_address(add_address(seed, key.client.ip), key.asked.ip);
  // The entrance follows from the address that was asked, but for a moment when that changes hands.
  return add_word(
      hash, std::uint64_t{key.client.port} << 48 | std::uint64_t{key.asked.port} << 32 | key.scope);
}

FlowTable::FlowTable(Limits limits, std::uint64_t seed)
    : limits_(limits), flows_(0, KeyHash{seed}), sources_(0, AddressHash{mix(seed)}) {}

FlowTable::~FlowTable() {
  // Hooks must be out of their lists before flows and sources go.
  by_age_.clear();
  by_size_.clear();
  for (auto& [address, source] : sources_) source.flows.clear();
}

Flow* FlowTable::find(const FlowKey& key) noexcept {
  const auto found = flows_.find(key);
  return found == flows_.end() ? nullptr : found->second.get();
}

std::optional<FlowTable::Taken> FlowTable::make_room(const IpAddress& source) {
  const auto own = sources_.find(source);
  const bool has_its_part = own != sources_.end() && own->second.flows.size() >= limits_.per_source;
  if (has_its_part && !limits_.lends_room) {
    return Taken{remove(own->second.flows.front()), FlowEnd::SourceLimit};
  }
  if (flows_.size() < limits_.flows) return std::nullopt;
  // Of those who have more than their part nobody's flows are better than another's.
  const auto has_more = [this](const Source& of) { return of.flows.size() > limits_.per_source; };
  Flow& oldest = by_age_.front();
  if (has_more(source_of(oldest))) return Taken{remove(oldest), FlowEnd::SourceLimit};
  if (has_its_part) {
    return Taken{remove(own->second.flows.front()), FlowEnd::SourceLimit};
  }
  if (has_more(*by_size_.rbegin())) {
    return Taken{remove_of_largest_source(), FlowEnd::SourceLimit};
  }
  return Taken{remove_oldest(), FlowEnd::FlowLimit};
}

Flow& FlowTable::add(const FlowKey& key, Duration idle_timeout, TimePoint now) {
  auto made = std::make_unique<Flow>();
  Flow& flow = *made;
  flow.key = key;
  flow.last_active = now;
  flow.idle_timeout = idle_timeout;
  const bool is_new = flows_.emplace(key, std::move(made)).second;
  WHERRY_ASSERT(is_new);
  flow.deadline = deadlines_.emplace(now + idle_timeout, &flow);
  by_age_.push_back(flow);
  Source& own = sources_[key.client.ip];
  if (own.by_size.is_linked()) by_size_.erase(BySize::s_iterator_to(own));
  own.flows.push_back(flow);
  by_size_.insert(own);
  return flow;
}

void FlowTable::touch(Flow& flow, TimePoint now) noexcept {
  flow.last_active = now;
  by_age_.splice(by_age_.end(), by_age_, ByAge::s_iterator_to(flow));
  ByAgeInSource& own = source_of(flow).flows;
  own.splice(own.end(), own, ByAgeInSource::s_iterator_to(flow));
}

bool FlowTable::set_idle_timeout(Flow& flow, Duration timeout) {
  flow.idle_timeout = timeout;
  const TimePoint due = flow.last_active + timeout;
  if (due >= flow.deadline->first) return false;  // it moves when that comes up
  deadlines_.erase(flow.deadline);
  flow.deadline = deadlines_.emplace(due, &flow);
  return true;
}

std::unique_ptr<Flow> FlowTable::remove(Flow& flow) {
  by_age_.erase(ByAge::s_iterator_to(flow));
  const auto own = sources_.find(flow.key.client.ip);
  by_size_.erase(BySize::s_iterator_to(own->second));
  own->second.flows.erase(ByAgeInSource::s_iterator_to(flow));
  if (own->second.flows.empty()) {
    sources_.erase(own);
  } else {
    by_size_.insert(own->second);
  }
  deadlines_.erase(flow.deadline);
  return std::move(flows_.extract(flow.key).mapped());
}

std::unique_ptr<Flow> FlowTable::remove_oldest() {
  return by_age_.empty() ? nullptr : remove(by_age_.front());
}

std::unique_ptr<Flow> FlowTable::remove_of_largest_source() {
  if (by_age_.empty()) return nullptr;
  Source& largest = *by_size_.rbegin();
  const bool has_most = source_of(by_age_.front()) < largest;
  return remove(has_most ? largest.flows.front() : by_age_.front());
}

std::unique_ptr<Flow> FlowTable::take_expired(TimePoint now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Flow& flow = *deadlines_.begin()->second;
    const TimePoint due = flow.last_active + flow.idle_timeout;
    if (due <= now) return remove(flow);
    deadlines_.erase(flow.deadline);
    flow.deadline = deadlines_.emplace(due, &flow);
  }
  return nullptr;
}

std::optional<TimePoint> FlowTable::next_deadline() const {
  return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.begin()->first);
}

std::size_t FlowTable::size_of(const IpAddress& source) const {
  const auto own = sources_.find(source);
  return own == sources_.end() ? 0 : own->second.flows.size();
}

void FlowTable::for_each(const std::function<void(Flow&)>& visit) {
  for (auto& [key, flow] : flows_) visit(*flow);
}

}  // namespace wherry::udp
