#include "watcher/api/http_list_watch.h"

#include "tests/support/temp_folder.h"
#include "tests/watcher/api/http_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using test::HttpTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kPods = "/api/v1/pods";
constexpr const char* kWatchList =
    "/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&sendInitialEvents=true"
    "&resourceVersionMatch=NotOlderThan";

class HttpListWatchTest : public HttpTest {};

TEST_F(HttpListWatchTest, A1_FollowsAServerThatDoesWatchList) {
  pods_.put("a");
  start();
  EXPECT_THAT(server_.requests(), ElementsAre(kWatchList));
  EXPECT_THAT(pods(), ElementsAre("a"));

  pods_.put("b");
  pods_.remove("a");
  deliver();

  EXPECT_THAT(pods(), ElementsAre("b"));
  EXPECT_THAT(server_.requests(), SizeIs(1));
}

TEST_F(HttpListWatchTest, A3_ListsWhereTheServerDoesNoWatchList) {
  server_.behaviour.watch_list = false;
  pods_.put("a");
  start();

  EXPECT_THAT(server_.requests(),
              ElementsAre(kWatchList, "/api/v1/pods?limit=500&resourceVersion=0",
                          "/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
                          "&resourceVersion=101"));
  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(server_.connections(), 1u) << "one connection serves them all";
}

TEST_F(HttpListWatchTest, A6_FollowsPages) {
  server_.behaviour.watch_list = false;
  server_.behaviour.page_size = 3;
  for (int i = 0; i < 8; ++i) pods_.put("p" + std::to_string(i));
  start();

  EXPECT_THAT(server_.requests(),
              ElementsAre(kWatchList, "/api/v1/pods?limit=500&resourceVersion=0",
                          "/api/v1/pods?limit=500&continue=3", "/api/v1/pods?limit=500&continue=6",
                          StartsWith("/api/v1/pods?watch=true")));
  EXPECT_THAT(pods(), SizeIs(8));
}

TEST_F(HttpListWatchTest, A20_ReadsEventsHoweverTheyAreCutUp) {
  for (const std::size_t piece : {1u, 2u, 7u, 100u}) {
    server_.behaviour.piece = piece;
    server_.reset_connections();
    pods_.put("piece-" + std::to_string(piece), {{"status", {{"podIP", "10.0.0.1"}}}});
    run();
    advance(60s);
    deliver();
  }
  start();
  server_.behaviour.piece = 1;
  pods_.put("last");
  deliver();

  EXPECT_THAT(pods(), ElementsAre("last", "piece-1", "piece-100", "piece-2", "piece-7"));
}

TEST_F(HttpListWatchTest, A20_EventsNeedNoNewlineBetweenThem) {
  start();
  server_.send_to_watches(
      R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","resourceVersion":"200"}}})"
      R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"b","resourceVersion":"201"}}}   )"
      R"({"type":"DELETED","object":{"kind":"Pod","metadata":{"name":"a","resourceVersion":"202"}}})");
  run();

  EXPECT_THAT(pods(), ElementsAre("b"));
}

TEST_F(HttpListWatchTest, A22_ReadsPackedLists) {
  server_.behaviour.watch_list = false;
  server_.behaviour.gzip = true;
  for (int i = 0; i < 1000; ++i) pods_.put("p" + std::to_string(i));
  start();

  EXPECT_THAT(pods(), SizeIs(1000));
}

TEST_F(HttpListWatchTest, A10_AnErrorEventOfAGoneVersionLeadsToAList) {
  pods_.put("a");
  start();
  pods_.put("b");
  pods_.compact();
  server_.take_requests();
  deliver();

  EXPECT_THAT(server_.requests(), ElementsAre(HasSubstr("sendInitialEvents=true")));
  EXPECT_THAT(server_.requests().front(), HasSubstr("resourceVersion=101"));
  EXPECT_THAT(pods(), ElementsAre("a", "b"));
}

