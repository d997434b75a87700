#include "balancer/own_listeners.h"

#include <algorithm>
#include <vector>

namespace wherry::balancer {

void OwnListeners::set(const SocketAddress& address, Entrance entrance) {
  entrances_.set(address.ip, PortRange::of(address.port), entrance);
}

void OwnListeners::erase(const SocketAddress& address) {
  entrances_.erase(address.ip, PortRange::of(address.port));
}

bool OwnListeners::have_wildcard(const SocketAddress& address) const {
  return entrances_.has_wildcard(address.ip.family(), address.port);
}

const Entrance* OwnListeners::find(const SocketAddress& address, Local local) const {
  return local == Local::Yes || address.ip.is_loopback() ? entrances_.find_with_wildcard(address)
                                                         : entrances_.find(address);
}

bool OwnListeners::lead_back(const BackendTable& table, ServicePortId from,
                             const SocketAddress& address, Local local) const {
  const Entrance* next = find(address, local);
  if (next == nullptr) return false;  // nearly always
  std::vector<ServicePortId> reached{next->service_port};
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
        const ServicePortId id = next->service_port;
        if (std::find(reached.begin(), reached.end(), id) == reached.end()) reached.push_back(id);
      }
    }
  }
  return false;
}

}  // namespace wherry::balancer
