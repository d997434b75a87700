#include "balancer/picker/least_connections.h"

#include "balancer/picker/mix.h"
#include "base/assert.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace wherry::balancer {

LeastConnections::LeastConnections(std::vector<std::shared_ptr<BackendState>> states,
                                   std::vector<std::uint32_t> weights)
    : Picker(std::move(weights)), states_(std::move(states)) {
  WHERRY_ASSERT(!states_.empty());
  if (!this->weights().empty()) by_weight_.emplace(this->weights());
}

/// For its weight, and with the connection that is to be placed: of idle ones the heaviest is
/// first. Loads that are the same give the same number, because division rounds correctly.
double LeastConnections::load_of(std::size_t position) const noexcept {
  const double load = 1.0 + states_[position]->load.load(std::memory_order_relaxed);
  return weights().empty() ? load : load / weights()[position];
}

std::optional<std::size_t> LeastConnections::pick(const PickContext& context) noexcept {
  return states_.size() <= kCompareAll ? pick_of_all(context) : pick_of_drawn(context);
}

std::optional<std::size_t> LeastConnections::pick_of_all(
    const PickContext& context) const noexcept {
  constexpr double kTried = std::numeric_limits<double>::infinity();
  std::array<double, kCompareAll> loads;
  const std::size_t size = states_.size();
  for (std::size_t i = 0; i < size; ++i) loads[i] = load_of(i);
  for (const std::size_t position : context.tried) loads[position] = kTried;
  double least = kTried;
  for (std::size_t i = 0; i < size; ++i) least = std::min(least, loads[i]);
  if (least == kTried) return std::nullopt;

  // Any of the equals, each as likely.
  std::array<std::size_t, kCompareAll> equals;
  std::size_t count = 0;
  for (std::size_t i = 0; i < size; ++i) {
    equals[count] = i;
    count += loads[i] == least ? 1 : 0;
  }
  return equals[scale(context.chance, count)];
}

std::optional<std::size_t> LeastConnections::pick_of_drawn(
    const PickContext& context) const noexcept {
  std::array<std::size_t, kDrawn> drawn;
  std::uint64_t bits = mix(context.chance);
  for (std::size_t& position : drawn) {
    position = by_weight_ ? by_weight_->pick(bits) : scale(bits, states_.size());
    bits = bits * 0xd1342543de82ef95u + kGolden;  // its upper bits are what is used
  }
  std::optional<std::size_t> best;
  double least = std::numeric_limits<double>::infinity();
  for (const std::size_t position : drawn) {
    const double load = load_of(position);
    // What is drawn first wins over its equals; it might have been any of them.
    if (load >= least || is_among(context.tried, position)) continue;
    least = load;
    best = position;
  }
  return best ? best : choose_untried(weights(), states_.size(), context.tried, mix(bits));
}

}  // namespace wherry::balancer
