#include "balancer/picker/round_robin.h"

#include "balancer/picker/mix.h"
#include "balancer/picker/weights.h"
#include "base/assert.h"

#include <algorithm>

namespace wherry::balancer {

RoundRobin::RoundRobin(std::size_t size, std::size_t start, std::vector<std::uint32_t> weights)
    : Picker(std::move(weights)), size_(size), order_(turn_order(this->weights())), turn_(0) {
  WHERRY_ASSERT(size > 0);
  const std::size_t position = start % size;
  const auto turn = order_.empty()
                        ? position
                        : static_cast<std::size_t>(
                              std::find(order_.begin(), order_.end(), position) - order_.begin());
  turn_.store(turn, std::memory_order_relaxed);
}

std::size_t RoundRobin::at(std::uint64_t turn) const noexcept {
  return order_.empty() ? turn % size_ : order_[turn % order_.size()];
}

std::optional<std::size_t> RoundRobin::pick(const PickContext& context) noexcept {
  if (!context.tried.empty()) return pick_another(context.tried);
  return at(turn_.fetch_add(1, std::memory_order_relaxed));
}

std::optional<std::size_t> RoundRobin::pick_another(std::span<const std::size_t> tried) noexcept {
  if (tried.size() >= size_) return std::nullopt;
  const std::uint64_t turn = second_turn_.fetch_add(1, std::memory_order_relaxed);
  // Counting only those that were not tried keeps second choices even.
  if (order_.empty()) return nth_untried(turn % (size_ - tried.size()), tried);
  return choose_untried(weights(), size_, tried, turn * kGolden);
}

std::optional<std::size_t> RoundRobin::next_position() const noexcept {
  return at(turn_.load(std::memory_order_relaxed));
}

}  // namespace wherry::balancer
