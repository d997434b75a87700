// How wherry behaves as one client among many: few streams, a name, nothing that was not asked for.

#include "tests/watcher/api/http_fixture.h"
#include "tests/watcher/api/reflector_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class ReflectorMannersTest : public test::ReflectorTest {};

TEST_F(ReflectorMannersTest, A19_HasOneStreamHoweverOftenItIsOpenedAnew) {
  start();
  for (int i = 0; i < 20; ++i) {
    collection_.put("a");
    deliver();
    end_watches(ApiErrc::Ended);
    EXPECT_EQ(api_.open_streams(), 1u);
  }
}

TEST_F(ReflectorMannersTest, A19_WatchesKnowNoRateLimit) {
  start();
  api_.take_requests();
  for (int i = 0; i < 20; ++i) {
    collection_.put("a");
    deliver();
    end_watches(ApiErrc::Ended);
  }

  EXPECT_THAT(api_.requests(), SizeIs(20)) << "and no time has passed";
}

/// Keeps what the client has written, which the fake server takes away.
class HttpMannersTest : public test::HttpTest {
 protected:
  /// The first request of a client that nobody answers.
  std::string first_request() {
    server_.wire().on_connect = [](const auto&) {};
    start();
    return server_.wire().peers.empty() ? std::string() : server_.wire().peers.front()->received();
  }
};

TEST_F(HttpMannersTest, A32_SaysWhoItIs) {
  EXPECT_THAT(first_request(), HasSubstr("\r\nUser-Agent: wherry/1\r\n"));
}

TEST_F(HttpMannersTest, A20_AsksForJsonAndNothingElse) {
  EXPECT_THAT(first_request(), HasSubstr("\r\nAccept: application/json\r\n"));
}

TEST_F(HttpMannersTest, A22_AsksForNoGzipWhereCompressionIsDisabled) {
  access_.compression = false;
  const std::string request = first_request();

  EXPECT_THAT(request, HasSubstr("GET "));
  EXPECT_THAT(request, Not(HasSubstr("gzip")));
}

TEST_F(HttpMannersTest, A23_FieldsThatNobodyKnowsAreTolerated) {
  pods_.put("a");
  start();

  server_.send_to_watches(
      R"({"new":[1],"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","fresh":{"x":[{}]},)"
      R"("metadata":{"name":"b","namespace":"default","resourceVersion":"999","also":null}}})");
  run();

  EXPECT_THAT(pods(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace wherry::api
