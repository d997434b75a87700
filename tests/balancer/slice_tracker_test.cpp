#include "balancer/slice_tracker.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"
#include "watcher/model/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using model::ObjectKey;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const ObjectKey kWeb{"default", "web"};
const ObjectKey kApi{"default", "api"};
const ServicePortKey kWebHttp{kWeb, "http", Protocol::TCP, IpFamily::IPv4};
const ServicePortKey kWebHttpIpv6{kWeb, "http", Protocol::TCP, IpFamily::IPv6};
const ServicePortKey kApiHttp{kApi, "http", Protocol::TCP, IpFamily::IPv4};

class SliceTrackerTest : public ::testing::Test {
 protected:
  static test::SliceBuilder web_slice(const std::string& name = "web-1") {
    return slice(name, "web").port("http", 8080);
  }
  [[nodiscard]] std::vector<std::string> addresses(const ServicePortKey& key) const {
    return addresses_of(*tracker_.backends_of(key));
  }

  int calls_ = 0;
  SliceTracker tracker_{[this] { ++calls_; }};
};

TEST_F(SliceTrackerTest, ANewSliceIsAChangeOfItsService) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));

  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080"));
}

TEST_F(SliceTrackerTest, ChangesAreTakenOnce) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(SliceTrackerTest, TheSameSliceAgainIsNoChange) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(web_slice().endpoint("10.1.0.1"));

  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(SliceTrackerTest, AnotherConditionIsAChange) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(web_slice().not_ready("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_FALSE(tracker_.backends_of(kWebHttp)->at(0).endpoint->ready);
}

TEST_F(SliceTrackerTest, AnErasedSliceIsAChangeOfItsService) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.erase({"default", "web-1"});

  EXPECT_EQ(calls_, 2);
  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, ErasingWhatIsNotThereIsNoChange) {
  tracker_.erase({"default", "web-1"});

  EXPECT_EQ(calls_, 0);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(SliceTrackerTest, ErasingOneSliceOfSeveralKeepsTheOthers) {
  tracker_.upsert(web_slice("web-1").endpoint("10.1.0.1"));
  tracker_.upsert(web_slice("web-2").endpoint("10.1.0.2"));

  tracker_.erase({"default", "web-1"});

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.2:8080"));
}

TEST_F(SliceTrackerTest, ReplaceMarksOnlyDifferences) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  tracker_.upsert(slice("api-1", "api").port("http", 80).endpoint("10.1.0.9"));
  (void)tracker_.take_changes();

  tracker_.replace({web_slice().endpoint("10.1.0.1"),
                    slice("api-1", "api").port("http", 80).endpoint("10.1.0.8")});

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kApi));
}

