#pragma once

#include "base/clock.h"

#include <chrono>

namespace wherry::test {

/// A clock that stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  [[nodiscard]] WallTime wall() const noexcept override { return wall_; }

  void advance(std::chrono::nanoseconds by) {
    now_ += std::chrono::duration_cast<TimePoint::duration>(by);
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }

 private:
  TimePoint now_{std::chrono::hours(1)};
  // 2026-01-01T00:00:00Z
  WallTime wall_{std::chrono::seconds(1767225600)};
};

}  // namespace wherry::test
