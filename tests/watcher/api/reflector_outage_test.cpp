#include "tests/watcher/api/reflector_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using test::ReflectorTest;
using ::testing::ElementsAre;

// --- outages ---

TEST_F(ReflectorTest, A34_KeepsWhatItHasForAsLongAsTheServerIsAway) {
  collection_.put("a");
  start();
  api_.fail_watches(ApiErrc::Refused);
  end_watches(ApiErrc::Reset);

  advance(24h);

  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(sink_.replaced(), 1u);
  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_EQ(reflector_->health().failing->code, ApiErrc::Refused);
}

TEST_F(ReflectorTest, A34_ResumesWhereItWasWithoutAListWhenTheServerIsBack) {
  collection_.put("a");
  start();
  api_.fail_watches(ApiErrc::Refused);
  end_watches(ApiErrc::Reset);
  advance(30s);
  collection_.put("b");
  api_.fail_watches(std::nullopt);
  api_.take_requests();

  advance(61s);

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=101"));
  EXPECT_THAT(pods(), ElementsAre("a", "b"));
  EXPECT_EQ(reflector_->health().lists, 1u);
  EXPECT_FALSE(reflector_->health().failing);
}

TEST_F(ReflectorTest, A14_AsksLessOftenTheLongerItLasts) {
  start();
  api_.fail_watches(ApiErrc::Refused);
  end_watches(ApiErrc::Reset);
  api_.take_requests();

  advance(10min);

  // 0.8 + 1.6 + ... + 25.6 s, then every 30 s.
  EXPECT_THAT(api_.requests().size(), ::testing::AllOf(::testing::Ge(20u), ::testing::Le(26u)));
}

TEST_F(ReflectorTest, SaysOnceThatItFailsAndOnceThatItDoesNotAnyMore) {
  start();
  api_.fail_watches(ApiErrc::Refused);
  const TimePoint before = clock_.now();
  end_watches(ApiErrc::Reset);
  advance(10min);
  EXPECT_EQ(reflector_->health().failing_since, before);

  api_.fail_watches(std::nullopt);
  advance(1min);
  collection_.put("a");
  deliver();

  EXPECT_FALSE(reflector_->health().failing);
}

TEST_F(ReflectorTest, KnowsWhenItLastHeardOfTheServer) {
  start();
  advance(50s);
  collection_.put("a");
  deliver();
  EXPECT_EQ(reflector_->health().last_contact, clock_.now());

  advance(40s);
  api_.bookmark();
  run();
  EXPECT_EQ(reflector_->health().last_contact, clock_.now());

  const TimePoint then = clock_.now();
  advance(40s);
  EXPECT_EQ(reflector_->health().last_contact, then);
}

TEST_F(ReflectorTest, DecodesOnlyWhatIsAnotherAfterARelist) {
  for (int i = 0; i < 100; ++i) collection_.put("p" + std::to_string(i));
  start_with_lists();
  const auto before = store_.objects();
  collection_.put("p7", {{"status", {{"podIP", "10.0.0.7"}}}});
  collection_.compact();

  end_watches(ApiErrc::Gone);

  std::size_t same = 0;
  for (const auto& object : store_.objects()) {
    same += std::count(before.begin(), before.end(), object);
  }
  EXPECT_EQ(same, 99u);
}

TEST_F(ReflectorTest, RefusesMoreThanItsLimitsAndKeepsWhatItHas) {
  collection_.put("a");
  TypedStore<model::Pod> small(model::decode_pod, sink_, [] {}, {.objects = 3, .bytes = 1u << 20});
  reflector_.emplace(loop_, "Pod", api_, small, timers_, clock_, random_, ReflectorOptions{},
                     [] {});
  reflector_->start();
  run();
  for (int i = 0; i < 5; ++i) collection_.put("p" + std::to_string(i));
  deliver();

  EXPECT_LE(sink_.objects().size(), 3u);
  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_EQ(reflector_->health().failing->code, ApiErrc::TooLarge);
  reflector_->stop();
  run();
  reflector_.reset();
}

TEST_F(ReflectorTest, EndsAtOnceWhenItIsStopped) {
  api_.fail_watch_lists(ApiErrc::Refused);
  start();
  reflector_->stop();
  run();

  EXPECT_TRUE(reflector_->idle());
  EXPECT_EQ(timers_.waiting(), 0u);
}

TEST_F(ReflectorTest, A34_AListThatGoesWellIsNoRecoveryWhereWatchesFail) {
  api_.fail_watch_lists(ApiErrc::Forbidden);
  api_.fail_watches(ApiErrc::Forbidden);
  start();
  EXPECT_TRUE(reflector_->health().synced);
  EXPECT_TRUE(reflector_->health().failing);
  EXPECT_EQ(troubles_, 1);
  const int before = recoveries_;

  advance(std::chrono::minutes(10));
  EXPECT_GT(troubles_, 1);
  EXPECT_EQ(recoveries_, before);

  api_.fail_watch_lists(std::nullopt);
  api_.fail_watches(std::nullopt);
  advance(std::chrono::minutes(2));
  EXPECT_FALSE(reflector_->health().failing);
  EXPECT_EQ(recoveries_, before + 1);
}

TEST_F(ReflectorTest, A3_AServerWithoutWatchListIsNoneThatFails) {
  api_.fail_watch_lists(ApiErrc::BadRequest);
  start();

  EXPECT_TRUE(reflector_->health().synced);
  EXPECT_EQ(troubles_, 0);
}

}  // namespace
}  // namespace wherry::api
