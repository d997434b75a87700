#include "base/async/coalescer.h"

#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace wherry {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CoalescerTest : public ::testing::Test {
 protected:
  void on_run() {
    started_.push_back(std::chrono::duration_cast<milliseconds>(clock_.now() - begin_));
    if (during_run_) during_run_();
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  const TimePoint begin_ = clock_.now();
  std::vector<milliseconds> started_;
  std::function<void()> during_run_;
  Coalescer coalescer_{timers_, clock_, {.settle = 10ms, .pause = 100ms}, [this] { on_run(); }};
};

TEST_F(CoalescerTest, RunsNothingUnasked) {
  timers_.advance(1h);

  EXPECT_THAT(started_, IsEmpty());
}

TEST_F(CoalescerTest, RunsOnceForABurst) {
  coalescer_.request();
  timers_.advance(9ms);
  coalescer_.request();
  coalescer_.request();
  timers_.advance(1h);

  EXPECT_THAT(started_, ElementsAre(10ms));
}

TEST_F(CoalescerTest, DoesNotRunInsideRequest) {
  Coalescer eager(timers_, clock_, {}, [this] { on_run(); });

  eager.request();

  EXPECT_THAT(started_, IsEmpty());
}

TEST_F(CoalescerTest, RunsAgainForARequestAfterARun) {
  coalescer_.request();
  timers_.advance(1s);
  coalescer_.request();
  timers_.advance(1s);

  EXPECT_THAT(started_, ElementsAre(10ms, 1010ms));
}

TEST_F(CoalescerTest, KeepsThePauseBetweenRuns) {
  coalescer_.request();
  timers_.advance(10ms);
  coalescer_.request();
  timers_.advance(1s);

  EXPECT_THAT(started_, ElementsAre(10ms, 110ms));
}

TEST_F(CoalescerTest, CountsThePauseFromTheEndOfARun) {
  during_run_ = [this] { clock_.advance(50ms); };
  coalescer_.request();
  timers_.advance(10ms);
  coalescer_.request();
  timers_.advance(1s);

  EXPECT_THAT(started_, ElementsAre(10ms, 160ms));
}

TEST_F(CoalescerTest, SettlesAtLeastAsLongAfterThePause) {
  coalescer_.request();
  timers_.advance(10ms + 95ms);
  coalescer_.request();
  timers_.advance(1s);

  EXPECT_THAT(started_, ElementsAre(10ms, 115ms));
}

TEST_F(CoalescerTest, KeepsThePauseForARequestDuringARun) {
  during_run_ = [this] {
    clock_.advance(50ms);
    if (started_.size() == 1) coalescer_.request();
  };
  coalescer_.request();
  timers_.advance(10s);

  EXPECT_THAT(started_, ElementsAre(10ms, 160ms));
}

TEST_F(CoalescerTest, ForgetsARequestWhenStopped) {
  coalescer_.request();
  coalescer_.stop();
  timers_.advance(1h);

  EXPECT_THAT(started_, IsEmpty());
}

TEST_F(CoalescerTest, ForgetsARequestDuringARunThatStopsIt) {
  during_run_ = [this] {
    coalescer_.request();
    coalescer_.stop();
  };
  coalescer_.request();
  timers_.advance(1h);

  EXPECT_THAT(started_, ElementsAre(10ms));
}

TEST_F(CoalescerTest, LeavesNoTimerBehind) {
  {
    Coalescer other(timers_, clock_, {}, [] {});
    other.request();
  }

  EXPECT_EQ(timers_.waiting(), 0u);
}

}  // namespace
}  // namespace wherry
