#pragma once

#include "base/async/timers.h"
#include "base/clock.h"

#include <boost/intrusive/list.hpp>

#include <functional>
#include <utility>

namespace wherry::tcp {

/// What a thing that can stand in a DeadlineList derives from.
struct DeadlineHook
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  TimePoint deadline{};
};

/// Things that end after the same delay unless they are touched: a list in the order of deadlines
/// and one timer, so that touching one for every message costs a few pointers.
///
/// Belongs to one thread. A thing leaves the list when it is destroyed or removed.
class DeadlineList {
 public:
  using OnExpired = std::function<void(DeadlineHook&)>;

  /// A delay of 0 means never: nothing is ever listed.
  DeadlineList(Timers& timers, const Clock& clock, Duration delay, OnExpired on_expired)
      : timers_(timers), clock_(clock), delay_(delay), on_expired_(std::move(on_expired)) {}

  [[nodiscard]] bool enabled() const noexcept { return delay_ > Duration::zero(); }

  /// Starts, or starts again, the delay of one thing.
  void touch(DeadlineHook& thing) {
    if (!enabled()) return;
    thing.unlink();
    thing.deadline = clock_.now() + delay_;
    list_.push_back(thing);
    if (!timer_.is_waiting()) arm();
  }

  static void remove(DeadlineHook& thing) noexcept { thing.unlink(); }

  void stop() noexcept { timer_.cancel(); }

 private:
  using List = boost::intrusive::list<DeadlineHook, boost::intrusive::constant_time_size<false>>;

  void arm() {
    if (list_.empty()) return;
    timer_ = timers_.schedule(list_.front().deadline - clock_.now(), [this] { expire(); });
  }

  void expire() {
    const TimePoint now = clock_.now();
    while (!list_.empty() && list_.front().deadline <= now) {
      DeadlineHook& thing = list_.front();
      thing.unlink();
      on_expired_(thing);
    }
    arm();
  }

  Timers& timers_;
  const Clock& clock_;
  const Duration delay_;
  const OnExpired on_expired_;
  List list_;
  Timer timer_;
};

}  // namespace wherry::tcp
