#include "balancer/picker_keeper.h"

#include "balancer/picker/client_affinity.h"
#include "balancer/picker/ewma.h"
#include "balancer/picker/least_connections.h"
#include "balancer/picker/maglev.h"
#include "balancer/picker/mix.h"
#include "balancer/picker/random_choice.h"
#include "balancer/picker/round_robin.h"
#include "balancer/picker/weights.h"
#include "base/stable_hash.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace wherry::balancer {
namespace {

using model::TrafficPolicy;

bool same_backends(const Decision& a, const std::vector<Backend>& a_backends, const Decision& b,
                   const std::vector<Backend>& b_backends) {
  return std::equal(a.backends.begin(), a.backends.end(), b.backends.begin(), b.backends.end(),
                    [&](std::uint32_t x, std::uint32_t y) {
                      return a_backends[x].address == b_backends[y].address;
                    });
}

/// What decides how a picker chooses, besides backends and weights.
bool same_choice(const ServicePort& a, const ServicePort& b) {
  return a.options.algorithm == b.options.algorithm && a.session_affinity == b.session_affinity &&
         (a.session_affinity == model::SessionAffinity::None ||
          a.affinity_timeout == b.affinity_timeout);
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

/// The decision that the picker of a set stands in; nullptr where no traffic uses that set.
const Decision* decision_over(const ServicePortEntry& entry, TrafficPolicy policy) {
  if (entry.internal.policy == policy) return &entry.internal;
  if (entry.external && entry.external->policy == policy) return &*entry.external;
  if (entry.external_from_node && entry.external_from_node->policy == policy) {
    return &*entry.external_from_node;
  }
  return nullptr;
}

/// By position. `steps` are SlowStart's, by index; empty without it.
std::vector<std::uint32_t> weights_of(const Decision& decision,
                                      const std::vector<Backend>& backends,
                                      const std::vector<std::uint32_t>& steps) {
  std::vector<std::uint32_t> weights;
  weights.reserve(decision.backends.size());
  for (const std::uint32_t index : decision.backends) {
    weights.push_back(backends[index].endpoint->weight * (steps.empty() ? 1 : steps[index]));
  }
  return reduce_weights(std::move(weights));
}

std::vector<std::uint64_t> hashes_of(const Decision& decision,
                                     const std::vector<Backend>& backends) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(decision.backends.size());
  for (const std::uint32_t index : decision.backends) {
    hashes.push_back(hash_of(backends[index].address));
  }
  return hashes;
}

std::vector<std::shared_ptr<BackendState>> states_of(const Decision& decision,
                                                     const std::vector<Backend>& backends) {
  std::vector<std::shared_ptr<BackendState>> states;
  states.reserve(decision.backends.size());
  for (const std::uint32_t index : decision.backends) states.push_back(backends[index].state);
  return states;
}

}  // namespace

PickerKeeper::PickerKeeper(std::string_view node_name) : seed_(stable_hash(node_name)) {}

void PickerKeeper::give_pickers(ServicePortEntry& entry, const ServicePortEntry* before,
                                TimePoint now) {
  keep_affinity(entry, before == nullptr);
  const std::vector<std::uint32_t> steps = slow_start_steps(entry, now);
  for (const TrafficPolicy policy : {TrafficPolicy::Cluster, TrafficPolicy::Local}) {
    const Decision* first = nullptr;
    for (Decision* decision : decisions_of(entry)) {
      if (decision == nullptr || decision->policy != policy) continue;
      if (first != nullptr) {
        // Over one set all traffic takes turns together: to a backend a connection is a connection.
        decision->picker = first->picker;
        continue;
      }
      give_picker(*decision, entry, before == nullptr ? nullptr : decision_over(*before, policy),
                  before, steps);
      first = decision;
    }
  }
}

/// The clients are remembered as long as the Service wants it, and no longer (L3). One that is made
/// anew under the same name has no clients yet.
void PickerKeeper::keep_affinity(const ServicePortEntry& entry, bool is_new) const {
  std::shared_ptr<AffinityTable>& table = entry.state->pickers.affinity;
  if (is_new || entry.service_port.session_affinity == model::SessionAffinity::None) table.reset();
  if (entry.service_port.session_affinity == model::SessionAffinity::ClientIP && !table) {
    table = std::make_shared<AffinityTable>();
  }
}

