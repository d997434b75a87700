#include "watcher/api/event_recorder.h"

#include "tests/support/log_capture.h"
#include "tests/watcher/api/loop_test.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Events in the background, whatever the server makes of them: H6.
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using model::EventSubject;
using model::EventType;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const EventSubject kWeb{"Service", {"shop", "web"}, "uid-1"};

/// Takes what is written, answers at once or when the test says so.
class FakeEventApi final : public EventApi {
 public:
  struct Write {
    std::string name_space;
    std::string patched;  ///< the name; empty: a new Event
    json::value text;
  };
  struct Server {
    std::vector<Write> writes;
    std::deque<ApiFailure> failures;  ///< of the next writes
    bool is_slow = false;             ///< answers when `answer` is woken
    std::unique_ptr<Wakeup> answer;
    bool stopped = false;
  };

  explicit FakeEventApi(Server& server) : server_(server) {}

  asio::awaitable<std::optional<ApiFailure>> create(std::string name_space,
                                                    std::string event) override {
    server_.writes.push_back({std::move(name_space), "", json::parse(event)});
    return answer();
  }
  asio::awaitable<std::optional<ApiFailure>> patch(std::string name_space, std::string name,
                                                   std::string changes) override {
    server_.writes.push_back({std::move(name_space), std::move(name), json::parse(changes)});
    return answer();
  }
  void stop() override {
    server_.stopped = true;
    server_.answer->wake();
  }

 private:
  asio::awaitable<std::optional<ApiFailure>> answer() {
    if (server_.is_slow) co_await server_.answer->wait();
    if (server_.stopped) co_return stopped();
    if (server_.failures.empty()) co_return std::nullopt;
    ApiFailure failure = std::move(server_.failures.front());
    server_.failures.pop_front();
    co_return failure;
  }

  Server& server_;
};

class EventRecorderTest : public test::LoopTest {
 protected:
  EventRecorderTest() {
    server_.answer = std::make_unique<Wakeup>(loop_);
    recorder_ = std::make_unique<EventRecorder>(loop_, std::make_unique<FakeEventApi>(server_),
                                                timers_, clock_, "node-1");
    recorder_->start();
  }
  ~EventRecorderTest() override {
    recorder_->stop();
    run();
    EXPECT_TRUE(recorder_->idle());
  }

  void record(const std::string& note = "no", const EventSubject& regarding = kWeb) {
    recorder_->record(regarding, EventType::Warning, "BadAnnotation", note);
    run();
  }
  void fail_next(ApiErrc code, int status = 0, std::optional<Duration> retry_after = {}) {
    server_.failures.push_back({code, "the reason", retry_after, status});
  }
  /// A text of the n-th write, by a JSON pointer.
  std::string at(std::size_t n, const std::string& pointer) {
    const json::value& value = server_.writes.at(n).text.at_pointer(pointer);
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  }
  double metric(const std::string& name, const std::string& reason = "") const {
    MetricFamilies families;
    recorder_->collect(families);
    for (const MetricFamily& family : families) {
      if (family.name != name) continue;
      for (const MetricSample& sample : family.samples) {
        if (reason.empty() || sample.labels.front().second == reason) return sample.value;
      }
    }
    return -1;
  }
  double dropped(const std::string& reason) const {
    return metric("wherry_events_dropped_total", reason);
  }
  double written() const { return metric("wherry_events_written_total"); }

  test::LogCapture log_;
  FakeEventApi::Server server_;
  std::unique_ptr<EventRecorder> recorder_;
};

