#include "tests/watcher/api/gzip_of.h"
#include "tests/watcher/api/http_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// Whatever a server sends: the client goes on, takes bounded memory, and keeps what it has (A34).
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using test::HttpTest;
using ::testing::ElementsAre;

/// What a client may read of one answer before it has had enough.
constexpr std::size_t kMostRead = 32u << 20;

/// Which request is answered with a lie.
enum class Where { List, WatchList, Watch };

std::string name_of(Where where) {
  switch (where) {
    case Where::List:
      return "List";
    case Where::WatchList:
      return "WatchList";
    case Where::Watch:
      return "Watch";
  }
  return "";
}

class LyingServerTest : public HttpTest {
 protected:
  explicit LyingServerTest(StoreLimits limits = {.objects = 2000, .bytes = 4u << 20})
      : HttpTest(limits) {}

  /// Follows an honest server that has two pods.
  void follow(Where where) {
    server_.behaviour.watch_list = where != Where::List;
    pods_.put("a");
    pods_.put("b");
    start({.watch_list = where != Where::List});
    ASSERT_THAT(pods(), ElementsAre("a", "b"));
    advance(5s);
  }
  /// The next answer to such a request is this.
  void lie(Where where, std::string bytes) {
    server_.answer_next_with_bytes(std::move(bytes));
    if (where == Where::Watch) {
      server_.end_watches();
    } else {
      pods_.pass_version();
      pods_.compact();
      server_.deliver();
    }
    run();
  }
  /// The same, and this again and again after it. Returns how much of it the client has read.
  std::size_t lie_for_ever(Where where, std::string head, std::string_view again) {
    lie(where, std::move(head));
    return go_on_for_ever(again);
  }
  std::size_t go_on_for_ever(std::string_view again) {
    const auto peer = server_.wire().peers.back();
    const std::size_t before = peer->bytes_read();
    std::size_t at = 0;
    peer->send_for_ever([&again, &at, &peer](std::span<char> into) {
      for (char& byte : into) byte = again[at++ % again.size()];
      if (at > (1u << 30)) peer->end_quietly();
    });
    run();
    EXPECT_TRUE(peer->is_closed_by_client());
    return peer->bytes_read() - before;
  }
  /// What there was is in force; and once the server is honest again, what it says is.
  void expect_recovery() {
    EXPECT_THAT(pods(), ElementsAre("a", "b"));
    advance(3min);
    EXPECT_THAT(pods(), ElementsAre("a", "b"));
    pods_.put("c");
    deliver();
    advance(3min);
    deliver();
    EXPECT_THAT(pods(), ElementsAre("a", "b", "c"));
  }
};

