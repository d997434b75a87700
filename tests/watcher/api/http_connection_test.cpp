#include "watcher/api/http_connection.h"

#include "base/async/task_group.h"
#include "tests/watcher/api/fake_dialer.h"
#include "tests/watcher/api/gzip_of.h"
#include "tests/watcher/api/loop_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A connection to a server that is the test itself.
class HttpConnectionTest : public test::LoopTest {
 protected:
  HttpConnectionTest() {
    connection_.emplace(std::make_unique<test::FakeTransport>(peer_), timers_, "the server");
  }
  ~HttpConnectionTest() override {
    connection_->close();
    run();
    EXPECT_TRUE(tasks_.idle());
  }

  /// Asks, and reads the answer to its end.
  void ask(std::string target = "/") {
    tasks_.spawn("request", exchange(std::move(target)));
    run();
  }

  asio::awaitable<void> exchange(std::string target) {
    body_.clear();
    failure_.reset();
    head_.reset();
    HttpRequest request{.target = std::move(target),
                        .host = "server:6443",
                        .user_agent = "wherry/1",
                        .gzip = true,
                        .headers = Secret("Authorization: Bearer x\r\n")};
    auto head = co_await connection_->send(std::move(request), 10s);
    if (!head) {
      failure_ = head.error();
      co_return;
    }
    head_ = *head;
    for (;;) {
      const std::size_t before = body_.size();
      const auto more =
          co_await connection_->read_body(90s, [this](std::string_view bytes) { body_ += bytes; });
      largest_read_ = std::max(largest_read_, body_.size() - before);
      if (!more) failure_ = more.error();
      if (!more || !*more) co_return;
    }
  }

  TaskGroup tasks_{loop_};
  std::shared_ptr<test::FakePeer> peer_ = std::make_shared<test::FakePeer>(loop_);
  std::optional<HttpConnection> connection_;
  std::optional<HttpHead> head_;
  std::string body_;
  std::size_t largest_read_ = 0;
  std::optional<ApiFailure> failure_;
};

TEST_F(HttpConnectionTest, SendsARequestThatServersUnderstand) {
  ask("/api/v1/pods?limit=5");

  EXPECT_EQ(peer_->received(),
            "GET /api/v1/pods?limit=5 HTTP/1.1\r\nHost: server:6443\r\nUser-Agent: wherry/1\r\n"
            "Accept: application/json\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer x\r\n\r\n");
}

TEST_F(HttpConnectionTest, ReadsABodyOfAKnownLength) {
  ask();
  peer_->send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello");
  run();

  ASSERT_TRUE(head_);
  EXPECT_EQ(head_->status, 200);
  EXPECT_EQ(head_->content_type, "application/json");
  EXPECT_EQ(body_, "hello");
  EXPECT_FALSE(failure_);
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(HttpConnectionTest, A20_ReadsChunksHoweverTheyAreCutUp) {
  ask();
  peer_->drip(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n1;ext=1\r\nd\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
  run();

  EXPECT_EQ(body_, "abcd0123456789");
  EXPECT_FALSE(failure_);
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(HttpConnectionTest, A20_HandsOverWhatHasComeBeforeTheChunkIsWhole) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nfirst");
  run();

  EXPECT_EQ(body_, "first");
  EXPECT_TRUE(tasks_.running() == 1);
}

TEST_F(HttpConnectionTest, ReadsABodyUpToTheEndOfTheConnection) {
  ask();
  peer_->send("HTTP/1.0 200 OK\r\n\r\nall of it");
  peer_->end();
  run();

  EXPECT_EQ(body_, "all of it");
  EXPECT_FALSE(failure_);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(HttpConnectionTest, ServesOneRequestAfterAnother) {
  ask("/1");
  peer_->send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
  run();
  ask("/2");
  peer_->send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  run();

  EXPECT_EQ(head_->status, 404);
  EXPECT_EQ(body_, "");
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(HttpConnectionTest, A18_IsNotUsedAgainWhereTheServerSaysSo) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1");
  run();

  EXPECT_EQ(body_, "1");
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(HttpConnectionTest, PassesOverProvisionalAnswers) {
  ask();
  peer_->send(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
  run();

  EXPECT_EQ(head_->status, 200);
  EXPECT_EQ(body_, "1");
}

TEST_F(HttpConnectionTest, A13_ReadsRetryAfter) {
  ask();
  peer_->send("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
  run();

  EXPECT_EQ(head_->retry_after, Duration(5s));
}

TEST_F(HttpConnectionTest, A22_UnpacksGzip) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ' ';
  const std::string packed = test::gzip_of(text);
  ASSERT_LT(packed.size(), text.size() / 2);
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
              std::to_string(packed.size()) + "\r\n\r\n");
  for (std::size_t at = 0; at < packed.size(); at += 1000) peer_->send(packed.substr(at, 1000));
  run();

  EXPECT_EQ(body_, text);
  EXPECT_FALSE(failure_);
}

TEST_F(HttpConnectionTest, A22_HandsOverAGzipBombALittleAtATime) {
  const std::string packed = test::gzip_of(std::string(32u << 20, 'x'));
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
              std::to_string(packed.size()) + "\r\n\r\n" + packed);
  run();

  EXPECT_EQ(body_.size(), 32u << 20);
  EXPECT_LE(largest_read_, 8u << 20) << "whoever takes it can say no before there is more";
}

TEST_F(HttpConnectionTest, A22_AGzipThatEndsTooEarlyIsNoAnswer) {
  const std::string packed = test::gzip_of(std::string(10'000, 'x'));
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
              std::to_string(packed.size() - 10) + "\r\n\r\n" +
              packed.substr(0, packed.size() - 10));
  run();

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Reset);
}

TEST_F(HttpConnectionTest, A22_WhatIsNoGzipIsRefused) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello");
  run();

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Malformed);
  EXPECT_THAT(failure_->text, HasSubstr("no gzip"));
}

TEST_F(HttpConnectionTest, AnAnswerThatIsCutIsReset) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell");
  peer_->end();
  run();

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Reset);
  EXPECT_TRUE(connection_->has_answered());
}

