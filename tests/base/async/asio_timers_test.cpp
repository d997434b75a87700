#include "base/async/asio_timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace wherry {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AsioTimersTest : public ::testing::Test {
 protected:
  std::function<void()> note(std::string what) {
    return [this, what = std::move(what)] { ran_.push_back(what); };
  }

  asio::io_context loop_{1};
  AsioTimers timers_{loop_};
  std::vector<std::string> ran_;
};

TEST_F(AsioTimersTest, RunsACallbackFromTheLoopOnly) {
  const Timer timer = timers_.schedule(0s, note("a"));
  EXPECT_THAT(ran_, IsEmpty());

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("a"));
}

TEST_F(AsioTimersTest, RunsANegativeDelayAtOnce) {
  const Timer timer = timers_.schedule(-1h, note("a"));

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("a"));
}

TEST_F(AsioTimersTest, RunsTheShorterDelayFirst) {
  const Timer late = timers_.schedule(2ms, note("late"));
  const Timer soon = timers_.schedule(1ms, note("soon"));

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("soon", "late"));
}

TEST_F(AsioTimersTest, WaitsUntilTheCallbackRuns) {
  Timer timer;
  timer = timers_.schedule(0s, [&] { ran_.push_back(timer.is_waiting() ? "waiting" : "done"); });
  EXPECT_TRUE(timer.is_waiting());

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("done"));
}

TEST_F(AsioTimersTest, NeverRunsWhatWasCancelled) {
  Timer timer = timers_.schedule(0s, note("a"));

  timer.cancel();
  loop_.run();

  EXPECT_FALSE(timer.is_waiting());
  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(AsioTimersTest, EndsTheWaitOfTheLoopWhenCancelled) {
  Timer hour = timers_.schedule(1h, note("hour"));
  const Timer now = timers_.schedule(0s, [&] { hour.cancel(); });

  loop_.run();  // would last an hour

  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(AsioTimersTest, NeverRunsWhatLostItsHandle) {
  {
    const Timer timer = timers_.schedule(0s, note("a"));
  }

  loop_.run();

  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(AsioTimersTest, NeverRunsWhatWasCancelledAfterItsExpiryWasQueued) {
  // Both expire before the loop looks, so both completions are queued when the first runs.
  Timer first;
  Timer second;
  first = timers_.schedule(-2s, [&] {
    ran_.emplace_back("first");
    second.cancel();
  });
  second = timers_.schedule(-1s, note("second"));

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("first"));
}

TEST_F(AsioTimersTest, NeverRunsWhatLostItsHandleAfterItsExpiryWasQueued) {
  auto second = std::make_unique<Timer>();
  const Timer first = timers_.schedule(-2s, [&] { second.reset(); });
  *second = timers_.schedule(-1s, note("second"));

  loop_.run();

  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(AsioTimersTest, LetsACallbackReuseItsOwnHandle) {
  Timer timer;
  timer = timers_.schedule(0s, [&] {
    ran_.emplace_back("once");
    timer = timers_.schedule(0s, note("twice"));
  });

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("once", "twice"));
}

TEST_F(AsioTimersTest, LetsACallbackDestroyItsOwnHandle) {
  auto timer = std::make_unique<Timer>();
  *timer = timers_.schedule(0s, [&] {
    timer.reset();
    ran_.emplace_back("a");
  });

  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("a"));
}

TEST_F(AsioTimersTest, CancelsTheOneThatAnAssignmentReplaces) {
  Timer timer = timers_.schedule(0s, note("old"));

  timer = timers_.schedule(0s, note("new"));
  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("new"));
}

TEST_F(AsioTimersTest, GoesOnWaitingWhenMoved) {
  Timer from = timers_.schedule(0s, note("a"));

  const Timer to = std::move(from);
  loop_.run();

  EXPECT_THAT(ran_, ElementsAre("a"));
}

}  // namespace
}  // namespace wherry
