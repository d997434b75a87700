#include "tests/support/manual_timers.h"

#include <algorithm>

namespace wherry::test {

class ManualTimers::Waiting final : public Timer::Pending {
 public:
  Waiting(ManualTimers& timers, Key key) : timers_(timers), key_(key) {}
  void cancel() noexcept override { timers_.due_.erase(key_); }
  [[nodiscard]] bool is_waiting() const noexcept override { return timers_.due_.contains(key_); }

 private:
  ManualTimers& timers_;
  Key key_;
};

Timer ManualTimers::schedule(Duration delay, std::function<void()> callback) {
  const auto after = std::chrono::duration_cast<TimePoint::duration>(std::max(delay, Duration{}));
  const Key key{clock_.now() + after, scheduled_++};
  due_.emplace(key, std::move(callback));
  return Timer(std::make_unique<Waiting>(*this, key));
}

void ManualTimers::advance(Duration by, const std::function<void()>& settle) {
  const TimePoint end = clock_.now() + std::chrono::duration_cast<TimePoint::duration>(by);
  while (!due_.empty() && due_.begin()->first.first <= end) {
    const auto node = due_.extract(due_.begin());
    clock_.advance(std::max(node.key().first, clock_.now()) - clock_.now());
    node.mapped()();
    if (settle) settle();
  }
  clock_.advance(end - clock_.now());
}

}  // namespace wherry::test
