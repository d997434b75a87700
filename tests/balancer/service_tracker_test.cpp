#include "balancer/service_tracker.h"

#include "tests/support/builders.h"
#include "tests/support/log_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using model::ObjectKey;
using test::service;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ObjectKey kWeb{"default", "web"};
const ObjectKey kApi{"default", "api"};

class ServiceTrackerTest : public ::testing::Test {
 protected:
  static test::ServiceBuilder web() {
    return service("web").cluster_ip("10.0.0.1").port("http", 80);
  }
  static test::ServiceBuilder api() {
    return service("api").cluster_ip("10.0.0.2").port("http", 80);
  }

  int calls_ = 0;
  ServiceTracker tracker_{FlattenRules{}, [this] { ++calls_; }};
};

TEST_F(ServiceTrackerTest, ANewServiceIsAChange) {
  tracker_.upsert(web());

  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), SizeIs(1));
}

TEST_F(ServiceTrackerTest, ChangesAreTakenOnce) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(ServiceTrackerTest, TheSameServiceAgainIsNoChange) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.upsert(web());

  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(ServiceTrackerTest, WhatNoServicePortDependsOnIsNoChange) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.upsert(web().label("team", "blue").selector("app", "web"));

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(ServiceTrackerTest, AnotherPortNumberIsAChange) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.upsert(service("web").cluster_ip("10.0.0.1").port("http", 81));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_EQ(tracker_.ports_of(kWeb).at(0).port, 81);
}

TEST_F(ServiceTrackerTest, AServiceThatIsNotOursIsNoChange) {
  tracker_.upsert(web().headless());

  EXPECT_EQ(calls_, 0);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
  EXPECT_THAT(tracker_.ports_of(kWeb), IsEmpty());
}

TEST_F(ServiceTrackerTest, S1_AServiceThatBecomesAnExternalNameGoesAndComesBackLive) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.upsert(web().type(model::ServiceType::ExternalName));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), IsEmpty());

  tracker_.upsert(web().type(model::ServiceType::NodePort));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), SizeIs(1));
}

TEST_F(ServiceTrackerTest, S6_AProxyNameThatIsAddedAndRemovedTakesEffectLive) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.upsert(web().label(std::string(kServiceProxyNameLabel), "other"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), IsEmpty());

  tracker_.upsert(web());

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), SizeIs(1));
}

TEST_F(ServiceTrackerTest, AnErasedServiceIsAChange) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.erase(kWeb);

  EXPECT_EQ(calls_, 2);
  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), IsEmpty());
}

TEST_F(ServiceTrackerTest, ErasingWhatIsNotThereIsNoChange) {
  tracker_.erase(kWeb);

  EXPECT_EQ(calls_, 0);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(ServiceTrackerTest, ReplaceMarksOnlyDifferences) {
  tracker_.upsert(web());
  tracker_.upsert(api());
  (void)tracker_.take_changes();

  tracker_.replace({web(), service("api").cluster_ip("10.0.0.3").port("http", 80)});

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kApi));
}

TEST_F(ServiceTrackerTest, ReplaceRemovesWhatIsGone) {
  tracker_.upsert(web());
  tracker_.upsert(api());
  (void)tracker_.take_changes();

  tracker_.replace({api()});

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.ports_of(kWeb), IsEmpty());
  EXPECT_THAT(tracker_.ports_of(kApi), SizeIs(1));
}

TEST_F(ServiceTrackerTest, ServicesOfOneNameInTwoNamespacesAreTwo) {
  tracker_.replace({web(), service("web", "shop").cluster_ip("10.0.0.3").port("http", 80)});

  tracker_.erase(kWeb);

  EXPECT_THAT(tracker_.ports_of(kWeb), IsEmpty());
  EXPECT_THAT(tracker_.ports_of({"shop", "web"}), SizeIs(1));
}

TEST_F(ServiceTrackerTest, ABadAnnotationIsLoggedOnceAndKeptToAskFor) {
  const test::LogCapture log;
  const auto bad = web().annotation("wherry.io/listen-address", "localhost");

  tracker_.upsert(bad);
  tracker_.upsert(bad);
  tracker_.replace({bad});

  EXPECT_EQ(log.count("\"localhost\" is no address to listen on"), 1u) << log.lines().size();
  ASSERT_EQ(tracker_.warnings().count(kWeb), 1u);
  EXPECT_THAT(tracker_.warnings().at(kWeb), SizeIs(1));
}

