#include "proxy/steer/repair_log.h"

#include "tests/support/log_capture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gtest/gtest.h>

#include <chrono>

namespace wherry::steer {
namespace {

using namespace std::chrono_literals;

class RepairLogTest : public ::testing::Test {
 protected:
  test::LogCapture log_;
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  RepairLog repairs_{timers_};
};

TEST_F(RepairLogTest, R7_EachKindIsNamedAtOnceWithHowMany) {
  repairs_.note({{"routes", 3}, {"rule", 1}});
  repairs_.note({});

  EXPECT_EQ(log_.count("what=routes count=3"), 1u);
  EXPECT_EQ(log_.count("what=rule count=1"), 1u);
  EXPECT_EQ(log_.lines().size(), 2u);
  EXPECT_EQ(repairs_.total(), 4u);
}

TEST_F(RepairLogTest, WhatIsTakenAwayAgainAndAgainIsALineAMinute) {
  for (int i = 0; i < 1300; ++i) {
    repairs_.note({{"rule", 1}});
    timers_.advance(100ms);
  }

  EXPECT_EQ(repairs_.total(), 1300u);
  EXPECT_EQ(log_.count("had taken away"), 1u);
  EXPECT_EQ(log_.count("goes on"), 2u);
  EXPECT_EQ(log_.count("count=599"), 1u) << log_.lines()[1];
}

TEST_F(RepairLogTest, AfterAQuietMinuteItIsNewsAgain) {
  repairs_.note({{"rule", 1}});
  timers_.advance(61s);
  EXPECT_EQ(log_.lines().size(), 1u);
  EXPECT_EQ(timers_.waiting(), 0u);

  repairs_.note({{"rule", 1}});

  EXPECT_EQ(log_.count("had taken away"), 2u);
}

TEST_F(RepairLogTest, AStopSaysWhatIsUnsaid) {
  repairs_.note({{"rule", 1}});
  repairs_.note({{"rule", 1}});

  repairs_.stop();

  EXPECT_EQ(log_.count("goes on"), 1u);
  EXPECT_EQ(timers_.waiting(), 0u);
}

}  // namespace
}  // namespace wherry::steer
