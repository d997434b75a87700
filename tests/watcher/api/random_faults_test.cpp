#include "tests/watcher/api/http_fixture.h"
#include "watcher/model/pod.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>

/// A day of a bad network and a worse server, in simulated time (A34, and all that leads to it).
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using test::HttpTest;

class RandomFaults : public HttpTest, public ::testing::WithParamInterface<int> {
 protected:
  static constexpr int kNames = 12;

  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return chance_() % n; }
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }

  /// The server's objects change: each says in its nodeName which version it is.
  void change() {
    const std::string name = "p" + std::to_string(below(kNames));
    if (one_in(4)) return pods_.remove(name);
    const std::string mark = std::to_string(pods_.version() + 1);
    pods_.put(name, {{"spec", {{"nodeName", boost::json::string(mark)}}}});
    has_been_[name].insert(pods_.version());
    ++changes_;
  }

  void fail() {
    ++faults_;
    switch (below(14)) {
      case 0:
        return server_.end_watches();
      case 1:
        return server_.reset_connections();
      case 2:
        return server_.silence_watches();
      case 3:
        return pods_.compact();  // what is not delivered yet is gone
      case 4:
        server_.answer_next(429, test::status_text(429, "TooManyRequests", "busy"),
                            "Retry-After: " + std::to_string(below(20)) + "\r\n");
        return server_.end_watches();
      case 5:
        server_.answer_next(500, test::status_text(500, "InternalError", "broken"));
        return server_.end_watches();
      case 6:
        server_.answer_next(503, "not ready", "Retry-After: 5\r\n");
        return server_.reset_connections();
      case 7:
        server_.answer_next(410, test::status_text(410, "Expired", "too old"));
        return server_.end_watches();
      case 8:
        return server_.send_to_watches(
            R"({"type":"ERROR","object":)" +
            test::status_text(one_in(2) ? 410 : 500, "Expired", "an event says so") + "}");
      case 9:
        server_.behaviour.watch_list = one_in(2);
        return server_.end_watches();
      case 10:
        server_.behaviour.page_size = one_in(2) ? 0 : 1 + below(5);
        server_.behaviour.gzip = one_in(2);
        server_.behaviour.piece = one_in(4) ? 60 + below(400) : 0;
        return;
      case 11:
        server_.behaviour.drop_requests = one_in(2);
        return server_.reset_connections();
      case 12: {
        ApiFailure refused{ApiErrc::Refused, "nobody listens", {}, 0};
        server_.wire().failures.push_back(refused);
        if (one_in(2)) server_.wire().failures.push_back(std::move(refused));
        return server_.reset_connections();
      }
      default:
        // Half an answer, and the end of the connection.
        server_.answer_next_with_bytes(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
            R"({"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[)");
        return server_.end_watches();
    }
  }

  /// Nothing that never was, and nothing that was before what was seen already.
  void check() {
    if (sink_.calls() == checked_) return;
    checked_ = sink_.calls();
    for (const auto& [key, pod] : sink_.objects()) {
      const std::uint64_t version = std::stoull(pod.node);
      std::uint64_t& seen = seen_[key.name];
      ASSERT_TRUE(has_been_[key.name].contains(version)) << key.name << " never was " << version;
      ASSERT_GE(version, seen) << key.name << " goes backwards";
      seen = version;
    }
  }
  void pass(Duration by) {
    run();
    timers_.advance(by, [this] {
      run();
      check();
    });
    run();
    check();
  }
  [[nodiscard]] std::map<std::string, std::string> held() const {
    std::map<std::string, std::string> all;
    for (const auto& [key, pod] : sink_.objects()) all[key.name] = pod.node;
    return all;
  }
  [[nodiscard]] std::map<std::string, std::string> served() const {
    std::map<std::string, std::string> all;
    for (const auto& [key, object] : pods_.objects()) {
      all[key.name] = std::string(object.at("spec").at("nodeName").as_string());
    }
    return all;
  }

  std::mt19937_64 chance_{static_cast<std::uint64_t>(GetParam())};
  std::map<std::string, std::set<std::uint64_t>> has_been_;
  std::map<std::string, std::uint64_t> seen_;
  std::size_t checked_ = 0;
  std::size_t changes_ = 0;
  std::size_t faults_ = 0;
};

TEST_P(RandomFaults, A34_ADayOfThemEndsWithWhatTheServerHas) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  for (int i = 0; i < 8; ++i) change();
  start({.watch_list = true});
  const TimePoint end = clock_.now() + 24h;
  std::size_t steps = 0;
  while (clock_.now() < end && !HasFatalFailure()) {
    random_.unit = static_cast<double>(below(1000)) / 1000;
    for (std::uint64_t n = below(3); n > 0; --n) change();
    if (!one_in(5)) server_.deliver();
    if (one_in(2)) server_.bookmark();
    if (one_in(12)) fail();
    if (pods_.history().size() > 40) {
      server_.deliver();
      pods_.compact();
    }
    // Most of these are over soon.
    if (server_.behaviour.drop_requests && one_in(5)) server_.behaviour.drop_requests = false;
    pass(std::chrono::milliseconds(500 + below(60'000)));
    ++steps;
  }
  EXPECT_GT(faults_, 100u);

  // The faults are over.
  server_.behaviour = {};
  server_.wire().failures.clear();
  for (int minute = 0; minute < 20; ++minute) {
    server_.bookmark();
    pass(30s);
  }
  server_.deliver();
  pass(1s);

  EXPECT_EQ(held(), served());
  EXPECT_TRUE(reflector_->health().synced);
  EXPECT_FALSE(reflector_->health().failing.has_value());
  RecordProperty("steps", static_cast<int>(steps));
  RecordProperty("faults", static_cast<int>(faults_));
  RecordProperty("changes", static_cast<int>(changes_));
  RecordProperty("lists", static_cast<int>(reflector_->health().lists));
  RecordProperty("watches", static_cast<int>(reflector_->health().watches));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaults, ::testing::Range(1, 11));

}  // namespace
}  // namespace wherry::api
