#include "proxy/tcp/deadline_list.h"

#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace wherry::tcp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct Thing : DeadlineHook {
  explicit Thing(int n) : number(n) {}
  int number;
};

class DeadlineListTest : public ::testing::Test {
 protected:
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  std::vector<int> expired_;
  DeadlineList list_{timers_, clock_, 10s, [this](DeadlineHook& hook) {
                       expired_.push_back(static_cast<Thing&>(hook).number);
                     }};
};

TEST_F(DeadlineListTest, ExpiresThingsInTheOrderInWhichTheyWereTouched) {
  Thing one(1);
  Thing two(2);
  list_.touch(two);
  timers_.advance(1s);
  list_.touch(one);

  timers_.advance(10s);

  EXPECT_THAT(expired_, ElementsAre(2, 1));
}

TEST_F(DeadlineListTest, DoesNotExpireAThingBeforeItsDelay) {
  Thing thing(1);
  list_.touch(thing);

  timers_.advance(10s - 1ms);

  EXPECT_THAT(expired_, ElementsAre());
}

TEST_F(DeadlineListTest, StartsTheDelayAgainForWhatIsTouched) {
  Thing thing(1);
  list_.touch(thing);
  timers_.advance(9s);

  list_.touch(thing);
  timers_.advance(9s);

  EXPECT_THAT(expired_, ElementsAre());
  timers_.advance(1s);
  EXPECT_THAT(expired_, ElementsAre(1));
}

TEST_F(DeadlineListTest, ForgetsWhatIsRemovedOrDestroyed) {
  Thing removed(1);
  list_.touch(removed);
  {
    Thing destroyed(2);
    list_.touch(destroyed);
  }

  DeadlineList::remove(removed);
  timers_.advance(1h);

  EXPECT_THAT(expired_, ElementsAre());
}

TEST_F(DeadlineListTest, NeedsOneTimerHoweverManyThingsWait) {
  std::vector<Thing> things;
  for (int i = 0; i < 100; ++i) things.emplace_back(i);

  for (Thing& thing : things) list_.touch(thing);

  EXPECT_EQ(timers_.waiting(), 1u);
}

TEST_F(DeadlineListTest, ListsNothingWithoutADelay) {
  DeadlineList never(timers_, clock_, Duration::zero(), [](DeadlineHook&) { FAIL(); });
  Thing thing(1);

  never.touch(thing);

  EXPECT_EQ(timers_.waiting(), 0u);
  EXPECT_FALSE(thing.is_linked());
}

}  // namespace
}  // namespace wherry::tcp
