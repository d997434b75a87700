#include "base/async/coalescer.h"

#include <algorithm>
#include <utility>

namespace wherry {

Coalescer::Coalescer(Timers& timers, const Clock& clock, Pace pace, std::function<void()> run)
    : timers_(timers), clock_(clock), pace_(pace), run_(std::move(run)) {}

void Coalescer::request() {
  if (running_) {
    requested_while_running_ = true;  // the pause begins only when this run ends
    return;
  }
  if (timer_.is_waiting()) return;
  const Duration until_allowed = not_before_ - clock_.now();
  timer_ = timers_.schedule(std::max(pace_.settle, until_allowed), [this] { run_now(); });
}

void Coalescer::stop() noexcept {
  requested_while_running_ = false;
  timer_.cancel();
}

void Coalescer::run_now() {
  running_ = true;
  run_();
  running_ = false;
  not_before_ = clock_.now() + pace_.pause;
  if (std::exchange(requested_while_running_, false)) request();
}

}  // namespace wherry
