#include "balancer/picker/client_affinity.h"

#include "balancer/picker/weights.h"

#include <algorithm>
#include <mutex>

namespace wherry::balancer {

ClientAffinity::ClientAffinity(std::shared_ptr<Picker> inner, std::shared_ptr<AffinityTable> table,
                               Duration timeout, std::vector<std::uint64_t> hashes)
    : Picker({inner->weights().begin(), inner->weights().end()}),
      inner_(std::move(inner)),
      table_(std::move(table)),
      timeout_(timeout),
      hashes_(std::move(hashes)) {
  positions_.reserve(hashes_.size());
  for (std::uint32_t i = 0; i < hashes_.size(); ++i) positions_.emplace_back(hashes_[i], i);
  std::sort(positions_.begin(), positions_.end());
}

/// Nearly always it stands where it stood.
std::optional<std::size_t> ClientAffinity::position_of(
    const AffinityTable::Client& client) const noexcept {
  if (client.position < hashes_.size() && hashes_[client.position] == client.backend) {
    return client.position;
  }
  const auto found = std::lower_bound(positions_.begin(), positions_.end(),
                                      std::pair(client.backend, std::uint32_t{0}));
  if (found == positions_.end() || found->first != client.backend) return std::nullopt;
  return found->second;
}

std::optional<std::size_t> ClientAffinity::pick(const PickContext& context) noexcept {
  AffinityTable::Shard& shard = table_->shard_of(context.client);
  const std::lock_guard lock(shard.mutex);
  AffinityTable::Client* client = shard.find(context.client);
  std::optional<std::size_t> position;
  if (client != nullptr && context.now - client->seen <= timeout_) {
    // Another connection of the client may have found the next backend already.
    position = position_of(*client);
    if (position && is_among(context.tried, *position)) position.reset();
  }
  if (!position) {
    position = inner_->pick(context);
    if (!position) return std::nullopt;
    if (client == nullptr) client = &shard.add(context.client, context.now - timeout_);
    client->backend = hashes_[*position];
  }
  client->position = static_cast<std::uint32_t>(*position);
  shard.touch(*client, context.now);
  return position;
}

}  // namespace wherry::balancer