TEST_F(SliceTrackerTest, ReplaceRemovesWhatIsGone) {
  tracker_.upsert(web_slice("web-1").endpoint("10.1.0.1"));
  tracker_.upsert(web_slice("web-2").endpoint("10.1.0.2"));
  tracker_.upsert(slice("api-1", "api").port("http", 80).endpoint("10.1.0.9"));
  (void)tracker_.take_changes();

  tracker_.replace({web_slice("web-2").endpoint("10.1.0.2")});

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kApi, kWeb));
  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.2:8080"));
  EXPECT_THAT(addresses(kApiHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, ASliceThatMovesToAnotherServiceChangesBoth) {
  tracker_.upsert(slice("s", "web").port("http", 80).endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(slice("s", "api").port("http", 80).endpoint("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kApi, kWeb));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
  EXPECT_THAT(addresses(kApiHttp), ElementsAre("10.1.0.1:80"));
}

TEST_F(SliceTrackerTest, ASliceThatMovesToAnotherServiceInAReplaceChangesBoth) {
  tracker_.upsert(slice("s", "web").port("http", 80).endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.replace({slice("s", "api").port("http", 80).endpoint("10.1.0.1")});

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kApi, kWeb));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, AnEndpointThatMovesBetweenSlicesIsKept) {
  tracker_.upsert(web_slice("web-1").endpoint("10.1.0.1").endpoint("10.1.0.2"));
  tracker_.upsert(web_slice("web-2"));

  tracker_.upsert(web_slice("web-2").endpoint("10.1.0.2"));
  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080", "10.1.0.2:8080"));

  tracker_.upsert(web_slice("web-1").endpoint("10.1.0.1"));
  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080", "10.1.0.2:8080"));
}

TEST_F(SliceTrackerTest, ASliceOfNobodyIsPassedOver) {
  tracker_.upsert(slice("s", "").port("http", 80).endpoint("10.1.0.1"));

  EXPECT_EQ(calls_, 0);
}

TEST_F(SliceTrackerTest, ASliceThatLosesItsServiceIsGone) {
  tracker_.upsert(slice("s", "web").port("http", 80).endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(slice("s", "").port("http", 80).endpoint("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, SlicesCountInTheirOwnNamespaceOnly) {
  tracker_.upsert(slice("web-1", "web", "shop").port("http", 80).endpoint("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(ObjectKey{"shop", "web"}));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, SlicesOfOneNameInTwoNamespacesAreTwo) {
  tracker_.upsert(web_slice("s").endpoint("10.1.0.1"));
  tracker_.upsert(slice("s", "web", "shop").port("http", 80).endpoint("10.1.0.2"));

  tracker_.erase({"shop", "s"});

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080"));
}

TEST_F(SliceTrackerTest, W2_ASliceWithTheHeadlessLabelIsPassedOverWhateverItsValue) {
  tracker_.upsert(
      web_slice().endpoint("10.1.0.1").label("service.kubernetes.io/headless", "false"));

  EXPECT_EQ(calls_, 0);
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, W2_AHeadlessLabelThatIsAddedAndRemovedTakesEffectLive) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(web_slice().endpoint("10.1.0.1").label("service.kubernetes.io/headless", ""));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());

  tracker_.upsert(web_slice().endpoint("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080"));
}

TEST_F(SliceTrackerTest, S8_ASliceOfNamesIsPassedOver) {
  tracker_.upsert(web_slice().fqdn());

  EXPECT_EQ(calls_, 0);
}

TEST_F(SliceTrackerTest, S8_ASliceThatBecomesOneOfNamesIsGone) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(web_slice().fqdn());

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, S8_EachFamilyHasTheEndpointsOfItsSlices) {
  tracker_.upsert(web_slice("web-4").endpoint("10.1.0.1"));
  tracker_.upsert(web_slice("web-6").ipv6().endpoint("fd00::1"));

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080"));
  EXPECT_THAT(addresses(kWebHttpIpv6), ElementsAre("[fd00::1]:8080"));
}

TEST_F(SliceTrackerTest, BackendsAreSortedByAddressAndPort) {
  tracker_.upsert(web_slice("web-1").endpoint("10.1.0.10").endpoint("10.1.0.9"));
  tracker_.upsert(slice("web-2", "web").port("http", 80).endpoint("10.1.0.9"));

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.9:80", "10.1.0.9:8080", "10.1.0.10:8080"));
}

TEST_F(SliceTrackerTest, BackendsKnowTheirEndpointAfterTheSliceIsGone) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1").on_node("node-7").pod("web-abc"));
  const std::vector<Backend> backends = *tracker_.backends_of(kWebHttp);

  tracker_.erase({"default", "web-1"});

  EXPECT_EQ(backends.at(0).endpoint->node, "node-7");
  EXPECT_EQ(backends.at(0).endpoint->pod, "web-abc");
}

TEST_F(SliceTrackerTest, T1_OnlyThePortOfThisNameAndProtocolCounts) {
  tracker_.upsert(slice("web-1", "web")
                      .port("https", 8443)
                      .port("http", 8081, Protocol::UDP)
                      .port("http", 8080)
                      .endpoint("10.1.0.1"));

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080"));
  EXPECT_THAT(addresses({kWeb, "http", Protocol::UDP, IpFamily::IPv4}),
              ElementsAre("10.1.0.1:8081"));
  EXPECT_THAT(addresses({kWeb, "grpc", Protocol::TCP, IpFamily::IPv4}), IsEmpty());
}

TEST_F(SliceTrackerTest, T1_TheUnnamedServicePortIsServedByThePortOfTheEmptyName) {
  tracker_.upsert(slice("web-1", "web").port("", 8080).endpoint("10.1.0.1"));

  EXPECT_THAT(addresses({kWeb, "", Protocol::TCP, IpFamily::IPv4}), ElementsAre("10.1.0.1:8080"));
}

TEST_F(SliceTrackerTest, T2_APortWithoutNameIsForNobody) {
  tracker_.upsert(slice("web-1", "web").unnamed_port(8080).endpoint("10.1.0.1"));

  EXPECT_THAT(addresses({kWeb, "", Protocol::TCP, IpFamily::IPv4}), IsEmpty());
}

TEST_F(SliceTrackerTest, T2_APortWithoutNumberIsForNobody) {
  tracker_.upsert(slice("web-1", "web").unnumbered_port("http").endpoint("10.1.0.1"));

  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, T2_PortZeroIsForNobody) {
  tracker_.upsert(slice("web-1", "web").port("http", 0).endpoint("10.1.0.1"));

  EXPECT_THAT(addresses(kWebHttp), IsEmpty());
}

TEST_F(SliceTrackerTest, T3_SlicesWithDifferentNumbersForOneServicePortAreMerged) {
  tracker_.upsert(slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1"));
  tracker_.upsert(slice("web-2", "web").port("http", 9090).endpoint("10.1.0.2"));

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080", "10.1.0.2:9090"));
}

TEST_F(SliceTrackerTest, T3_OnePodUnderTwoNumbersIsTwoBackends) {
  tracker_.upsert(slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1"));
  tracker_.upsert(slice("web-2", "web").port("http", 9090).endpoint("10.1.0.1"));

  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080", "10.1.0.1:9090"));
}

/// One address in two slices (or twice in one): who counts.
struct DuplicateCase {
  const char* name;
  bool first_terminates;
  bool second_terminates;
  const char* counts;         ///< the pod whose endpoint is taken, of two slices
  const char* counts_in_one;  ///< of one that holds both
};
std::ostream& operator<<(std::ostream& out, const DuplicateCase& each) { return out << each.name; }

class SliceTrackerDuplicates : public SliceTrackerTest,
                               public ::testing::WithParamInterface<DuplicateCase> {
 protected:
  static test::SliceBuilder& add(test::SliceBuilder& builder, bool terminates, const char* pod) {
    return (terminates ? builder.terminating("10.1.0.1") : builder.endpoint("10.1.0.1")).pod(pod);
  }
  void expect_one(const std::string& pod) const {
    const std::vector<Backend> backends = *tracker_.backends_of(kWebHttp);
    ASSERT_EQ(backends.size(), 1u);
    EXPECT_EQ(backends[0].endpoint->pod, pod);
  }
};

TEST_P(SliceTrackerDuplicates, T7_InTwoSlices) {
  auto a = web_slice("a");
  auto b = web_slice("b");
  tracker_.upsert(add(a, GetParam().first_terminates, "first"));
  tracker_.upsert(add(b, GetParam().second_terminates, "second"));

  expect_one(GetParam().counts);
}

TEST_P(SliceTrackerDuplicates, T7_InTwoSlicesThatCameTheOtherWayRound) {
  auto a = web_slice("a");
  auto b = web_slice("b");
  tracker_.upsert(add(b, GetParam().second_terminates, "second"));
  tracker_.upsert(add(a, GetParam().first_terminates, "first"));

  expect_one(GetParam().counts);
}

TEST_P(SliceTrackerDuplicates, T7_InOneSlice) {
  auto both = web_slice("a");
  add(both, GetParam().first_terminates, "first");
  tracker_.upsert(add(both, GetParam().second_terminates, "second"));

  expect_one(GetParam().counts_in_one);
}

INSTANTIATE_TEST_SUITE_P(
    T7, SliceTrackerDuplicates,
    ::testing::Values(
        DuplicateCase{"OfTwoThatLiveTheGreaterSliceNameCounts", false, false, "second", "second"},
        DuplicateCase{"ATerminatingOneNeverOverwritesALivingOne", false, true, "first", "first"},
        DuplicateCase{"ALivingOneOverwritesATerminatingOne", true, false, "second", "second"},
        DuplicateCase{"OfTwoThatTerminateTheGreaterSliceNameCounts", true, true, "second",
                      "first"}),
    [](const auto& row) { return row.param.name; });

TEST_F(SliceTrackerTest, T7_WhenTheWinnerOfADuplicateGoesTheOtherOneCounts) {
  tracker_.upsert(web_slice("a").terminating("10.1.0.1").pod("old"));
  tracker_.upsert(web_slice("b").endpoint("10.1.0.1").pod("new"));

  tracker_.erase({"default", "b"});

  EXPECT_EQ(tracker_.backends_of(kWebHttp)->at(0).endpoint->pod, "old");
}

TEST_F(SliceTrackerTest, R2_WhatChangesAndChangesBackHasNotChanged) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(web_slice().not_ready("10.1.0.1"));
  EXPECT_EQ(tracker_.pending(), 1);
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));

  EXPECT_EQ(tracker_.pending(), 0);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
  EXPECT_THAT(addresses(kWebHttp), ElementsAre("10.1.0.1:8080"));
}

TEST_F(SliceTrackerTest, R2_WhatComesAndGoesWasNeverThere) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  tracker_.erase({"default", "web-1"});

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(SliceTrackerTest, R2_WhatGoesAndComesBackNeverWent) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.erase({"default", "web-1"});
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
}

TEST_F(SliceTrackerTest, R2_AnotherSliceOfTheServiceKeepsItChanged) {
  tracker_.upsert(web_slice("web-1").endpoint("10.1.0.1"));
  tracker_.upsert(web_slice("web-2").endpoint("10.1.0.2"));
  tracker_.erase({"default", "web-1"});

  EXPECT_EQ(tracker_.pending(), 1);
  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
}

TEST_F(SliceTrackerTest, R2_ASliceThatVisitsAnotherServiceChangesNeither) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  (void)tracker_.take_changes();

  tracker_.upsert(slice("web-1", "api").port("http", 8080).endpoint("10.1.0.1"));
  EXPECT_EQ(tracker_.pending(), 2);
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));

  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
  EXPECT_EQ(tracker_.pending(), 0);
}

