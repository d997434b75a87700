#pragma once

#include "base/clock.h"
#include "base/duration.h"

#include <atomic>
#include <cstdint>

namespace wherry::balancer {

/// How long a backend has lately taken to accept connections: an average that follows a rise at
/// once and a fall slowly (peak EWMA), and sinks while nothing is heard, so that a backend that was
/// slow is tried again.
///
/// Any thread. A word of memory; the average is kept as a float of seconds.
class LatencyAverage {
 public:
  /// After so long an old observation counts 1/e.
  static constexpr Duration kDecay = std::chrono::seconds(5);
  /// Below this nothing is told apart; also what a backend that was never heard of counts as. Less
  /// than a round trip between two nodes.
  static constexpr Duration kLeast = std::chrono::microseconds(50);
  /// What a failed attempt counts as, however soon it failed: some 43 s until it is forgotten.
  static constexpr Duration kFailure = std::chrono::milliseconds(250);

  void record(TimePoint now, Duration latency) noexcept;
  void record_failure(TimePoint now, Duration latency) noexcept {
    record(now, latency < kFailure ? kFailure : latency);
  }
  [[nodiscard]] double seconds_at(TimePoint now) const noexcept;

 private:
  /// The bits of the float, then the time in milliseconds: 32 each. 0: nothing was recorded.
  std::atomic<std::uint64_t> bits_{0};
};

}  // namespace wherry::balancer
