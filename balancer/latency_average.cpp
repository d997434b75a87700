#include "balancer/latency_average.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

namespace wherry::balancer {
namespace {

/// Wraps after 49 days, which an age notices only if nothing was recorded for as long.
std::uint32_t milliseconds_of(TimePoint time) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

struct Average {
  float value;  ///< seconds
  std::uint32_t at;
};

Average unpack(std::uint64_t bits) {
  return {std::bit_cast<float>(static_cast<std::uint32_t>(bits >> 32)),
          static_cast<std::uint32_t>(bits)};
}

std::uint64_t pack(Average average) {
  return (std::uint64_t{std::bit_cast<std::uint32_t>(average.value)} << 32) | average.at;
}

/// What is left of an observation's weight. Workers read their clocks one after the other, so that
/// an age may be a little below zero.
float left_of(std::uint32_t at, std::uint32_t now) {
  const auto age = static_cast<std::int32_t>(now - at);
  if (age <= 0) return 1;
  constexpr auto kMilliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(LatencyAverage::kDecay).count();
  return std::exp(static_cast<float>(-age) / static_cast<float>(kMilliseconds));
}

}  // namespace

void LatencyAverage::record(TimePoint now, Duration latency) noexcept {
  const std::uint32_t at = milliseconds_of(now);
  const auto observed = static_cast<float>(seconds_of(std::max(latency, kLeast)));
  std::uint64_t before = bits_.load(std::memory_order_relaxed);
  for (;;) {
    const Average old = unpack(before);
    const float left = before == 0 ? 0 : left_of(old.at, at);
    const float value =
        observed >= old.value * left ? observed : old.value * left + observed * (1 - left);
    if (bits_.compare_exchange_weak(before, pack({value, at}), std::memory_order_relaxed)) return;
  }
}

double LatencyAverage::seconds_at(TimePoint now) const noexcept {
  const double least = seconds_of(kLeast);
  const std::uint64_t bits = bits_.load(std::memory_order_relaxed);
  if (bits == 0) return least;
  const Average average = unpack(bits);
  return std::max<double>(least, average.value * left_of(average.at, milliseconds_of(now)));
}

}  // namespace wherry::balancer
