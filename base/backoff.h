#pragma once

#include "base/clock.h"
#include "base/duration.h"
#include "base/random.h"

#include <chrono>

namespace wherry {

/// How long to wait before the next attempt: longer each time, with chance on top, so that a
/// thousand nodes that lost the same server do not come back in step.
///
/// The defaults are client-go's for reflectors (A14): 800 ms, doubled up to 30 s, plus up to as
/// much again; from the beginning once two minutes passed without a need for it.
class Backoff {
 public:
  struct Pace {
    Duration first = std::chrono::milliseconds(800);
    double factor = 2;
    Duration most = std::chrono::seconds(30);
    double jitter = 1;  ///< up to so many times the delay on top
    Duration forget_after = std::chrono::minutes(2);
  };

  Backoff(const Clock& clock, Random& random) : Backoff(clock, random, Pace()) {}
  Backoff(const Clock& clock, Random& random, const Pace& pace);

  /// How long to wait now.
  [[nodiscard]] Duration next();
  /// The next wait is a first one.
  void reset() noexcept { base_ = pace_.first; }

 private:
  const Clock& clock_;
  Random& random_;
  const Pace pace_;
  Duration base_;
  TimePoint last_{};
};

}  // namespace wherry