TEST_F(EventRecorderTest, H6_SaysWhatHappenedToWhomAndWhoSaysSo) {
  record("the annotation is bad");

  ASSERT_THAT(server_.writes, SizeIs(1));
  EXPECT_EQ(server_.writes[0].name_space, "shop");
  EXPECT_EQ(server_.writes[0].patched, "");
  EXPECT_EQ(at(0, "/apiVersion"), "events.k8s.io/v1");
  EXPECT_EQ(at(0, "/kind"), "Event");
  EXPECT_THAT(at(0, "/metadata/name"), HasSubstr("web."));
  EXPECT_EQ(at(0, "/metadata/namespace"), "shop");
  EXPECT_EQ(at(0, "/eventTime"), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(at(0, "/reportingController"), "wherry");
  EXPECT_EQ(at(0, "/reportingInstance"), "wherry-node-1");
  EXPECT_EQ(at(0, "/action"), "BadAnnotation");
  EXPECT_EQ(at(0, "/reason"), "BadAnnotation");
  EXPECT_EQ(at(0, "/regarding/apiVersion"), "v1");
  EXPECT_EQ(at(0, "/regarding/kind"), "Service");
  EXPECT_EQ(at(0, "/regarding/namespace"), "shop");
  EXPECT_EQ(at(0, "/regarding/name"), "web");
  EXPECT_EQ(at(0, "/regarding/uid"), "uid-1");
  EXPECT_EQ(at(0, "/note"), "the annotation is bad");
  EXPECT_EQ(at(0, "/type"), "Warning");
  EXPECT_FALSE(server_.writes[0].text.as_object().contains("series"));
  EXPECT_EQ(written(), 1);
}

TEST_F(EventRecorderTest, H6_EventsOfANodeAreInTheDefaultNamespace) {
  recorder_->record(model::node_subject("node-1"), EventType::Normal, "Starting", "");
  run();

  ASSERT_THAT(server_.writes, SizeIs(1));
  EXPECT_EQ(server_.writes[0].name_space, "default");
  EXPECT_EQ(at(0, "/metadata/namespace"), "default");
  EXPECT_EQ(at(0, "/regarding/kind"), "Node");
  EXPECT_EQ(at(0, "/regarding/uid"), "node-1") << "kubectl describe node looks for it so";
  EXPECT_FALSE(server_.writes[0].text.at("regarding").as_object().contains("namespace"));
  EXPECT_EQ(at(0, "/type"), "Normal");
}

TEST_F(EventRecorderTest, H6_TheSameAgainRaisesTheCountOfItsSeries) {
  record();
  clock_.advance(1500ms);
  record();
  record();

  ASSERT_THAT(server_.writes, SizeIs(3));
  EXPECT_EQ(server_.writes[1].name_space, "shop");
  EXPECT_EQ(server_.writes[1].patched, at(0, "/metadata/name"));
  EXPECT_EQ(json::serialize(server_.writes[1].text),
            R"({"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.500000Z"}})");
  EXPECT_EQ(at(2, "/series/count"), "3");
}

TEST_F(EventRecorderTest, H6_WhatHappensDuringAWriteIsWrittenAfterIt) {
  server_.is_slow = true;
  record();
  for (int i = 0; i < 5; ++i) record();
  ASSERT_THAT(server_.writes, SizeIs(1));
  server_.is_slow = false;
  server_.answer->wake();
  run();

  ASSERT_THAT(server_.writes, SizeIs(2)) << "five times more, in one word";
  EXPECT_EQ(at(1, "/series/count"), "6");
}

TEST_F(EventRecorderTest, H6_WhatTheServerForgotIsCreatedAnew) {
  record();
  fail_next(ApiErrc::NotFound, 404);
  record();

  ASSERT_THAT(server_.writes, SizeIs(3));
  EXPECT_EQ(server_.writes[2].patched, "");
  EXPECT_NE(at(2, "/metadata/name"), at(0, "/metadata/name"));
  EXPECT_EQ(at(2, "/series/count"), "2");
  EXPECT_EQ(written(), 2);
}

TEST_F(EventRecorderTest, H6_OneThatIsThereAlreadyWasWritten) {
  fail_next(ApiErrc::Reset);
  fail_next(ApiErrc::BadRequest, 409);
  record();
  advance(10s);

  EXPECT_EQ(written(), 1);
  record();
  EXPECT_EQ(server_.writes.back().patched, at(0, "/metadata/name"));
}

TEST_F(EventRecorderTest, H6_AServerThatIsAwayIsTriedForTwoMinutes) {
  for (int i = 0; i < 12; ++i) fail_next(ApiErrc::Refused);
  record();
  advance(10s - 1ms);
  EXPECT_THAT(server_.writes, SizeIs(1));
  advance(1ms);
  EXPECT_THAT(server_.writes, SizeIs(2));
  advance(10min);

  EXPECT_THAT(server_.writes, SizeIs(12));
  EXPECT_EQ(dropped("unreachable"), 1);
  EXPECT_THAT(log_.lines(), SizeIs(0)) << "who follows the cluster says so";
  record("another");
  EXPECT_EQ(written(), 1);
}

TEST_F(EventRecorderTest, H6_WaitsAsLongAsTheServerSays) {
  fail_next(ApiErrc::TooManyRequests, 429, 30s);
  record();
  advance(29s);
  EXPECT_THAT(server_.writes, SizeIs(1));
  advance(1s);
  EXPECT_EQ(written(), 1);
}

TEST_F(EventRecorderTest, H6_AForbiddenVerbIsNamedOnceWithTheRule) {
  for (int i = 0; i < 3; ++i) fail_next(ApiErrc::Forbidden, 403);
  for (const char* note : {"a", "b", "c"}) record(note);

  EXPECT_THAT(server_.writes, SizeIs(3)) << "none is tried again";
  EXPECT_EQ(dropped("refused"), 3);
  EXPECT_EQ(log_.count("Events can't be written"), 1u);
  EXPECT_EQ(log_.count("events.k8s.io"), 1u);
  EXPECT_EQ(log_.count("create"), 1u);

  record("d");
  EXPECT_EQ(written(), 1);
  EXPECT_EQ(log_.count("Events are written again"), 1u);
}

TEST_F(EventRecorderTest, H6_OneObjectThatFlapsIsWrittenOfAFewTimesOnly) {
  for (int i = 0; i < 1000; ++i) record(std::to_string(i));

  EXPECT_THAT(server_.writes, SizeIs(25));
  EXPECT_EQ(dropped("rate_limited"), 975);
}

TEST_F(EventRecorderTest, H6_TheQueueIsBounded) {
  server_.is_slow = true;
  for (std::size_t i = 0; i < EventRecorder::kLongestQueue + 11; ++i) {
    record("no", {"Service", {"shop", std::to_string(i)}, ""});
  }
  EXPECT_EQ(dropped("queue_full"), 10) << "one is being written";
}

TEST_F(EventRecorderTest, H6_ALongNoteIsCutBetweenCharacters) {
  std::string note(1023, 'a');
  note += "\xc3\xa4";
  record(note + "\x1b[2J");

  EXPECT_EQ(at(0, "/note"), std::string(1023, 'a'));
}

TEST_F(EventRecorderTest, H6_WhatIsRecordedBeforeTheStartWaitsForIt) {
  EventRecorder another(loop_, std::make_unique<FakeEventApi>(server_), timers_, clock_, "node-2");
  another.record(kWeb, EventType::Warning, "BadAnnotation", "no");
  run();
  EXPECT_TRUE(another.idle());
  EXPECT_THAT(server_.writes, SizeIs(0));
  another.start();
  run();
  EXPECT_THAT(server_.writes, SizeIs(1));
}

TEST_F(EventRecorderTest, H6_StopsWhateverItWaitsFor) {
  fail_next(ApiErrc::Refused);
  record("a");
  record("b");
  recorder_->stop();
  run();
  EXPECT_TRUE(recorder_->idle());
  record("c");

  EXPECT_EQ(dropped("stopped"), 3);
  EXPECT_THAT(server_.writes, SizeIs(1));
}

TEST_F(EventRecorderTest, H6_StopsWithinAWrite) {
  server_.is_slow = true;
  record();
  recorder_->stop();
  run();

  EXPECT_TRUE(recorder_->idle());
  EXPECT_EQ(dropped("stopped"), 1);
}

}  // namespace
}  // namespace wherry::api
