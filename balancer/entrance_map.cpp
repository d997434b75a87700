#include "balancer/entrance_map.h"

namespace wherry::balancer {

void EntranceMap::set(const IpAddress& ip, PortRange ports, Entrance entrance) {
  if (ports.first == ports.last) {
    by_address_.insert_or_assign(SocketAddress{ip, ports.first}, entrance);
  } else {
    ranges_.insert_or_assign({ip, ports.last}, Range{ports.first, entrance});
  }
}

void EntranceMap::erase(const IpAddress& ip, PortRange ports) {
  if (ports.first == ports.last) {
    by_address_.erase(SocketAddress{ip, ports.first});
    return;
  }
  const auto found = ranges_.find({ip, ports.last});
  // Another one that ends at the same port may have taken its place.
  if (found != ranges_.end() && found->second.first == ports.first) ranges_.erase(found);
}

void EntranceMap::clear() {
  by_address_.clear();
  ranges_.clear();
}

const Entrance* EntranceMap::find(const SocketAddress& asked) const {
  const auto exact = by_address_.find(asked);
  if (exact != by_address_.end()) return &exact->second;
  if (ranges_.empty()) return nullptr;  // nearly always
  const auto range = ranges_.lower_bound({asked.ip, asked.port});
  const bool has_it =
      range != ranges_.end() && range->first.first == asked.ip && range->second.first <= asked.port;
  return has_it ? &range->second.entrance : nullptr;
}

const Entrance* EntranceMap::find_with_wildcard(const SocketAddress& asked) const {
  const Entrance* found = find(asked);
  return found != nullptr ? found : find({IpAddress::any(asked.ip.family()), asked.port});
}

}  // namespace wherry::balancer
