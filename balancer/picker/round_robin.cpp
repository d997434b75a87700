#include "balancer/picker/round_robin.h"

#include "base/assert.h"

#include <algorithm>

namespace wherry::balancer {

RoundRobin::RoundRobin(std::size_t size, std::size_t start) noexcept : size_(size), turn_(0) {
  WHERRY_ASSERT(size > 0);
  turn_.store(start % size, std::memory_order_relaxed);
}

std::size_t RoundRobin::pick() noexcept {
  return turn_.fetch_add(1, std::memory_order_relaxed) % size_;
}

std::optional<std::size_t> RoundRobin::pick_another(std::span<const std::size_t> tried) noexcept {
  if (tried.size() >= size_) return std::nullopt;
  const std::uint64_t turn = second_turn_.fetch_add(1, std::memory_order_relaxed);
  // The n-th position that was not tried. Counting only those keeps second choices even; each
  // round steps over the lowest tried position that is still at or below the answer.
  std::size_t position = turn % (size_ - tried.size());
  std::size_t from = 0;
  for (;;) {
    const auto passed = static_cast<std::size_t>(std::count_if(
        tried.begin(), tried.end(), [&](std::size_t t) { return t >= from && t <= position; }));
    if (passed == 0) return position;
    from = position + 1;
    position += passed;
  }
}

std::size_t RoundRobin::next_position() const noexcept {
  return turn_.load(std::memory_order_relaxed) % size_;
}

}  // namespace wherry::balancer