TEST_F(HttpListWatchTest, A12_ABusyServerIsAskedAgainForTheSameVersion) {
  pods_.put("a");
  start();
  server_.answer_next(429, test::status_text(429, "TooManyRequests", "busy"));
  server_.end_watches();
  run();
  server_.take_requests();
  advance(2s);

  EXPECT_THAT(server_.requests(), ElementsAre(HasSubstr("resourceVersion=101")));
  EXPECT_EQ(reflector_->health().lists, 1u);
}

TEST_F(HttpListWatchTest, A13_WaitsAsLongAsTheServerSays) {
  server_.answer_next(503, "", "Retry-After: 5\r\n");
  start();
  EXPECT_THAT(server_.take_requests(), SizeIs(1));
  advance(4999ms);
  EXPECT_THAT(server_.take_requests(), SizeIs(0));
  advance(1ms);

  EXPECT_THAT(server_.take_requests(), ElementsAre(kWatchList));
  EXPECT_TRUE(reflector_->health().synced);
  EXPECT_FALSE(reflector_->health().failing) << "nobody hears of what was repeated";
}

TEST_F(HttpListWatchTest, A13_StopsAfterTenRepeats) {
  for (int i = 0; i < 12; ++i) server_.answer_next(503, "", "Retry-After: 1\r\n");
  start({.watch_list = false});
  advance(10s);

  EXPECT_THAT(server_.requests(), SizeIs(11));
  EXPECT_TRUE(reflector_->health().failing);
}

TEST_F(HttpListWatchTest, A13_AListThatWasCutIsRepeated) {
  pods_.put("a");
  server_.answer_next_with_bytes(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
      "Content-Length: 1000\r\n\r\n{\"kind\":\"PodList\",");
  start({.watch_list = false});
  server_.reset_connections();
  run();
  EXPECT_THAT(server_.take_requests(), SizeIs(1));
  advance(2s);

  EXPECT_THAT(pods(), ElementsAre("a"));
}

TEST_F(HttpListWatchTest, A15_AConnectionThatTheServerHasClosedMeanwhileIsNotUsedAgain) {
  pods_.put("a");
  start();
  server_.end_watches();
  server_.wire().peers.back()->end();
  run();
  pods_.put("b");
  deliver();

  EXPECT_THAT(pods(), ElementsAre("a", "b"));
  EXPECT_FALSE(reflector_->health().failing);
}

TEST_F(HttpListWatchTest, A17_ASilentWatchIsOpenedAnew) {
  pods_.put("a");
  start();
  server_.silence_watches();
  pods_.put("b");
  deliver();
  advance(89s);
  EXPECT_THAT(pods(), ElementsAre("a"));
  advance(1s);

  EXPECT_THAT(pods(), ElementsAre("a", "b"));
  EXPECT_EQ(reflector_->health().lists, 1u) << "no list is needed";
}

TEST_F(HttpListWatchTest, A17_BookmarksKeepAWatchAlive) {
  start();
  server_.take_requests();
  for (int i = 0; i < 10; ++i) {
    advance(60s);
    server_.bookmark();
    run();
  }

  EXPECT_THAT(server_.requests(), SizeIs(0));
}

TEST_F(HttpListWatchTest, A18_AServerThatSaysCloseIsConnectedToAnew) {
  server_.behaviour.watch_list = false;
  server_.answer_next(422, "", "Connection: close\r\n");
  pods_.put("a");
  start();

  EXPECT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(server_.connections(), 2u);
}

TEST_F(HttpListWatchTest, A23_ATableIsNoList) {
  server_.answer_next(422);
  server_.answer_next(200, R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]})");
  start();

  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_EQ(reflector_->health().failing->code, ApiErrc::UnexpectedAnswer);
  EXPECT_THAT(reflector_->health().failing->text, HasSubstr("Table"));
}

