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
using ::testing::SizeIs;

// --- WatchList ---

TEST_F(ReflectorTest, A1_BeginsWithAWatchThatBringsWhatThereIs) {
  collection_.put("a");
  collection_.put("b");
  start();

  EXPECT_THAT(api_.requests(), ElementsAre("watchlist rv="));
  EXPECT_THAT(pods(), ElementsAre("a", "b"));
  EXPECT_TRUE(reflector_->health().synced);
  EXPECT_EQ(reflector_->health().lists, 1u);
}

TEST_F(ReflectorTest, A2_TellsNobodyOfAnythingBeforeTheInitialEventsHaveEnded) {
  collection_.put("a");
  api_.withhold_initial_end(true);
  start();

  EXPECT_EQ(sink_.calls(), 0u);
  EXPECT_FALSE(reflector_->health().synced);

  api_.inject(
      {WatchEvent::Type::Bookmark,
       {{"kind", "Pod"},
        {"metadata",
         {{"resourceVersion", "200"}, {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}}});
  run();

  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(sink_.replaced(), 1u);
}

TEST_F(ReflectorTest, A2_AnOrdinaryBookmarkIsNotTheEndOfTheInitialEvents) {
  collection_.put("a");
  api_.withhold_initial_end(true);
  start();

  api_.inject(
      {WatchEvent::Type::Bookmark, {{"kind", "Pod"}, {"metadata", {{"resourceVersion", "200"}}}}});
  run();

  EXPECT_FALSE(reflector_->health().synced);
}

TEST_F(ReflectorTest, A2_GoesOnWithTheSameStream) {
  start();
  collection_.put("a");
  deliver();

  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_THAT(api_.requests(), SizeIs(1));
}

TEST_F(ReflectorTest, A2_ComplainsEveryTenSecondsWhileTheEndDoesNotCome) {
  api_.withhold_initial_end(true);
  start();

  advance(9s);
  EXPECT_EQ(log_.count("told everything"), 0u);
  advance(1s);
  EXPECT_EQ(log_.count("told everything"), 1u);
  advance(20s);
  EXPECT_EQ(log_.count("told everything"), 3u);

  end_watches(ApiErrc::Silent);
  advance(60s);
  EXPECT_EQ(log_.count("told everything"), 3u);
}

TEST_F(ReflectorTest, A2_AWholeCollectionRevealsDeletions) {
  collection_.put("a");
  collection_.put("b");
  start();
  collection_.remove("a");
  collection_.compact();

  end_watches(ApiErrc::Gone);
  run();

  EXPECT_THAT(pods(), ElementsAre("b"));
}

TEST_F(ReflectorTest, A3_FallsBackToAListWhereTheServerDoesNoWatchList) {
  collection_.put("a");
  api_.fail_watch_lists(ApiErrc::BadRequest);
  start();

  EXPECT_THAT(api_.requests(), ElementsAre("watchlist rv=", "list rv=0 limit=500", "watch rv=101"));
  EXPECT_THAT(pods(), ElementsAre("a"));
}

TEST_F(ReflectorTest, A3_WaitsAndTriesAgainWhereTheServerIsBusyOrAway) {
  for (const ApiErrc code : {ApiErrc::TooManyRequests, ApiErrc::Refused}) {
    api_.fail_next(code);
  }
  start();
  EXPECT_THAT(api_.take_requests(), ElementsAre("watchlist rv="));

  advance(800ms);
  EXPECT_THAT(api_.take_requests(), ElementsAre("watchlist rv="));
  advance(1600ms);
  EXPECT_THAT(api_.take_requests(), ElementsAre("watchlist rv="));
  EXPECT_TRUE(reflector_->health().synced);
}

TEST_F(ReflectorTest, A3_ForgetsItsVersionWhereTheServerDoesNotKnowIt) {
  collection_.put("a");
  start();
  api_.take_requests();
  collection_.compact();
  api_.fail_next(ApiErrc::Gone);             // the watch
  api_.fail_next(ApiErrc::VersionTooLarge);  // the WatchList after it
  end_watches(ApiErrc::Ended);
  run();

  EXPECT_THAT(api_.requests(), ElementsAre("watch rv=101", "watchlist rv=101", "watchlist rv="));
}

// --- lists ---

TEST_F(ReflectorTest, A4_TheFirstListTakesWhateverTheServerHas) {
  collection_.put("a");
  start_with_lists();

  EXPECT_THAT(api_.requests(), ElementsAre("list rv=0 limit=500", "watch rv=101"));
}

TEST_F(ReflectorTest, A5_ARelistIsNotOlderThanWhatWasSeenAndHasNoLimit) {
  collection_.put("a");
  start_with_lists();
  api_.take_requests();

  end_watches(ApiErrc::Gone);

  EXPECT_THAT(api_.requests(), ElementsAre("list rv=101 limit=0", "watch rv=101"));
}

TEST_F(ReflectorTest, A5_AListThatIsGoneIsAskedForAfresh) {
  collection_.put("a");
  start_with_lists();
  api_.take_requests();
  api_.fail_next(ApiErrc::Gone);

  end_watches(ApiErrc::Gone);

  EXPECT_THAT(api_.requests(),
              ElementsAre("list rv=101 limit=0", "list rv= limit=500", "watch rv=101"));
}

TEST_F(ReflectorTest, A6_FollowsPages) {
  for (int i = 0; i < 7; ++i) collection_.put("p" + std::to_string(i));
  api_.set_page_size(3);
  start_with_lists();

  EXPECT_THAT(pods(), SizeIs(7));
  EXPECT_THAT(api_.requests(), ElementsAre("list rv=0 limit=500", "list continue=0/3 limit=500",
                                           "list continue=0/6 limit=500", "watch rv=107"));
  EXPECT_EQ(sink_.replaced(), 1u);
}

TEST_F(ReflectorTest, A6_OnePageThatHasExpiredMeansAllAtOnce) {
  for (int i = 0; i < 7; ++i) collection_.put("p" + std::to_string(i));
  api_.set_page_size(3);
  api_.fail_next(ApiErrc::Refused);
  start_with_lists();
  api_.take_requests();
  // Between the first page and the second.
  api_.expire_pages_after(1);
  advance(800ms);

  EXPECT_THAT(api_.requests(), ElementsAre("list rv=0 limit=500", "list continue=0/3 limit=500",
                                           "list rv=0 limit=0", "watch rv=107"));
  EXPECT_THAT(pods(), SizeIs(7));
}

TEST_F(ReflectorTest, A6_RemembersThatAServerPagesWithoutBeingAsked) {
  for (int i = 0; i < 4; ++i) collection_.put("p" + std::to_string(i));
  api_.set_page_size(3);
  start_with_lists();
  api_.take_requests();

  end_watches(ApiErrc::Gone);

  EXPECT_EQ(api_.requests().front(), "list rv=104 limit=500");
}

TEST_F(ReflectorTest, AListThatFailsHalfWayChangesNothing) {
  for (int i = 0; i < 7; ++i) collection_.put("p" + std::to_string(i));
  start_with_lists();
  for (int i = 0; i < 7; ++i) collection_.remove("p" + std::to_string(i));
  collection_.compact();
  api_.fail_lists(ApiErrc::Reset);

  end_watches(ApiErrc::Gone);

  EXPECT_THAT(pods(), SizeIs(7));
  EXPECT_TRUE(reflector_->health().synced);
}

}  // namespace
}  // namespace wherry::api
