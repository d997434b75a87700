#include "watcher/api/event_correlator.h"

#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

/// What becomes of each occurrence: H6, in the manner of client-go.
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using model::EventSubject;
using model::EventType;

const EventSubject kWeb{"Service", {"shop", "web"}, "uid-1"};
const EventSubject kApi{"Service", {"shop", "api"}, "uid-2"};

class EventCorrelatorTest : public ::testing::Test {
 protected:
  std::shared_ptr<EventSeries> observe(const EventSubject& regarding, const std::string& note,
                                       EventType type = EventType::Warning,
                                       const std::string& reason = "BadAnnotation") {
    return correlator_.observe(regarding, type, reason, note, clock_.now(), clock_.wall());
  }

  test::ManualClock clock_;
  EventCorrelator correlator_;
};

TEST_F(EventCorrelatorTest, H6_TheSameOfTheSameObjectIsOneSeries) {
  const auto first = observe(kWeb, "no");
  const WallTime began = clock_.wall();
  clock_.advance(5s);
  const auto second = observe(kWeb, "no");

  ASSERT_TRUE(first);
  EXPECT_EQ(second, first);
  EXPECT_EQ(second->count, 2u);
  EXPECT_EQ(second->first, began);
  EXPECT_EQ(second->last, clock_.wall());
}

TEST_F(EventCorrelatorTest, H6_WhateverDiffersIsAnother) {
  const auto first = observe(kWeb, "no");
  EXPECT_NE(observe(kApi, "no"), first);
  EXPECT_NE(observe(kWeb, "yes"), first);
  EXPECT_NE(observe(kWeb, "no", EventType::Normal), first);
  EXPECT_NE(observe(kWeb, "no", EventType::Warning, "Other"), first);
  EventSubject renewed = kWeb;
  renewed.uid = "uid-3";
  EXPECT_NE(observe(renewed, "no"), first) << "another object of the same name";
}

TEST_F(EventCorrelatorTest, H6_ASeriesEndsSixMinutesAfterItsLast) {
  const auto first = observe(kWeb, "no");
  clock_.advance(6min);
  EXPECT_EQ(observe(kWeb, "no"), first);
  clock_.advance(6min + 1s);
  const auto next = observe(kWeb, "no");
  ASSERT_TRUE(next);
  EXPECT_NE(next, first);
  EXPECT_EQ(next->count, 1u);
  EXPECT_NE(next->name, first->name);
}

TEST_F(EventCorrelatorTest, H6_OneObjectMaySayTwentyFiveThingsAtOnce) {
  for (int i = 0; i < 25; ++i) EXPECT_TRUE(observe(kWeb, std::to_string(i))) << i;
  EXPECT_FALSE(observe(kWeb, "25"));
  EXPECT_TRUE(observe(kApi, "0")) << "another object has its own";
}

TEST_F(EventCorrelatorTest, H6_AndOneMoreEveryFiveMinutes) {
  for (int i = 0; i < 26; ++i) static_cast<void>(observe(kWeb, "no"));
  clock_.advance(5min - 1s);
  EXPECT_FALSE(observe(kWeb, "no"));
  clock_.advance(1s);
  const auto next = observe(kWeb, "no");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->count, 28u) << "what was not written counts all the same";
  EXPECT_FALSE(observe(kWeb, "no"));
}

TEST_F(EventCorrelatorTest, H6_QuietHoursDoNotAddUpToMoreThanTheBurst) {
  clock_.advance(24h);
  for (int i = 0; i < 25; ++i) EXPECT_TRUE(observe(kWeb, "no"));
  clock_.advance(1000h);
  for (int i = 0; i < 25; ++i) EXPECT_TRUE(observe(kWeb, "no"));
  EXPECT_FALSE(observe(kWeb, "no"));
}

TEST_F(EventCorrelatorTest, H6_NamesAreTheObjectsAndNoTwoAreTheSame) {
  const auto first = observe(kWeb, "a");
  const auto second = observe(kWeb, "b");
  EXPECT_EQ(first->name, "web.18867251edfa0000");
  EXPECT_EQ(second->name, "web.18867251edfa0001") << "in the same nanosecond";
}

TEST_F(EventCorrelatorTest, H6_RemembersABoundedNumberOfObjects) {
  for (int i = 0; i < 25; ++i) EXPECT_TRUE(observe(kWeb, "no"));
  EXPECT_FALSE(observe(kWeb, "no"));
  clock_.advance(1s);
  for (std::size_t i = 0; i < EventCorrelator::kMost; ++i) {
    EXPECT_TRUE(observe({"Service", {"shop", std::to_string(i)}, ""}, "no"));
  }
  EXPECT_TRUE(observe(kWeb, "no")) << "it was forgotten, as the one seen longest ago";
}

}  // namespace
}  // namespace wherry::api