TEST_F(HttpListWatchTest, A23_APageOfHtmlIsNoAnswer) {
  server_.answer_next(422);
  server_.answer_next_with_bytes(
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>");
  start();

  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_THAT(reflector_->health().failing->text, HasSubstr("text/html"));
}

TEST_F(HttpListWatchTest, ARedirectIsNamed) {
  server_.answer_next(422);
  server_.answer_next(302, "", "Location: https://elsewhere/login\r\n");
  start();

  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_THAT(reflector_->health().failing->text, HasSubstr("https://elsewhere/login"));
}

TEST_F(HttpListWatchTest, AForbiddenVerbNamesTheRuleThatLacks) {
  const std::string body = test::status_text(
      403, "Forbidden", "pods is forbidden: User \"u\" cannot list resource \"pods\"");
  server_.answer_next(403, body);
  server_.answer_next(403, body);
  start();

  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_THAT(reflector_->health().failing->text, HasSubstr("User \"u\" cannot list"));
  EXPECT_THAT(reflector_->health().failing->text,
              HasSubstr("ClusterRole that is bound to this user: - {apiGroups: [\"\"], resources: "
                        "[\"pods\"], verbs: [\"list\", \"watch\"]}"));
}

TEST_F(HttpListWatchTest, A25_ARefusedTokenIsReadAgainAtOnce) {
  const test::TempFolder folder;
  folder.write("token", "old\n");
  access_.token_file = folder / "token";
  server_.behaviour.token = "old";
  pods_.put("a");
  start();
  EXPECT_THAT(pods(), ElementsAre("a"));

  folder.write("token", "  new \n\n");
  server_.behaviour.token = "new";
  advance(5s);
  server_.end_watches();
  run();
  pods_.put("b");
  deliver();

  EXPECT_THAT(pods(), ElementsAre("a", "b"));
  EXPECT_FALSE(reflector_->health().failing);
}

TEST_F(HttpListWatchTest, A25_ATokenIsReadAgainAfterFiftySeconds) {
  const test::TempFolder folder;
  folder.write("token", "old");
  access_.token_file = folder / "token";
  server_.behaviour.token = "old";
  start();
  folder.write("token", "new");
  server_.behaviour.token = "new";
  advance(49s);
  server_.bookmark();
  run();
  advance(1s);
  server_.take_requests();
  server_.end_watches();
  run();

  EXPECT_THAT(server_.requests(), SizeIs(1)) << "no 401 on the way";
}

TEST_F(HttpListWatchTest, AServerThatNeverAnswersIsGivenUp) {
  server_.behaviour.drop_requests = true;
  start();
  advance(75s);
  ASSERT_TRUE(reflector_->health().failing);
  EXPECT_EQ(reflector_->health().failing->code, ApiErrc::Timeout);
}

TEST_F(HttpListWatchTest, CountsRequestsAsClientGoDoes) {
  server_.behaviour.watch_list = false;
  start();

  MetricFamilies families;
  metrics_.collect(families);
  ASSERT_EQ(families.size(), 3u);
  EXPECT_EQ(families[0].name, "rest_client_requests_total");
  ASSERT_EQ(families[0].samples.size(), 2u);
  EXPECT_EQ(families[0].samples[0].labels,
            (MetricLabels{{"code", "200"}, {"method", "GET"}, {"host", "api.test:6443"}}));
  EXPECT_EQ(families[0].samples[0].value, 2);
  EXPECT_EQ(families[0].samples[1].labels[0].second, "422");
  EXPECT_EQ(families[1].name, "rest_client_request_duration_seconds");
  EXPECT_EQ(families[1].samples[0].buckets.back().count, 3u);
}

TEST_F(HttpListWatchTest, StopsWhateverItWaitsFor) {
  server_.behaviour.drop_requests = true;
  start();
  reflector_->stop();
  run();

  EXPECT_TRUE(reflector_->idle());
  EXPECT_EQ(timers_.waiting(), 0u);
}

}  // namespace
}  // namespace wherry::api
