#pragma once

#include "base/async/timers.h"
#include "tests/support/manual_clock.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace wherry::test {

/// Timers whose time passes only by advance(), which runs what falls due in order and moves the
/// clock along.
class ManualTimers final : public Timers {
 public:
  explicit ManualTimers(ManualClock& clock) : clock_(clock) {}

  [[nodiscard]] Timer schedule(Duration delay, std::function<void()> callback) override;

  /// Lets time pass; callbacks see the clock at the moment they were due. `settle` is called after
  /// each of them: there coroutines go on, which may wait anew within the same time.
  void advance(Duration by, const std::function<void()>& settle = {});

  /// How many callbacks wait.
  [[nodiscard]] std::size_t waiting() const { return due_.size(); }

 private:
  class Waiting;
  using Key = std::pair<TimePoint, std::size_t>;  ///< by time, then in the order of schedule()

  ManualClock& clock_;
  std::map<Key, std::function<void()>> due_;
  std::size_t scheduled_ = 0;
};

}  // namespace wherry::test
