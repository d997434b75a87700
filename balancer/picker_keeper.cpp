#include "balancer/picker_keeper.h"

#include "balancer/picker/round_robin.h"
#include "base/stable_hash.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
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

std::array<Decision*, 3> decisions_of(ServicePortEntry& entry) {
  return {&entry.internal, entry.external ? &*entry.external : nullptr,
          entry.external_from_node ? &*entry.external_from_node : nullptr};
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

}  // namespace

PickerKeeper::PickerKeeper(std::string_view node_name) : seed_(stable_hash(node_name)) {}

void PickerKeeper::give_pickers(ServicePortEntry& entry, const ServicePortEntry* before) const {
  for (const TrafficPolicy policy : {TrafficPolicy::Cluster, TrafficPolicy::Local}) {
    const Decision* first = nullptr;
    for (Decision* decision : decisions_of(entry)) {
      if (decision == nullptr || decision->policy != policy) continue;
      if (first != nullptr) {
        // Over one set all traffic takes turns together: to a backend a connection is a
        // connection.
        decision->picker = first->picker;
        continue;
      }
      // Each set has its own place where it goes on.
      if (policy == TrafficPolicy::Local) {
        std::swap(entry.state->resume_at, entry.state->resume_local_at);
      }
      give_picker(*decision, entry, before == nullptr ? nullptr : decision_over(*before, policy),
                  before);
      if (policy == TrafficPolicy::Local) {
        std::swap(entry.state->resume_at, entry.state->resume_local_at);
      }
      first = decision;
    }
  }
}

/// Keeps the picker while its backends stay; else lets the new one go on where the old one stands.
void PickerKeeper::give_picker(Decision& decision, const ServicePortEntry& entry,
                               const Decision* before, const ServicePortEntry* before_entry) const {
  ServicePortState& state = *entry.state;
  if (before != nullptr && before->picker) {
    if (decision.verdict == Verdict::Forward &&
        same_backends(*before, before_entry->backends, decision, entry.backends)) {
      decision.picker = before->picker;
      return;
    }
    const std::size_t next = before->picker->next_position();
    state.resume_at = before_entry->backends[before->backends[next]].address;
  }
  if (decision.verdict != Verdict::Forward) return;
  const std::size_t start =
      state.resume_at ? position_from(decision, entry.backends, *state.resume_at)
                      : static_cast<std::size_t>(stable_hash(state.key.to_string(), seed_) %
                                                 decision.backends.size());
  decision.picker = std::make_shared<RoundRobin>(decision.backends.size(), start);
}

}  // namespace wherry::balancer
