#include "balancer/picker/weights.h"

#include "balancer/picker/mix.h"
#include "base/assert.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace wherry::balancer {
namespace {

constexpr std::uint64_t kMostTurns = 65'536;

std::uint64_t sum_of(std::span<const std::uint32_t> weights) {
  return std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
}

/// Weights that add up to about `most`.
std::vector<std::uint32_t> scaled_down(std::span<const std::uint32_t> weights, std::uint64_t sum,
                                       std::uint64_t most) {
  std::vector<std::uint32_t> scaled;
  scaled.reserve(weights.size());
  for (const std::uint32_t weight : weights) {
    const std::uint64_t turns = (weight * most + sum / 2) / sum;
    scaled.push_back(static_cast<std::uint32_t>(std::max<std::uint64_t>(1, turns)));
  }
  return scaled;
}

/// When a position is to have its next turn: in the middle of each of the `weight` parts into which
/// it divides the cycle.
struct Turn {
  std::uint64_t halves;  ///< 2k + 1 for the k-th turn; the time is halves / (2 * weight)
  std::uint32_t weight;
  std::uint32_t position;

  friend bool operator>(const Turn& a, const Turn& b) {
    const std::uint64_t left = a.halves * b.weight;
    const std::uint64_t right = b.halves * a.weight;
    return left != right ? left > right : a.position > b.position;
  }
};

}  // namespace

std::vector<std::uint32_t> reduce_weights(std::vector<std::uint32_t> weights) {
  std::uint32_t divisor = 0;
  for (const std::uint32_t weight : weights) divisor = std::gcd(divisor, weight);
  bool all_one = true;
  for (std::uint32_t& weight : weights) {
    weight /= divisor;
    all_one = all_one && weight == 1;
  }
  if (all_one) weights.clear();
  return weights;
}

std::vector<std::uint32_t> turn_order(std::span<const std::uint32_t> weights) {
  std::vector<std::uint32_t> scaled;
  const std::uint64_t most = std::max<std::uint64_t>(kMostTurns, 4 * weights.size());
  if (const std::uint64_t sum = sum_of(weights); sum > most) {
    scaled = scaled_down(weights, sum, most);
    weights = scaled;
  }

  std::vector<Turn> first;
  first.reserve(weights.size());
  for (std::uint32_t i = 0; i < weights.size(); ++i) first.push_back({1, weights[i], i});
  std::priority_queue turns(std::greater<>(), std::move(first));
  std::vector<std::uint32_t> order(sum_of(weights));
  for (std::uint32_t& position : order) {
    Turn turn = turns.top();
    turns.pop();
    position = turn.position;
    turn.halves += 2;
    turns.push(turn);
  }
  return order;
}

bool is_among(std::span<const std::size_t> positions, std::size_t position) noexcept {
  return std::find(positions.begin(), positions.end(), position) != positions.end();
}

std::size_t nth_untried(std::size_t n, std::span<const std::size_t> tried) noexcept {
  // Each round steps over the lowest tried positions that are still at or below the answer.
  std::size_t position = n;
  std::size_t from = 0;
  for (;;) {
    const auto passed = static_cast<std::size_t>(std::count_if(
        tried.begin(), tried.end(), [&](std::size_t t) { return t >= from && t <= position; }));
    if (passed == 0) return position;
    from = position + 1;
    position += passed;
  }
}

std::optional<std::size_t> choose_untried(std::span<const std::uint32_t> weights, std::size_t size,
                                          std::span<const std::size_t> tried,
                                          std::uint64_t point) noexcept {
  if (tried.size() >= size) return std::nullopt;
  if (weights.empty()) return nth_untried(scale(point, size - tried.size()), tried);
  std::uint64_t sum = sum_of(weights);
  for (const std::size_t position : tried) sum -= weights[position];
  std::uint64_t rest = scale(point, sum);
  for (std::size_t i = 0; i < size; ++i) {
    if (is_among(tried, i)) continue;
    if (rest < weights[i]) return i;
    rest -= weights[i];
  }
  return std::nullopt;  // not reached: the shares add up to the sum
}

AliasTable::AliasTable(std::span<const std::uint32_t> weights) : columns_(weights.size()) {
  WHERRY_ASSERT(!weights.empty());
  const std::uint64_t sum = sum_of(weights);
  const std::uint64_t size = weights.size();
  // A column holds `sum`; what a position has is its weight times the number of columns.
  std::vector<std::uint64_t> has(size);
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < size; ++i) {
    has[i] = weights[i] * size;
    (has[i] < sum ? small : large).push_back(i);
    columns_[i].other = i;
  }
  while (!small.empty() && !large.empty()) {
    const std::uint32_t poor = small.back();
    const std::uint32_t rich = large.back();
    small.pop_back();
    columns_[poor].own = static_cast<std::uint32_t>((static_cast<Uint128>(has[poor]) << 32) / sum);
    columns_[poor].other = rich;
    has[rich] -= sum - has[poor];
    if (has[rich] >= sum) continue;
    large.pop_back();
    small.push_back(rich);
  }
}

std::size_t AliasTable::pick(std::uint64_t bits) const noexcept {
  const Uint128 product = static_cast<Uint128>(bits) * columns_.size();
  const auto position = static_cast<std::size_t>(product >> 64);
  // Where within its column the point lies.
  const auto within = static_cast<std::uint32_t>(static_cast<std::uint64_t>(product) >> 32);
  const Column& column = columns_[position];
  return within < column.own ? position : column.other;
}

}  // namespace wherry::balancer