class AnyAnswerOfALyingServer : public LyingServerTest,
                                public ::testing::WithParamInterface<Where> {
 protected:
  AnyAnswerOfALyingServer() { follow(GetParam()); }

  [[nodiscard]] static bool is_list() { return GetParam() == Where::List; }
  [[nodiscard]] static std::string chunked_head() {
    return std::string("HTTP/1.1 200 OK\r\nContent-Type: application/json") +
           (is_list() ? "" : ";stream=watch") + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  }
  [[nodiscard]] static std::string head(std::size_t length, const std::string& more = {}) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + more +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  }
  /// The beginning of an answer, up to within a pod's metadata.
  [[nodiscard]] static std::string half_a_pod() {
    return is_list() ? R"({"kind":"PodList","metadata":{"resourceVersion":"900"},)"
                       R"("items":[{"metadata":{)"
                     : R"({"type":"ADDED","object":{"kind":"Pod","metadata":{)";
  }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, AnyAnswerOfALyingServer,
                         ::testing::Values(Where::List, Where::WatchList, Where::Watch),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(AnyAnswerOfALyingServer, A34_EndlessHeadersAreDropped) {
  EXPECT_LT(lie_for_ever(GetParam(), "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"), 256u << 10);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_OneEndlessHeaderIsDropped) {
  EXPECT_LT(lie_for_ever(GetParam(), "HTTP/1.1 200 OK\r\nX-More: ", "and more"), 256u << 10);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A20_EndlessChunkExtensionsAreDropped) {
  EXPECT_LT(lie_for_ever(GetParam(), chunked_head() + "5;x=", "and more"), 256u << 10);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A20_AnObjectOfAGigabyteIsDropped) {
  const std::string begin = half_a_pod() + R"("name":")";
  EXPECT_LT(lie_for_ever(GetParam(), head(1u << 30) + begin, "aaaaaaaa"), kMostRead);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A20_AnObjectOfAGigabyteOfSmallValuesIsDropped) {
  const std::string begin = half_a_pod() + R"("name":"c","x":[)";
  EXPECT_LT(lie_for_ever(GetParam(), head(1u << 30) + begin, "1,"), kMostRead);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A20_EndlessDepthIsDropped) {
  const std::string begin = half_a_pod() + R"("name":"c","x":)";
  EXPECT_LT(lie_for_ever(GetParam(), head(1u << 30) + begin, "["), kMostRead);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_ObjectsWithoutEndAreDropped) {
  if (GetParam() == Where::Watch) GTEST_SKIP() << "a watch has no end: AWatchOfEverNewObjects...";
  // Nameless, so that no store holds them: they count all the same.
  const std::string again =
      is_list() ? R"({"metadata":{}},)" : R"({"type":"ADDED","object":{"kind":"Pod"}})";
  const std::string begin =
      is_list() ? R"({"kind":"PodList","metadata":{"resourceVersion":"900"},"items":[)" : "";
  EXPECT_LT(lie_for_ever(GetParam(), head(1u << 30) + begin, again), kMostRead);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A20_NulBytesAreDropped) {
  const std::string nul(1, '\0');
  EXPECT_LT(lie_for_ever(GetParam(), head(1u << 30), nul), kMostRead);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_NulBytesInPlaceOfAHeadAreDropped) {
  const std::string nul(1, '\0');
  EXPECT_LT(lie_for_ever(GetParam(), nul, nul), kMostRead);
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_HalfAnObjectChangesNothing) {
  lie(GetParam(), head(half_a_pod().size()) + half_a_pod());
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_ATruncatedChunkChangesNothing) {
  lie(GetParam(), chunked_head() + "ffff\r\n" + half_a_pod());
  server_.wire().peers.back()->end();
  run();
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_AChunkThatIsNoNumberChangesNothing) {
  lie(GetParam(), chunked_head() + "zz\r\n" + half_a_pod());
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_AChunkLargerThanNumbersAreChangesNothing) {
  lie(GetParam(), chunked_head() + "ffffffffffffffffff\r\n" + half_a_pod());
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_AContentLengthThatIsTooLongChangesNothing) {
  lie(GetParam(), head(half_a_pod().size() + 1000) + half_a_pod());
  server_.wire().peers.back()->end();
  run();
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A34_AContentLengthThatIsTooShortChangesNothing) {
  lie(GetParam(), head(10) + half_a_pod());
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A22_AGzipBombIsDropped) {
  // 32 MiB within one object, from some 150 KiB: of these a quarter is enough to know.
  const std::string packed =
      test::gzip_of(half_a_pod() + R"("name":")" + std::string(32u << 20, 'a'));
  ASSERT_LT(packed.size(), 256u << 10);
  lie(GetParam(), head(packed.size(), "Content-Encoding: gzip\r\n"));
  const auto peer = server_.wire().peers.back();
  const std::size_t before = peer->bytes_read();
  for (std::size_t at = 0; at < packed.size(); at += 1024) peer->send(packed.substr(at, 1024));
  run();

  EXPECT_TRUE(peer->is_closed_by_client());
  EXPECT_LT(peer->bytes_read() - before, packed.size() / 2) << "the limit is 8 MiB";
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A22_AnAnswerThatIsNoGzipChangesNothing) {
  lie(GetParam(), head(1000, "Content-Encoding: gzip\r\n") + std::string(1000, 'x'));
  expect_recovery();
}

TEST_P(AnyAnswerOfALyingServer, A23_WrongTypesEverywhereChangeNothing) {
  const Where where = GetParam();
  for (const char* text : {
           "null",
           "1",
           "\"x\"",
           "[]",
           "{}",
           "[[[]]]",
           R"({"kind":1})",
           R"({"type":1,"object":1})",
           R"({"type":"ADDED"})",
           R"({"type":"ADDED","object":null})",
           R"({"type":"ADDED","object":[]})",
           R"({"type":"ADDED","object":{"kind":7}})",
           R"({"type":"DELETED","object":{"metadata":[]}})",
           R"({"type":"DELETED","object":{"metadata":{"name":["a"],"namespace":{}}}})",
           R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":5}}})",
           R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"annotations":"x"}}})",
           R"({"type":"ERROR"})",
           R"({"type":"ERROR","object":[1]})",
           R"({"type":"ERROR","object":{"kind":"Status","code":"x","details":3}})",
           R"({"kind":"PodList","metadata":7,"items":[]})",
           R"({"kind":"PodList","metadata":{"resourceVersion":{}},"items":[]})",
           R"({"kind":"PodList","metadata":{"resourceVersion":"900","continue":[]},"items":"x"})",
           R"({"kind":"Status","code":[],"message":{}})",
           R"({"kind":"Table","rows":[]})",
           R"({"kind":["PodList"],"items":[{"metadata":{"name":"z"}}]})",
       }) {
    SCOPED_TRACE(text);
    const std::string_view body = text;
    // A list without items is what it says: there is nothing.
    if (is_list() && body.find("continue") != std::string_view::npos) continue;
    advance(2min);
    server_.bookmark();
    run();
    lie(where, head(body.size()) + std::string(body));
    EXPECT_THAT(pods(), ElementsAre("a", "b"));
    advance(3min);
  }
  expect_recovery();
}

// --- what one kind of request alone can be answered with ---

