#pragma once

#include "base/async/timers.h"
#include "base/clock.h"

#include <functional>

namespace wherry {

/// Turns many requests into few runs: a run follows the first request after `settle`, and takes
/// all requests that came meanwhile; runs keep `pause` between the end of one and the start of the
/// next (R1).
///
/// Control thread only. Owned by whoever requests; the callback must outlive it.
class Coalescer {
 public:
  struct Pace {
    Duration settle{};  ///< waits for more of the same burst
    Duration pause{};   ///< keeps a storm of changes from taking the thread
  };

  Coalescer(Timers& timers, const Clock& clock, Pace pace, std::function<void()> run);

  void request();
  void stop() noexcept;

 private:
  void run_now();

  Timers& timers_;
  const Clock& clock_;
  const Pace pace_;
  const std::function<void()> run_;
  Timer timer_;
  TimePoint not_before_{};
  bool running_ = false;
  bool requested_while_running_ = false;
};

}  // namespace wherry
