#include "tests/watcher/api/reflector_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using test::ReflectorTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace json = boost::json;

// --- watches ---

TEST_F(ReflectorTest, A33_AppliesEventsInTheirOrder) {
  start();
  collection_.put("a", {{"status", {{"podIP", "10.0.0.1"}}}});
  collection_.put("b");
  collection_.put("a", {{"status", {{"podIP", "10.0.0.2"}}}});
  collection_.remove("b");
  collection_.put("c");
  deliver();

  EXPECT_THAT(pods(), ElementsAre("a", "c"));
  EXPECT_EQ(sink_.all().front().ips.at(0).to_string(), "10.0.0.2");
  EXPECT_EQ(sink_.erased(), 1u);
}

TEST_F(ReflectorTest, A8_ABookmarkAdvancesTheVersionAndNothingElse) {
  collection_.put("a");
  start();
  for (int i = 0; i < 50; ++i) collection_.pass_version();
  const std::size_t told = sink_.calls();
  api_.bookmark();
  run();
  api_.take_requests();

  end_watches(ApiErrc::Ended);
  advance(2s);

  EXPECT_EQ(sink_.calls(), told);
  EXPECT_EQ(api_.requests().front(), "watch rv=151");
}

TEST_F(ReflectorTest, A9_SyntheticEventsOfAWatchFromNowhereDoNotAdvanceTheVersion) {
  collection_.set_version(0);
  start_with_lists();
  ASSERT_THAT(api_.take_requests(), ElementsAre("list rv=0 limit=500", "watch rv=0"));
  const auto object = [](const char* name, const char* version) {
    return json::value{{"kind", "Pod"},
                       {"metadata", {{"name", name}, {"resourceVersion", version}}}};
  };
  collection_.set_version(100);
  api_.inject({WatchEvent::Type::Added, object("a", "70")});
  api_.inject({WatchEvent::Type::Added, object("b", "30")});
  run();
  end_watches(ApiErrc::Ended);
  ASSERT_THAT(api_.take_requests(), ElementsAre("watch rv=0"));

  api_.inject({WatchEvent::Type::Modified, object("a", "80")});
  run();
  end_watches(ApiErrc::Ended);

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=80"));
}

TEST_F(ReflectorTest, A10_AVersionThatIsGoneLeadsToAListAtTheLastVersion) {
  collection_.put("a");
  start();
  api_.take_requests();
  collection_.put("b");
  collection_.compact();

  end_watches(ApiErrc::Gone);

  EXPECT_THAT(api_.requests(), ElementsAre("watchlist rv=101"));
  EXPECT_THAT(pods(), ElementsAre("a", "b"));
}

TEST_F(ReflectorTest, A11_AVersionAheadOfTheServerLeadsToAFreshList) {
  collection_.put("a");
  start();
  collection_.set_version(50);  // restored from a backup
  api_.take_requests();

  end_watches(ApiErrc::Ended);
  EXPECT_THAT(api_.take_requests(), ElementsAre("watch rv=101"));
  advance(800ms);

  EXPECT_THAT(api_.requests(), ElementsAre("watchlist rv="));
}

TEST_F(ReflectorTest, A12_ABusyServerIsAskedLaterForTheSameVersion) {
  collection_.put("a");
  start();
  api_.take_requests();
  api_.fail_next(ApiErrc::TooManyRequests, 7s);

  end_watches(ApiErrc::Ended);
  EXPECT_THAT(api_.take_requests(), ElementsAre("watch rv=101"));
  advance(6999ms);
  EXPECT_THAT(api_.requests(), IsEmpty());
  advance(1ms);

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=101"));
}

TEST_F(ReflectorTest, A15_AWatchThatEndedIsResumedAtOnce) {
  collection_.put("a");
  start();
  advance(5min);
  api_.take_requests();

  end_watches(ApiErrc::Ended);

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=101"));
  EXPECT_FALSE(reflector_->health().failing);
}

TEST_F(ReflectorTest, A15_AVeryShortWatchWithoutAnEventIsAFailure) {
  start();
  advance(5min);
  end_watches(ApiErrc::Ended);
  api_.take_requests();

  end_watches(ApiErrc::Ended);

  EXPECT_THAT(api_.requests(), IsEmpty());
  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_EQ(reflector_->health().failing->code, ApiErrc::VeryShortWatch);
  advance(800ms);
  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=100"));
}

TEST_F(ReflectorTest, A15_AShortWatchWithAnEventIsNone) {
  start();
  advance(5min);
  end_watches(ApiErrc::Ended);
  api_.take_requests();
  collection_.put("a");
  deliver();

  end_watches(ApiErrc::Ended);

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=101"));
}

TEST_F(ReflectorTest, A17_ASilentWatchIsResumedAtOnce) {
  collection_.put("a");
  start();
  api_.take_requests();

  end_watches(ApiErrc::Silent);

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=101"));
}

TEST_F(ReflectorTest, A23_AnEventOfAnotherKindIsIgnored) {
  start();
  api_.inject({WatchEvent::Type::Added, {{"kind", "Secret"}, {"metadata", {{"name", "x"}}}}});
  api_.inject({WatchEvent::Type::Added, json::value("no object")});
  api_.inject({WatchEvent::Type::Added, {{"kind", "Pod"}, {"metadata", {{"name", ""}}}}});
  api_.inject({WatchEvent::Type::Added,
               {{"kind", "Pod"}, {"unknown", {1, 2}}, {"metadata", {{"name", "a"}}}}});
  run();

  EXPECT_THAT(pods(), ElementsAre("a"));
}

TEST_F(ReflectorTest, AnObjectOfWrongTypesIsTakenAsFarAsItCanBeRead) {
  start();
  api_.inject({WatchEvent::Type::Added,
               {{"kind", "Pod"},
                {"metadata", {{"name", "a"}, {"labels", 7}}},
                {"spec", "x"},
                {"status", {{"podIP", "here"}, {"phase", 3}}}}});
  run();

  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(store_.faults(), 1u);
}

}  // namespace
}  // namespace wherry::api