TEST_F(SliceTrackerTest, M5_EverySliceThatIsHandedOverIsSeen) {
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  tracker_.upsert(web_slice().endpoint("10.1.0.1"));
  tracker_.erase({"default", "web-1"});
  tracker_.replace({web_slice(), slice("api-1", "api")});

  EXPECT_EQ(tracker_.seen(), 5);
  EXPECT_EQ(tracker_.pending(), 2);
}

constexpr const char* kAtTen = "2026-11-28T10:00:00.123456789Z";
constexpr const char* kAtEleven = "2026-11-28T11:00:00Z";

WallTime time_of(const char* text) { return *model::parse_timestamp(text); }

test::SliceBuilder triggered(test::SliceBuilder slice, const char* at) {
  return slice.annotation(std::string(model::kLastChangeTriggerTime), at);
}

TEST_F(SliceTrackerTest, M2_EachChangeOfASliceHasItsTrigger) {
  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.1"), kAtTen));
  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.2"), kAtEleven));
  tracker_.upsert(triggered(slice("web-6", "web").ipv6().endpoint("fd00::1"), kAtEleven));
  (void)tracker_.take_changes();

  EXPECT_THAT(tracker_.take_triggers(),
              ElementsAre(Trigger{kWeb, IpFamily::IPv4, time_of(kAtTen)},
                          Trigger{kWeb, IpFamily::IPv4, time_of(kAtEleven)},
                          Trigger{kWeb, IpFamily::IPv6, time_of(kAtEleven)}));
  EXPECT_THAT(tracker_.take_triggers(), IsEmpty());
}

