#include "balancer/picker/maglev.h"

#include "balancer/picker/mix.h"
#include "balancer/picker/weights.h"
#include "base/assert.h"

#include <numeric>
#include <utility>

namespace wherry::balancer {
namespace {

constexpr double kBound = 1.25;

}  // namespace

Maglev::Maglev(std::span<const std::uint64_t> hashes,
               std::vector<std::shared_ptr<BackendState>> states,
               std::vector<std::uint32_t> weights)
    : Picker(std::move(weights)),
      table_(hashes, this->weights()),
      states_(std::move(states)),
      whole_(this->weights().empty()
                 ? static_cast<double>(states_.size())
                 : std::accumulate(this->weights().begin(), this->weights().end(), 0.0)) {
  WHERRY_ASSERT(states_.size() == hashes.size());
}

bool Maglev::has_room(std::size_t position, std::uint32_t load) const noexcept {
  const std::uint32_t own = states_[position]->load.load(std::memory_order_relaxed);
  if (own < kAlwaysRoom) return true;
  const double weight = weights().empty() ? 1.0 : weights()[position];
  return own * whole_ < kBound * (1.0 + load) * weight;
}

std::optional<std::size_t> Maglev::pick(const PickContext& context) noexcept {
  const std::size_t first = table_.at(context.client);
  if (context.tried.empty() && has_room(first, context.load)) return first;
  return pick_beside(context);
}

/// A chain of slots that the client alone decides; then whoever has room; then anybody.
std::optional<std::size_t> Maglev::pick_beside(const PickContext& context) const noexcept {
  constexpr int kMostSlots = 16;
  std::uint64_t bits = context.client;
  for (int i = 0; i < kMostSlots; ++i) {
    const std::size_t position = table_.at(bits);
    if (!is_among(context.tried, position) && has_room(position, context.load)) return position;
    bits = mix(bits + kGolden);
  }
  const std::size_t size = states_.size();
  const std::size_t from = scale(bits, size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t position = from + i < size ? from + i : from + i - size;
    if (!is_among(context.tried, position) && has_room(position, context.load)) return position;
  }
  return choose_untried(weights(), size, context.tried, bits);
}

}  // namespace wherry::balancer
