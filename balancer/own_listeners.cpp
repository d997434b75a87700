#include "balancer/own_listeners.h"

#include <algorithm>
#include <array>
#include <vector>

namespace wherry::balancer {
namespace {

SocketAddress wildcard_of(const SocketAddress& address) {
  return {IpAddress::any(address.ip.family()), address.port};
}

std::array<const Decision*, 3> decisions_of(const ServicePortEntry& entry) {
  return {&entry.internal, entry.external ? &*entry.external : nullptr,
          entry.external_from_node ? &*entry.external_from_node : nullptr};
}

}  // namespace

void OwnListeners::set(const SocketAddress& address, ServicePortId service_port) {
  by_address_.insert_or_assign(address, service_port);
}

void OwnListeners::erase(const SocketAddress& address) { by_address_.erase(address); }

bool OwnListeners::have_wildcard(const SocketAddress& address) const {
  return by_address_.contains(wildcard_of(address));
}

const ServicePortId* OwnListeners::find(const SocketAddress& address, Local local) const {
  auto found = by_address_.find(address);
  if (found == by_address_.end() && (local == Local::Yes || address.ip.is_loopback())) {
    found = by_address_.find(wildcard_of(address));
  }
  return found == by_address_.end() ? nullptr : &found->second;
}

bool OwnListeners::lead_back(const BackendTable& table, ServicePortId from,
                             const SocketAddress& address, Local local) const {
  const ServicePortId* next = find(address, local);
  if (next == nullptr) return false;  // nearly always
  std::vector<ServicePortId> reached{*next};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (reached[i] == from) return true;
    const ServicePortEntry* entry = table.find(reached[i]);
    if (entry == nullptr) continue;
    // Whatever kind of traffic a connection is then: any of them may pick a backend.
    for (const Decision* decision : decisions_of(*entry)) {
      if (decision == nullptr) continue;
      for (const std::uint32_t index : decision->backends) {
        next = find(entry->backends[index].address, Local::Unknown);
        if (next == nullptr) continue;
        if (std::find(reached.begin(), reached.end(), *next) == reached.end()) {
          reached.push_back(*next);
        }
      }
    }
  }
  return false;
}

}  // namespace wherry::balancer
