#include "tests/support/builders.h"
#include "tests/watcher/pod_endpoints_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wherry::watcher {
namespace {

using test::pod;
using test::service;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Room for the endpoints of about ten pods.
class PodEndpointsLimitTest : public PodEndpointsTest {
 protected:
  PodEndpointsLimitTest() : PodEndpointsTest(10 * sizeof(model::Endpoint) + 1000) {}

  void upsert_web(const std::string& name, std::uint16_t port) {
    endpoints_.services().upsert(service(name).selector("app", "web").port("", port));
  }
};

TEST_F(PodEndpointsLimitTest, AServiceThatDoesNotFitHasNoEndpointsUntilOthersGo) {
  for (int i = 1; i <= 8; ++i) {
    endpoints_.pods().upsert(
        pod("p" + std::to_string(i), "10.0.0." + std::to_string(i)).label("app", "web"));
  }
  upsert_web("first", 1);
  EXPECT_THAT(backends(), SizeIs(8));
  upsert_web("second", 2);

  EXPECT_THAT(backends(), SizeIs(8));
  EXPECT_THAT(endpoints_.over_limit(), ElementsAre(model::ObjectKey{"default", "second"}));

  endpoints_.services().erase({"default", "first"});

  EXPECT_THAT(backends(), ::testing::Each(::testing::HasSubstr(" 2/TCP")));
  EXPECT_THAT(backends(), SizeIs(8));
  EXPECT_THAT(endpoints_.over_limit(), IsEmpty());
}

TEST_F(PodEndpointsLimitTest, AServiceThatIsGoneDoesNotWaitForRoom) {
  for (int i = 1; i <= 20; ++i) {
    endpoints_.pods().upsert(
        pod("p" + std::to_string(i), "10.0.0." + std::to_string(i)).label("app", "web"));
  }
  upsert_web("big", 1);
  EXPECT_THAT(backends(), IsEmpty());

  endpoints_.services().erase({"default", "big"});
  endpoints_.flush();

  EXPECT_THAT(endpoints_.over_limit(), IsEmpty());
}

TEST_F(PodEndpointsLimitTest, PortsOfManySlicesCountToo) {
  // Each pod has another number for the named port, and with it a slice of its own.
  auto many = service("many").selector("app", "web").port("a", 1, "x");
  for (int i = 0; i < 40; ++i) {
    many.port("p" + std::to_string(i), static_cast<std::uint16_t>(100 + i));
  }
  endpoints_.services().upsert(many);
  for (int i = 1; i <= 3; ++i) {
    endpoints_.pods().upsert(pod("p" + std::to_string(i), "10.0.0." + std::to_string(i))
                                 .label("app", "web")
                                 .port("x", static_cast<std::uint16_t>(i)));
  }

  EXPECT_THAT(backends(), IsEmpty());
  EXPECT_THAT(endpoints_.over_limit(), SizeIs(1));
}

}  // namespace
}  // namespace wherry::watcher