TEST_F(LyingServerTest, A34_AListThatDripsInForEverIsGivenUpAfterAQuarterOfAnHour) {
  follow(Where::List);
  lie(Where::List,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
      R"({"kind":"PodList","metadata":{"resourceVersion":"900"},"items":[)");
  const auto peer = server_.wire().peers.back();
  int minutes = 0;
  for (; minutes < 60 && !peer->is_closed_by_client(); ++minutes) {
    peer->send(R"({"metadata":{"name":"z)" + std::to_string(minutes) + R"("}},)");
    run();
    advance(30s);
    peer->send(" ");
    run();
    advance(30s);
    EXPECT_THAT(pods(), ElementsAre("a", "b"));
  }
  EXPECT_LE(minutes, 15);
  expect_recovery();
}

TEST_F(LyingServerTest, A6_PagesWithoutEndAreNotTakenForEver) {
  follow(Where::List);
  // Every page names another one.
  std::string items;
  for (int i = 0; i < 1000; ++i) items += R"({"metadata":{"x":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}},)";
  items.pop_back();
  for (int i = 0; i < 1000; ++i) {
    server_.answer_next(200, R"({"kind":"PodList","metadata":{"resourceVersion":"900",)"
                             R"("continue":"more"},"items":[)" +
                                 items + "]}");
  }
  server_.take_requests();
  pods_.pass_version();
  pods_.compact();
  deliver();
  EXPECT_LT(server_.requests().size(), 200u);
  EXPECT_THAT(pods(), ElementsAre("a", "b"));
}

TEST_F(LyingServerTest, A34_AWatchOfEverNewObjectsIsLeftWhereTheStoreIsFull) {
  follow(Where::Watch);
  std::size_t sent = 0;
  const auto peer = server_.wire().peers.back();
  for (; sent < 4000 && !peer->is_closed_by_client(); ++sent) {
    server_.send_to_watches(R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"z)" +
                            std::to_string(sent) + R"("}}})");
    run();
  }
  EXPECT_LE(sent, 2000u);
  EXPECT_LE(store_.size(), 2000u);
}

TEST_F(LyingServerTest, A20_AMegabyteOfLabelsIsTaken) {
  follow(Where::Watch);
  std::string labels;
  for (int i = 0; labels.size() < (1u << 20); ++i) {
    labels += "\"label-" + std::to_string(i) + "\":\"a value\",";
  }
  labels.pop_back();
  server_.send_to_watches(R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"big",)"
                          R"("namespace":"default","labels":{)" +
                          labels + "}}}}");
  run();
  EXPECT_THAT(pods(), ElementsAre("a", "b", "big"));
  // Ten of them are more than the store takes: those that fit stay.
  for (int i = 0; i < 10; ++i) {
    server_.send_to_watches(R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"big)" +
                            std::to_string(i) + R"(","labels":{)" + labels + "}}}}");
    run();
  }
  EXPECT_LT(store_.size(), 8u);
}

TEST_F(LyingServerTest, A22_APackedWatchOfManySmallEventsIsReadInPieces) {
  follow(Where::Watch);
  // Each read unpacks to so much at most: what waits to be taken stays small.
  std::string events;
  for (int i = 0; i < 50'000; ++i) events += R"({"type":"ADDED","object":{}})";
  const std::string packed = test::gzip_of(events);
  ASSERT_LT(packed.size(), 256u << 10);
  lie(Where::Watch,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
      "Content-Length: " +
          std::to_string(packed.size()) + "\r\n\r\n" + packed);
  EXPECT_EQ(reflector_->health().events, 50'000u);
  expect_recovery();
}

TEST_F(LyingServerTest, A9_VersionsThatGoBackwardsAreHandedBackAsTheyCame) {
  follow(Where::Watch);
  for (const char* version : {"90", "5", "", "not-a-number", "000"}) {
    server_.send_to_watches(
        std::string(R"({"type":"MODIFIED","object":{"kind":"Pod","metadata":{"name":"a",)") +
        R"("namespace":"default","resourceVersion":")" + version + R"("}}})");
    run();
    EXPECT_THAT(pods(), ElementsAre("a", "b")) << version;
  }
  expect_recovery();
}

TEST_F(LyingServerTest, A11_AServerFromABackupIsFollowedThoughItUsesVersionsTwice) {
  pods_.put("a", {{"spec", {{"nodeName", "before"}}}});  // 101
  pods_.put("b");
  start();
  advance(5s);

  // A backup of 100 is restored; another pod of the same name gets the same version.
  pods_.remove("b");
  pods_.set_version(100);
  pods_.compact();
  pods_.put("a", {{"spec", {{"nodeName", "after"}}}});
  ASSERT_EQ(pods_.version(), 101u);
  server_.reset_connections();
  run();
  advance(5min);

  ASSERT_THAT(pods(), ElementsAre("a"));
  EXPECT_EQ(sink_.all().front().node, "after");
}

}  // namespace
}  // namespace wherry::api