std::vector<std::uint32_t> PickerKeeper::slow_start_steps(ServicePortEntry& entry, TimePoint now) {
  const Duration window = entry.service_port.options.slow_start;
  SlowStart& slow_start = entry.state->pickers.slow_start;
  due_.erase(entry.service_port.key);
  if (window == Duration::zero()) {
    slow_start.clear();
    return {};
  }
  std::vector<std::uint32_t> eligible;
  for (const Decision* decision : decisions_of(entry)) {
    if (decision == nullptr) continue;
    eligible.insert(eligible.end(), decision->backends.begin(), decision->backends.end());
  }
  SlowStart::Shares shares = slow_start.update(entry.backends, eligible, window, now);
  if (shares.next) due_.emplace(entry.service_port.key, *shares.next);
  return std::move(shares.steps);
}

std::optional<TimePoint> PickerKeeper::next_due() const {
  const auto first = std::min_element(
      due_.begin(), due_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return first == due_.end() ? std::nullopt : std::optional(first->second);
}

std::set<model::ObjectKey> PickerKeeper::take_due(TimePoint now) {
  std::set<model::ObjectKey> services;
  std::erase_if(due_, [&](const auto& each) {
    if (each.second > now) return false;
    services.insert(each.first.service);
    return true;
  });
  return services;
}

/// Keeps the picker while all that it chooses by stays; else lets the new one go on where the old
/// one stands.
void PickerKeeper::give_picker(Decision& decision, const ServicePortEntry& entry,
                               const Decision* before, const ServicePortEntry* before_entry,
                               const std::vector<std::uint32_t>& steps) const {
  ServicePortState& state = *entry.state;
  // Each set has its own place where it goes on.
  std::optional<SocketAddress>& resume_at = decision.policy == TrafficPolicy::Cluster
                                                ? state.pickers.resume_at
                                                : state.pickers.resume_local_at;
  std::vector<std::uint32_t> weights;
  if (decision.verdict == Verdict::Forward) weights = weights_of(decision, entry.backends, steps);
  if (before != nullptr && before->picker) {
    const auto before_weights = before->picker->weights();
    if (decision.verdict == Verdict::Forward &&
        same_choice(before_entry->service_port, entry.service_port) &&
        same_backends(*before, before_entry->backends, decision, entry.backends) &&
        std::equal(weights.begin(), weights.end(), before_weights.begin(), before_weights.end())) {
      decision.picker = before->picker;
      return;
    }
    if (const auto next = before->picker->next_position()) {
      resume_at = before_entry->backends[before->backends[*next]].address;
    }
  }
  if (decision.verdict != Verdict::Forward) return;
  const std::size_t start =
      resume_at ? position_from(decision, entry.backends, *resume_at)
                : static_cast<std::size_t>(stable_hash(state.key.to_string(), seed_) %
                                           decision.backends.size());
  decision.picker = make_picker(decision, entry, std::move(weights), start);
  if (const auto& affinity = state.pickers.affinity) {
    decision.picker = std::make_shared<ClientAffinity>(std::move(decision.picker), affinity,
                                                       entry.service_port.affinity_timeout,
                                                       hashes_of(decision, entry.backends));
  }
}

std::shared_ptr<Picker> PickerKeeper::make_picker(const Decision& decision,
                                                  const ServicePortEntry& entry,
                                                  std::vector<std::uint32_t> weights,
                                                  std::size_t start) const {
  const std::size_t size = decision.backends.size();
  switch (entry.service_port.options.algorithm) {
    case Algorithm::RoundRobin:
      break;
    case Algorithm::Random:
      return std::make_shared<RandomChoice>(size, std::move(weights));
    case Algorithm::LeastConnections:
      return std::make_shared<LeastConnections>(states_of(decision, entry.backends),
                                                std::move(weights));
    case Algorithm::Ewma:
      return std::make_shared<Ewma>(states_of(decision, entry.backends), std::move(weights));
    case Algorithm::Maglev:
      return std::make_shared<Maglev>(hashes_of(decision, entry.backends),
                                      states_of(decision, entry.backends), std::move(weights));
  }
  return std::make_shared<RoundRobin>(size, start, std::move(weights));
}

}  // namespace wherry::balancer