TEST_F(ServiceTrackerTest, AnotherBadValueIsLoggedAnew) {
  const test::LogCapture log;
  tracker_.upsert(web().annotation("wherry.io/listen-address", "localhost"));

  tracker_.upsert(web().annotation("wherry.io/listen-address", "otherhost"));

  EXPECT_EQ(log.count("otherhost"), 1u);
  EXPECT_EQ(log.lines().size(), 2u);
}

TEST_F(ServiceTrackerTest, AMendedAnnotationTakesItsWarningAlong) {
  const test::LogCapture log;
  tracker_.upsert(web().annotation("wherry.io/listen-address", "localhost"));

  tracker_.upsert(web().annotation("wherry.io/listen-address", "127.0.0.5"));

  EXPECT_THAT(tracker_.warnings(), IsEmpty());
}

TEST_F(ServiceTrackerTest, AServiceThatGoesTakesItsWarningAlong) {
  const test::LogCapture log;
  const auto bad = web().annotation("wherry.io/listen-address", "localhost");

  tracker_.upsert(bad);
  tracker_.erase(kWeb);
  EXPECT_THAT(tracker_.warnings(), IsEmpty());

  tracker_.upsert(bad);
  tracker_.replace({});
  EXPECT_THAT(tracker_.warnings(), IsEmpty());
}

TEST_F(ServiceTrackerTest, AServiceWithoutPortsTakesItsWarningAlongWhenItIsReplaced) {
  const test::LogCapture log;
  tracker_.upsert(service("web").annotation("wherry.io/listen-address", "localhost"));

  tracker_.replace({});

  EXPECT_THAT(tracker_.warnings(), IsEmpty());
}

TEST_F(ServiceTrackerTest, R2_WhatChangesAndChangesBackHasNotChanged) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.upsert(web().port("https", 443));
  EXPECT_EQ(tracker_.pending(), 1);
  tracker_.upsert(web());

  EXPECT_EQ(tracker_.pending(), 0);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
  EXPECT_THAT(tracker_.ports_of(kWeb), SizeIs(1));
}

TEST_F(ServiceTrackerTest, R2_WhatComesAndGoesWasNeverThere) {
  tracker_.upsert(web());
  tracker_.erase(kWeb);

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(ServiceTrackerTest, R2_WhatGoesAndComesBackNeverWent) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();

  tracker_.erase(kWeb);
  tracker_.upsert(web());

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(ServiceTrackerTest, R2_OnlyTheStateAtTheLastTakingCounts) {
  tracker_.upsert(web());
  (void)tracker_.take_changes();
  tracker_.upsert(web().port("https", 443));
  (void)tracker_.take_changes();

  tracker_.upsert(web());

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
}

TEST_F(ServiceTrackerTest, R2_AnotherServiceStaysChanged) {
  tracker_.upsert(web());
  tracker_.upsert(api());
  tracker_.erase(kWeb);

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kApi));
}

TEST_F(ServiceTrackerTest, M5_EveryServiceThatIsHandedOverIsSeen) {
  tracker_.upsert(web());
  tracker_.upsert(web());  // the same again
  tracker_.erase(kWeb);
  tracker_.replace({});
  tracker_.replace({web(), api()});

  EXPECT_EQ(tracker_.seen(), 5);
  EXPECT_EQ(tracker_.pending(), 2);
  (void)tracker_.take_changes();
  EXPECT_EQ(tracker_.pending(), 0);
}

TEST_F(ServiceTrackerTest, ABadAnnotationIsToldOnceForAsLongAsItIsSo) {
  std::vector<std::string> told;
  ServiceTracker tracker(
      FlattenRules{}, [] {},
      [&told](const model::ObjectMeta& service, const std::string& warning) {
        told.push_back(service.key.to_string() + ": " + warning.substr(0, 7));
      });
  const auto bad = [] { return web().annotation("wherry.io/balance", "fastest"); };

  tracker.upsert(bad());
  tracker.replace({bad()});
  EXPECT_THAT(told, ElementsAre("default/web: Service"));

  tracker.upsert(web());
  tracker.upsert(bad());
  EXPECT_THAT(told, SizeIs(2));
}

}  // namespace
}  // namespace wherry::balancer
