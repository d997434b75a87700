#include "balancer/picker/ewma.h"

#include "balancer/picker/mix.h"
#include "base/assert.h"

#include <utility>

namespace wherry::balancer {

Ewma::Ewma(std::vector<std::shared_ptr<BackendState>> states, std::vector<std::uint32_t> weights)
    : Picker(std::move(weights)), states_(std::move(states)) {
  WHERRY_ASSERT(!states_.empty());
  if (!this->weights().empty()) by_weight_.emplace(this->weights());
}

std::size_t Ewma::draw(std::uint64_t bits) const noexcept {
  return by_weight_ ? by_weight_->pick(bits) : scale(bits, states_.size());
}

double Ewma::cost(std::size_t position, TimePoint now) const noexcept {
  const BackendState& state = *states_[position];
  const double load = 1.0 + state.load.load(std::memory_order_relaxed);
  const double weight = weights().empty() ? 1.0 : weights()[position];
  return state.connect_latency.seconds_at(now) * load / weight;
}

std::optional<std::size_t> Ewma::pick(const PickContext& context) noexcept {
  const std::uint64_t first_bits = context.chance;
  std::uint64_t second_bits = mix(context.chance + kGolden);
  std::size_t first = 0;
  std::size_t second = 0;
  if (context.tried.empty()) {
    first = draw(first_bits);
    // Another one than the first, in so far as one weighs anything to speak of.
    constexpr int kMostDraws = 8;
    second = draw(second_bits);
    for (int i = 1; i < kMostDraws && second == first && states_.size() > 1; ++i) {
      second_bits = mix(second_bits + kGolden);
      second = draw(second_bits);
    }
  } else {
    const auto one = choose_untried(weights(), states_.size(), context.tried, first_bits);
    if (!one) return std::nullopt;
    first = *one;
    second = choose_untried(weights(), states_.size(), context.tried, second_bits).value_or(first);
  }
  if (first == second) return first;
  return cost(second, context.now) < cost(first, context.now) ? second : first;
}

}  // namespace wherry::balancer
