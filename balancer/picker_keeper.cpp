#include "balancer/picker_keeper.h"

#include "balancer/picker/round_robin.h"
#include "base/stable_hash.h"

#include <algorithm>
#include <cstddef>
#include <memory>

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

PickerKeeper::PickerKeeper(std::string_view node_name) : seed_(stable_hash(node_name)) {}

void PickerKeeper::give_pickers(ServicePortEntry& entry, const ServicePortEntry* before) const {
  give_picker(entry.internal, entry, before == nullptr ? nullptr : &before->internal, before);
  if (!entry.external) return;
  // Both kinds of traffic take turns together: to a backend a connection is a connection.
  entry.external->picker =
      entry.external->verdict == Verdict::Forward ? entry.internal.picker : nullptr;
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