TEST_F(SliceTrackerTest, M2_ANewTriggerTimeAloneIsNoChange) {
  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.1"), kAtTen));
  (void)tracker_.take_changes();

  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.1"), kAtEleven));

  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(tracker_.take_changes(), IsEmpty());
  EXPECT_THAT(tracker_.take_triggers(), IsEmpty());
}

TEST_F(SliceTrackerTest, M2_ASliceThatGoesTakesTheTriggersOfItsFamilyAlong) {
  tracker_.upsert(triggered(slice("web-6", "web").ipv6().endpoint("fd00::1"), kAtTen));
  tracker_.upsert(triggered(web_slice("web-1").endpoint("10.1.0.1"), kAtTen));
  (void)tracker_.take_changes();

  tracker_.upsert(triggered(slice("web-6", "web").ipv6().endpoint("fd00::2"), kAtEleven));
  tracker_.upsert(triggered(web_slice("web-2").endpoint("10.1.0.2"), kAtEleven));
  tracker_.erase({"default", "web-1"});
  (void)tracker_.take_changes();

  EXPECT_THAT(tracker_.take_triggers(),
              ElementsAre(Trigger{kWeb, IpFamily::IPv6, time_of(kAtEleven)}));
}

TEST_F(SliceTrackerTest, M2_ATimeThatIsNoneIsPassedOver) {
  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.1"), "yesterday"));

  EXPECT_THAT(tracker_.take_changes(), ElementsAre(kWeb));
  EXPECT_THAT(tracker_.take_triggers(), IsEmpty());
}

TEST_F(SliceTrackerTest, M2_WhatHasNotChangedHasNoTrigger) {
  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.1"), kAtTen));
  (void)tracker_.take_changes();

  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.2"), kAtEleven));
  tracker_.upsert(triggered(web_slice().endpoint("10.1.0.1"), kAtEleven));
  (void)tracker_.take_changes();

  EXPECT_THAT(tracker_.take_triggers(), IsEmpty());
}

}  // namespace
}  // namespace wherry::balancer
