#include "proxy/steer/address_pool.h"

#include "base/stable_hash.h"

namespace wherry::steer {

AddressPool::AddressPool(const Cidr& block)
    : block_(block), first_(1), count_(block.size() - (block.family() == IpFamily::IPv4 ? 2 : 1)) {}

std::optional<IpAddress> AddressPool::take(const model::ObjectKey& service) {
  if (const auto known = taken_.find(service); known != taken_.end()) {
    return block_.at(known->second);
  }
  if (used_.size() >= count_) return std::nullopt;

  const std::uint64_t wanted = first_ + stable_hash(service.to_string()) % count_;
  std::uint64_t index = wanted;
  // The first free index at or after the wanted one, past the end from the beginning.
  for (auto used = used_.lower_bound(index); used != used_.end() && *used == index; ++used) ++index;
  if (index >= first_ + count_) {
    index = first_;
    for (auto used = used_.begin(); used != used_.end() && *used == index; ++used) ++index;
  }
  taken_.emplace(service, index);
  used_.insert(index);
  return block_.at(index);
}

void AddressPool::give_back(const model::ObjectKey& service) {
  const auto known = taken_.find(service);
  if (known == taken_.end()) return;
  used_.erase(known->second);
  taken_.erase(known);
}

}  // namespace wherry::steer
