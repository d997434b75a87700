#include "base/backoff.h"

#include <algorithm>

namespace wherry {

Backoff::Backoff(const Clock& clock, Random& random, const Pace& pace)
    : clock_(clock), random_(random), pace_(pace), base_(pace.first) {}

Duration Backoff::next() {
  const TimePoint now = clock_.now();
  if (now - last_ > pace_.forget_after) reset();
  last_ = now;
  const auto nanoseconds = static_cast<double>(base_.count());
  const double delay = nanoseconds * (1 + pace_.jitter * random_.next_unit());
  base_ = std::min(Duration(static_cast<Duration::rep>(nanoseconds * pace_.factor)), pace_.most);
  return Duration(static_cast<Duration::rep>(delay));
}

}  // namespace wherry
