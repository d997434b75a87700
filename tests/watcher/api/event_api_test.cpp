#include "watcher/api/event_api.h"

#include "base/async/task_group.h"
#include "base/environment.h"
#include "tests/support/temp_folder.h"
#include "tests/watcher/api/fake_dialer.h"
#include "tests/watcher/api/loop_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// How an Event goes over the wire: H6.
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class EventApiTest : public test::LoopTest {
 protected:
  EventApiTest() {
    access_.server = {true, "api.test", 6443, "/base"};
    access_.origin = "the test";
    folder_.write("token", "old");
    access_.token_file = folder_ / "token";
    wire_.on_connect = [this](const std::shared_ptr<test::FakePeer>& peer) {
      peer->on_received([this, weak = std::weak_ptr(peer)] {
        const auto alive = weak.lock();
        if (!alive || !alive->received().ends_with('}')) return;
        requests_.push_back(alive->take_received());
        if (answers_.empty()) return;
        alive->send(answers_.front());
        answers_.pop_front();
      });
    };
    credentials_.emplace(loop_, access_, timers_, clock_, Environment());
    api_.emplace(HttpClient::Server{access_, *credentials_, metrics_, timers_, clock_, "wherry/1"},
                 std::make_unique<test::FakeDialer>(loop_, wire_));
  }
  ~EventApiTest() override {
    api_->stop();
    credentials_->stop();
    run();
    EXPECT_TRUE(tasks_.idle());
  }

  void answer(int status, const std::string& body = R"({"kind":"Event"})") {
    answers_.push_back("HTTP/1.1 " + std::to_string(status) +
                       " X\r\nContent-Type: application/json\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  void create() {
    tasks_.spawn("create", do_create());
    run();
  }
  void patch() {
    tasks_.spawn("patch", do_patch());
    run();
  }

  test::TempFolder folder_;
  ClusterAccess access_;
  RestMetrics metrics_{"api.test:6443"};
  test::FakeDialer::Wire wire_;
  std::deque<std::string> answers_;
  std::vector<std::string> requests_;
  std::optional<std::optional<ApiFailure>> outcome_;  ///< of the last call
  std::optional<HttpEventApi> api_;

 private:
  asio::awaitable<void> do_create() {
    outcome_.reset();
    outcome_ = co_await api_->create("shop", R"({"kind":"Event"})");
  }
  asio::awaitable<void> do_patch() {
    outcome_.reset();
    outcome_ = co_await api_->patch("shop", "web.1", R"({"series":{}})");
  }

  std::optional<Credentials> credentials_;
  TaskGroup tasks_{loop_};
};

TEST_F(EventApiTest, H6_PostsAnEvent) {
  answer(201);
  create();

  ASSERT_TRUE(outcome_);
  EXPECT_FALSE(*outcome_);
  ASSERT_THAT(requests_, SizeIs(1));
  EXPECT_THAT(
      requests_[0],
      AllOf(StartsWith("POST /base/apis/events.k8s.io/v1/namespaces/shop/events "
                       "HTTP/1.1\r\nHost: api.test:6443\r\n"),
            HasSubstr("\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"),
            HasSubstr("\r\nAuthorization: Bearer old\r\n"),
            HasSubstr("\r\nUser-Agent: wherry/1\r\n"), EndsWith("\r\n\r\n{\"kind\":\"Event\"}")));
}

TEST_F(EventApiTest, H6_PatchesItsSeriesOverTheSameConnection) {
  answer(201);
  create();
  answer(200);
  patch();

  EXPECT_FALSE(outcome_.value());
  ASSERT_THAT(requests_, SizeIs(2));
  EXPECT_THAT(requests_[1],
              AllOf(StartsWith("PATCH /base/apis/events.k8s.io/v1/namespaces/shop/events/web.1 "),
                    HasSubstr("\r\nContent-Type: application/merge-patch+json\r\n"),
                    EndsWith("\r\n\r\n{\"series\":{}}")));
  EXPECT_THAT(wire_.peers, SizeIs(1));
}

TEST_F(EventApiTest, H6_SaysWhatTheServerSays) {
  answer(403, R"({"kind":"Status","code":403,"reason":"Forbidden","message":"not for you"})");
  create();

  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((*outcome_)->code, ApiErrc::Forbidden);
  EXPECT_THAT((*outcome_)->text, HasSubstr("not for you"));
}

TEST_F(EventApiTest, A25_ARefusedTokenIsReadAgainAtOnce) {
  answer(201);
  create();
  folder_.replace("token", "new");
  advance(5s);
  answer(401, R"({"kind":"Status","code":401,"reason":"Unauthorized","message":"who"})");
  answer(201);
  create();

  EXPECT_FALSE(outcome_.value());
  ASSERT_THAT(requests_, SizeIs(3));
  EXPECT_THAT(requests_[2], HasSubstr("\r\nAuthorization: Bearer new\r\n"));
}

TEST_F(EventApiTest, H6_AServerThatNeverAnswersIsGivenUp) {
  create();
  advance(74s);
  EXPECT_FALSE(outcome_);
  advance(1s);
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((*outcome_)->code, ApiErrc::Timeout);
}

TEST_F(EventApiTest, H6_AnAnswerWithoutEndIsNotReadForEver) {
  answers_.push_back(
      "HTTP/1.1 201 X\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n");
  wire_.on_connect = [on_connect = wire_.on_connect](const auto& peer) {
    on_connect(peer);
    peer->send_for_ever([](std::span<char> into) { std::fill(into.begin(), into.end(), ' '); });
  };
  create();

  EXPECT_FALSE(outcome_.value()) << "it was taken";
  EXPECT_TRUE(wire_.peers.front()->is_closed_by_client());
  EXPECT_LT(wire_.peers.front()->bytes_read(), 1u << 20);
}

TEST_F(EventApiTest, H6_StopsWithinACall) {
  create();
  api_->stop();
  run();

  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((*outcome_)->code, ApiErrc::Stopped);
}

TEST_F(EventApiTest, H6_IsCountedByItsMethod) {
  answer(201);
  create();
  MetricFamilies families;
  metrics_.collect(families);

  ASSERT_THAT(families[0].samples, SizeIs(1));
  EXPECT_EQ(families[0].samples[0].labels[0].second, "201");
  EXPECT_EQ(families[0].samples[0].labels[1].second, "POST");
}

}  // namespace
}  // namespace wherry::api