TEST_F(HttpConnectionTest, AConnectionThatEndsWithoutAnAnswerSaysSo) {
  ask();
  peer_->end();
  run();

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Reset);
  EXPECT_FALSE(connection_->has_answered());
}

TEST_F(HttpConnectionTest, GivesUpAServerThatDoesNotAnswer) {
  ask();
  advance(9999ms);
  EXPECT_FALSE(failure_);
  advance(1ms);

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Timeout);
  EXPECT_TRUE(peer_->is_closed_by_client());
}

TEST_F(HttpConnectionTest, AHeadThatDripsInIsNoAnswerEither) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 20 && !failure_; ++i) {
    peer_->send("X-" + std::to_string(i) + ": 1\r\n");
    run();
    advance(1s);
  }

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Timeout);
}

TEST_F(HttpConnectionTest, A17_ABodyThatIsSilentForTooLongIsGivenUp) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  run();
  advance(89s);
  peer_->send("1\r\nb\r\n");
  run();
  advance(89s);
  EXPECT_FALSE(failure_);
  advance(1s);

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Silent);
  EXPECT_EQ(body_, "ab");
}

// --- servers that lie ---

TEST_F(HttpConnectionTest, EndlessHeadersAreRefused) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nX: ");
  peer_->send_for_ever([](std::span<char> into) { std::fill(into.begin(), into.end(), 'x'); });
  run();

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::TooLarge);
  EXPECT_LE(peer_->bytes_read(), 300u << 10);
}

TEST_F(HttpConnectionTest, EndlessHeaderLinesAreRefused) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\n");
  std::size_t at = 0;
  peer_->send_for_ever([&at](std::span<char> into) {
    constexpr std::string_view kLine = "X-Header: value\r\n";
    for (char& c : into) c = kLine[at++ % kLine.size()];
  });
  run();

  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::TooLarge);
}

TEST_F(HttpConnectionTest, AnEndlessChunkSizeIsRefused) {
  ask();
  peer_->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  peer_->send_for_ever([](std::span<char> into) { std::fill(into.begin(), into.end(), 'x'); });
  run();

  ASSERT_TRUE(failure_);
  EXPECT_LE(peer_->bytes_read(), 300u << 10);
}

class NotHttp : public HttpConnectionTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(NotHttp, IsRefused) {
  ask();
  peer_->send(GetParam());
  peer_->end();
  run();

  ASSERT_TRUE(failure_);
  EXPECT_TRUE(failure_->code == ApiErrc::Malformed || failure_->code == ApiErrc::Reset)
      << failure_->text;
  EXPECT_FALSE(connection_->reusable());
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, NotHttp,
    ::testing::Values("SSH-2.0-OpenSSH_9.2\r\n", "\r\n\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "FFFFFFFFFFFFFFFFFFFF\r\nabc\r\n",
                      "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
                      "HTTP/1.1 200 OK\r\n no name: x\r\n\r\n", "{\"kind\":\"Status\"}"));

}  // namespace
}  // namespace wherry::api
