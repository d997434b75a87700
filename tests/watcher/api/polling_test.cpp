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

class PollingTest : public ReflectorTest {
 protected:
  PollingTest() { random_.unit = 0.5; }  // no jitter
  void start_polling() { start({.poll_interval = 5s}); }
};

TEST_F(PollingTest, ListsAgainAndAgainAndNeverWatches) {
  collection_.put("a");
  start_polling();
  EXPECT_THAT(api_.take_requests(), ElementsAre("list rv=0 limit=500"));

  collection_.put("b");
  advance(4999ms);
  EXPECT_THAT(pods(), ElementsAre("a"));
  advance(1ms);

  EXPECT_THAT(api_.requests(), ElementsAre("list rv=101 limit=0"));
  EXPECT_THAT(pods(), ElementsAre("a", "b"));
}

TEST_F(PollingTest, AnUnchangedAnswerTellsNobody) {
  collection_.put("a");
  start_polling();
  const std::size_t told = sink_.calls();

  advance(1min);

  EXPECT_EQ(sink_.calls(), told);
  EXPECT_EQ(reflector_->health().last_contact, clock_.now());
}

TEST_F(PollingTest, DoesNotPollInStepWithOthers) {
  random_.unit = 0;
  start_polling();
  api_.take_requests();
  advance(4500ms);
  EXPECT_THAT(api_.requests(), SizeIs(1));
}

TEST_F(PollingTest, BacksOffWhereListsFailAndKeepsWhatItHas) {
  collection_.put("a");
  start_polling();
  api_.fail_lists(ApiErrc::Forbidden);

  advance(1h);

  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(reflector_->health().failing->code, ApiErrc::Forbidden);
  EXPECT_LT(api_.requests().size(), 130u);
}

TEST_F(PollingTest, A5_AVersionThatTheServerDoesNotKnowIsForgotten) {
  collection_.put("a");
  start_polling();
  collection_.set_version(50);
  api_.take_requests();

  advance(5s);

  EXPECT_THAT(api_.requests(), ElementsAre("list rv=101 limit=0", "list rv= limit=500"));
}

}  // namespace
}  // namespace wherry::api
