#include "balancer/picker/affinity_table.h"

#include "balancer/picker/mix.h"

#include <algorithm>
#include <chrono>

namespace wherry::balancer {

AffinityTable::Client* AffinityTable::Shard::find(std::uint64_t hash) noexcept {
  if (buckets_.empty()) return nullptr;
  for (std::uint32_t i = bucket_of(hash); i != 0; i = clients_[i].next) {
    if (clients_[i].hash == hash) return &clients_[i];
  }
  return nullptr;
}

/// A client that knows the hash must not be able to fill one bucket: where the shard lies in memory
/// is what it does not know.
std::uint32_t& AffinityTable::Shard::bucket_of(std::uint64_t hash) noexcept {
  return buckets_[mix(hash ^ reinterpret_cast<std::uintptr_t>(this)) & (buckets_.size() - 1)];
}

AffinityTable::Client& AffinityTable::Shard::add(std::uint64_t hash, TimePoint expired) {
  if (clients_.empty()) clients_.emplace_back();
  std::uint32_t index = clients_[0].newer;  // who was seen least recently
  const bool may_go = index != 0 && clients_[index].seen < expired;
  if (may_go || size() == kMostOfShard) {
    forget(index);
  } else {
    index = static_cast<std::uint32_t>(clients_.size());
    clients_.emplace_back();
    if (2 * clients_.size() > buckets_.size()) grow();
  }
  clients_[index] = Client{.hash = hash};
  std::uint32_t& bucket = bucket_of(hash);
  clients_[index].next = bucket;
  bucket = index;
  put_newest(index);
  return clients_[index];
}

void AffinityTable::Shard::touch(Client& client, TimePoint now) noexcept {
  constexpr auto kKeepsPlace = std::chrono::seconds(1);
  if (now <= client.seen) return;
  const bool keeps_place = now - client.placed < kKeepsPlace;
  client.seen = now;
  if (keeps_place) return;
  client.placed = now;
  unlink(client);
  put_newest(static_cast<std::uint32_t>(&client - clients_.data()));
}

void AffinityTable::Shard::grow() {
  buckets_.assign(std::max<std::size_t>(16, 2 * buckets_.size()), 0);
  // All but the last, which is about to be filled in.
  for (std::uint32_t i = 1; i + 1 < clients_.size(); ++i) {
    std::uint32_t& bucket = bucket_of(clients_[i].hash);
    clients_[i].next = bucket;
    bucket = i;
  }
}

void AffinityTable::Shard::unlink(Client& client) noexcept {
  clients_[client.older].newer = client.newer;
  clients_[client.newer].older = client.older;
}

void AffinityTable::Shard::put_newest(std::uint32_t index) noexcept {
  Client& client = clients_[index];
  client.newer = 0;
  client.older = clients_[0].older;
  clients_[client.older].newer = index;
  clients_[0].older = index;
}

void AffinityTable::Shard::forget(std::uint32_t index) noexcept {
  unlink(clients_[index]);
  std::uint32_t* at = &bucket_of(clients_[index].hash);
  while (*at != index) at = &clients_[*at].next;
  *at = clients_[index].next;
}

AffinityTable::Shard& AffinityTable::shard_of(std::uint64_t client) noexcept {
  return places_[scale(client, kShards)].shard;
}

std::size_t AffinityTable::size() {
  std::size_t all = 0;
  for (Place& place : places_) {
    const std::lock_guard lock(place.shard.mutex);
    all += place.shard.size();
  }
  return all;
}

}  // namespace wherry::balancer
