#include "base/async/wakeup.h"

#include "base/async/task_group.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gtest/gtest.h>

#include <chrono>

namespace wherry {
namespace {

using namespace std::chrono_literals;

class WakeupTest : public ::testing::Test {
 protected:
  void run() {
    loop_.restart();
    loop_.poll();
  }
  asio::awaitable<void> wait_times(int times) {
    for (int i = 0; i < times; ++i) {
      co_await wakeup_.wait();
      ++woken_;
    }
  }
  asio::awaitable<void> doze(Duration duration) {
    co_await sleep_for(timers_, wakeup_, duration);
    ++woken_;
  }

  asio::io_context loop_{1};
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  Wakeup wakeup_{loop_};
  TaskGroup tasks_{loop_};
  int woken_ = 0;
};

TEST_F(WakeupTest, LetsTheWaiterGoOnLater) {
  tasks_.spawn("waiter", wait_times(1));
  run();

  wakeup_.wake();
  EXPECT_EQ(woken_, 0);
  run();

  EXPECT_EQ(woken_, 1);
}

TEST_F(WakeupTest, KeepsAWakeForTheNextWait) {
  wakeup_.wake();
  wakeup_.wake();

  tasks_.spawn("waiter", wait_times(2));
  run();
  EXPECT_EQ(woken_, 1);

  wakeup_.wake();
  run();
  EXPECT_EQ(woken_, 2);
}

TEST_F(WakeupTest, ForgetsAWakeThatNobodyWaitedFor) {
  wakeup_.wake();
  wakeup_.reset();

  tasks_.spawn("waiter", wait_times(1));
  run();
  EXPECT_EQ(woken_, 0);

  wakeup_.wake();
  run();
}

TEST_F(WakeupTest, SleepsForItsTime) {
  tasks_.spawn("sleeper", doze(5s));
  run();

  timers_.advance(4999ms);
  run();
  EXPECT_EQ(woken_, 0);
  timers_.advance(1ms);
  run();

  EXPECT_EQ(woken_, 1);
}

TEST_F(WakeupTest, EndsASleepBeforeItsTime) {
  tasks_.spawn("sleeper", doze(5s));
  run();

  wakeup_.wake();
  run();

  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(timers_.waiting(), 0u);
}

}  // namespace
}  // namespace wherry
