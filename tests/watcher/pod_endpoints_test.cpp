#include "watcher/pod_endpoints.h"

#include "tests/support/builders.h"
#include "tests/watcher/backends_in.h"
#include "tests/watcher/pod_endpoints_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::watcher {
namespace {

using model::EndpointPort;
using model::EndpointSlice;
using model::Pod;
using model::PodPhase;
using model::Service;
using test::backends_in;
using test::ip;
using test::pod;
using test::PodBuilder;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<EndpointSlice> slices_of(const Service& service, const std::vector<Pod>& pods) {
  std::vector<const Pod*> pointers;
  for (const Pod& each : pods) pointers.push_back(&each);
  return *slices_of_pods(service, pointers);
}

// --- slices_of_pods

struct PortCase {
  std::string name;
  Service service;
  Pod pod;
  std::vector<std::string> backends;
};

class ResolvePorts : public ::testing::TestWithParam<PortCase> {};

TEST_P(ResolvePorts, T4_FollowsFindPort) {
  EXPECT_EQ(backends_in(slices_of(GetParam().service, {GetParam().pod})), GetParam().backends);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ResolvePorts,
    ::testing::Values(
        PortCase{"NumberIsItself",
                 service("web").port("", 80, std::uint16_t{9376}),
                 pod("a", "10.0.0.1"),
                 {"=10.0.0.1 9376/TCP"}},
        PortCase{"NumberNeedsNoPortOnThePod",
                 service("web").port("http", 80, std::uint16_t{8080}),
                 pod("a", "10.0.0.1").port("other", 1),
                 {"http=10.0.0.1 8080/TCP"}},
        PortCase{"NoTargetIsThePort",
                 service("web").port("http", 80),
                 pod("a", "10.0.0.1"),
                 {"http=10.0.0.1 80/TCP"}},
        PortCase{"NameOfAContainersPort",
                 service("web").port("http", 80, "web"),
                 pod("a", "10.0.0.1").port("admin", 1).port("web", 8080),
                 {"http=10.0.0.1 8080/TCP"}},
        PortCase{"NameMatchesWithItsProtocol",
                 service("dns").port("udp", 53, "dns", Protocol::UDP),
                 pod("a", "10.0.0.1").port("dns", 5301).port("dns", 5302, Protocol::UDP),
                 {"udp=10.0.0.1 5302/UDP"}},
        PortCase{"NameWithOnlyAnotherProtocolIsNoMatch",
                 service("dns").port("udp", 53, "dns", Protocol::UDP),
                 pod("a", "10.0.0.1").port("dns", 5301),
                 {}},
        PortCase{"FirstOfTwoMatchesWins",
                 service("web").port("http", 80, "web"),
                 pod("a", "10.0.0.1").port("web", 1111).port("web", 2222),
                 {"http=10.0.0.1 1111/TCP"}},
        PortCase{"ServicePortsNameIsNoPortOfThePod",
                 service("web").port("http", 80, "web"),
                 pod("a", "10.0.0.1").port("http", 8080),
                 {}},
        PortCase{"PodIsLeftOutOfThatPortOnly",
                 service("web").port("http", 80, "web").port("metrics", 90, "metrics"),
                 pod("a", "10.0.0.1").port("metrics", 9090),
                 {"metrics=10.0.0.1 9090/TCP"}},
        PortCase{"EveryPort",
                 service("web")
                     .port("http", 80, "web")
                     .port("dns", 53, std::uint16_t{5353}, Protocol::UDP),
                 pod("a", "10.0.0.1").port("web", 8080),
                 {"http=10.0.0.1 8080/TCP", "dns=10.0.0.1 5353/UDP"}}),
    [](const auto& each) { return each.param.name; });

TEST(SlicesOfPods, T3_ANameMayMeanAnotherNumberOnEachPod) {
  const auto slices =
      slices_of(service("web").port("http", 80, "web"),
                {pod("a", "10.0.0.1").port("web", 8080), pod("b", "10.0.0.2").port("web", 9090),
                 pod("c", "10.0.0.3").port("web", 8080)});

  EXPECT_THAT(slices, SizeIs(2));
  EXPECT_THAT(backends_in(slices),
              UnorderedElementsAre("http=10.0.0.1 8080/TCP", "http=10.0.0.3 8080/TCP",
                                   "http=10.0.0.2 9090/TCP"));
}

struct PodCase {
  std::string name;
  Service service;
  Pod pod;
  bool listed = true;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
};

class Eligibility : public ::testing::TestWithParam<PodCase> {};

TEST_P(Eligibility, T5_IsThatOfTheEndpointSliceController) {
  const auto slices = slices_of(GetParam().service, {GetParam().pod});

  ASSERT_EQ(!slices.empty(), GetParam().listed);
  if (!GetParam().listed) return;
  const model::Endpoint& endpoint = slices.at(0).endpoints.at(0);
  EXPECT_EQ(endpoint.ready, GetParam().ready);
  EXPECT_EQ(endpoint.serving, GetParam().serving);
  EXPECT_EQ(endpoint.terminating, GetParam().terminating);
}

const Service kWeb = service("web").port("", 80);
const Service kEager = service("web").port("", 80).publish_not_ready();

INSTANTIATE_TEST_SUITE_P(
    Table, Eligibility,
    ::testing::Values(
        PodCase{"Ready", kWeb, pod("a", "10.0.0.1"), true, true, true, false},
        PodCase{"NotReady", kWeb, pod("a", "10.0.0.1").ready(false), true, false, false, false},
        PodCase{"TerminatingAndReady", kWeb, pod("a", "10.0.0.1").deleting(), true, false, true,
                true},
        PodCase{"TerminatingAndNotReady", kWeb, pod("a", "10.0.0.1").ready(false).deleting(), true,
                false, false, true},
        PodCase{"Pending", kWeb, pod("a", "10.0.0.1").ready(false).phase(PodPhase::Pending), true,
                false, false, false},
        PodCase{"Unknown", kWeb, pod("a", "10.0.0.1").phase(PodPhase::Unknown), true, true, true,
                false},
        PodCase{"Succeeded", kWeb, pod("a", "10.0.0.1").phase(PodPhase::Succeeded), false},
        PodCase{"Failed", kWeb, pod("a", "10.0.0.1").phase(PodPhase::Failed), false},
        PodCase{"WithoutAddress", kWeb, pod("a"), false},
        PodCase{"PublishNotReadyAddresses", kEager, pod("a", "10.0.0.1").ready(false), true, true,
                false, false},
        PodCase{"PublishNotReadyAddressesOfTheTerminating", kEager,
                pod("a", "10.0.0.1").ready(false).deleting(), true, true, false, true},
        PodCase{"PublishNotReadyAddressesOfNobodyWhoIsDone", kEager,
                pod("a", "10.0.0.1").phase(PodPhase::Failed), false},
        PodCase{"PublishNotReadyAddressesWithoutAddress", kEager, pod("a"), false}),
    [](const auto& each) { return each.param.name; });

TEST(SlicesOfPods, NameThePodItsUidAndItsNode) {
  Pod one = pod("web-1", "10.0.0.1").node("node-1");
  one.meta.uid = "77";

  const auto slices = slices_of(kWeb, {one});

  ASSERT_THAT(slices, SizeIs(1));
  const model::Endpoint expected{.address = ip("10.0.0.1"),
                                 .ready = true,
                                 .serving = true,
                                 .terminating = false,
                                 .node = "node-1",
                                 .pod = "web-1",
                                 .pod_uid = "77"};
  EXPECT_THAT(slices[0].endpoints, ElementsAre(expected));
}

TEST(SlicesOfPods, BelongToTheServiceInItsNamespace) {
  const auto slices = slices_of(service("web", "shop").port("", 80), {pod("a", "10.0.0.1")});

  ASSERT_THAT(slices, SizeIs(1));
  EXPECT_EQ(slices[0].service(), (model::ObjectKey{"shop", "web"}));
  EXPECT_EQ(slices[0].meta.key.name_space, "shop");
}

TEST(SlicesOfPods, HaveNamesThatNoRealSliceCanHave) {
  const auto slices = slices_of(kWeb, {pod("a", "10.0.0.1")});

  EXPECT_NE(slices.at(0).meta.key.name.find('/'), std::string::npos);
}

TEST(SlicesOfPods, T5_HoldEachPodInTheFamiliesThatItHas) {
  const auto slices = slices_of(kWeb, {pod("both", "10.0.0.1").ip("fd00::1"),
                                       pod("four", "10.0.0.2"), pod("six", "fd00::3")});

  ASSERT_THAT(slices, SizeIs(2));
  EXPECT_EQ(slices[0].address_type, model::AddressType::IPv4);
  EXPECT_EQ(slices[1].address_type, model::AddressType::IPv6);
  EXPECT_THAT(backends_in({slices[0]}), ElementsAre("=10.0.0.1 80/TCP", "=10.0.0.2 80/TCP"));
  EXPECT_THAT(backends_in({slices[1]}), ElementsAre("=fd00::1 80/TCP", "=fd00::3 80/TCP"));
}

TEST(SlicesOfPods, T5_TakeTheFirstAddressOfAFamily) {
  EXPECT_THAT(backends_in(slices_of(kWeb, {pod("a", "10.0.0.1").ip("10.0.0.9")})),
              ElementsAre("=10.0.0.1 80/TCP"));
}

TEST(SlicesOfPods, AreNoneWithoutPodsOrPorts) {
  EXPECT_THAT(slices_of(kWeb, {}), IsEmpty());
  EXPECT_THAT(slices_of(service("web"), {pod("a", "10.0.0.1")}), IsEmpty());
}

TEST(SlicesOfPods, HaveDistinctNamesForDistinctPorts) {
  const auto slices = slices_of(
      service("web").port("a", 80, "x").port("b", 81, "y"),
      {pod("p", "10.0.0.1").port("x", 1).port("y", 2), pod("q", "10.0.0.2").port("x", 1),
       pod("r", "10.0.0.3").port("y", 1), pod("s", "10.0.0.4").port("x", 2).port("y", 1)});

  EXPECT_THAT(slices, SizeIs(4));
  EXPECT_THAT(backends_in(slices),
              UnorderedElementsAre("a=10.0.0.1 1/TCP", "b=10.0.0.1 2/TCP", "a=10.0.0.2 1/TCP",
                                   "b=10.0.0.3 1/TCP", "a=10.0.0.4 2/TCP", "b=10.0.0.4 1/TCP"));
}

// --- PodEndpoints

TEST_F(PodEndpointsTest, MakesEndpointsOfThePodsThatAServiceSelects) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(pod("b", "10.0.0.2").label("app", "db"));
  upsert(pod("c", "10.0.0.3"));

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodEndpointsTest, TellsNobodyBeforeItIsFlushed) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));

  EXPECT_THAT(out_.all(), IsEmpty());
}

TEST_F(PodEndpointsTest, DoesNotCareWhoComesFirst) {
  upsert(web_pod("a", "10.0.0.1"));
  EXPECT_THAT(backends(), IsEmpty());

  upsert(web());

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodEndpointsTest, EmptySelectorSelectsNothing) {
  upsert(service("web").port("", 80));
  upsert(web_pod("a", "10.0.0.1"));
  upsert(pod("b", "10.0.0.2"));

  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, FollowsPodsThatComeAndGo) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(web_pod("b", "10.0.0.2"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP", "=10.0.0.2 80/TCP"));

  endpoints_.pods().erase({"default", "a"});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.2 80/TCP"));

  endpoints_.pods().erase({"default", "b"});
  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, FollowsPodsThatChange) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));

  upsert(web_pod("a", "10.0.0.9"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.9 80/TCP"));

  upsert(pod("a", "10.0.0.9").label("app", "db"));
  EXPECT_THAT(backends(), IsEmpty());

  upsert(web_pod("a", "10.0.0.9"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.9 80/TCP"));
}

TEST_F(PodEndpointsTest, FollowsTheSelector) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(pod("b", "10.0.0.2").label("app", "db"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));

  upsert(service("web").selector("app", "db").port("", 80));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.2 80/TCP"));

  upsert(service("web").port("", 80));
  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, FollowsTheServicesPortsAndSettings) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));

  upsert(service("web").selector("app", "web").port("http", 8080));
  EXPECT_THAT(backends(), ElementsAre("http=10.0.0.1 8080/TCP"));
}

TEST_F(PodEndpointsTest, ForgetsTheEndpointsOfAServiceThatIsGone) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  EXPECT_THAT(backends(), SizeIs(1));

  endpoints_.services().erase({"default", "web"});
  EXPECT_THAT(backends(), IsEmpty());

  upsert(web());
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodEndpointsTest, SharesPodsBetweenServices) {
  upsert(web());
  upsert(service("all").selector("app", "web").port("x", 1));
  upsert(web_pod("a", "10.0.0.1"));

  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 80/TCP", "x=10.0.0.1 1/TCP"));
}

TEST_F(PodEndpointsTest, DoesNotMixNamespaces) {
  upsert(web());
  upsert(service("web", "shop").selector("app", "web").port("", 81));
  upsert(PodBuilder("a", "shop").label("app", "web").ip("10.0.0.2").ready());
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.2 81/TCP"));

  upsert(web_pod("a", "10.0.0.1"));
  endpoints_.pods().erase({"shop", "a"});

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodEndpointsTest, PassesTheSourcesSlicesOnAsTheyAre) {
  const EndpointSlice own = slice("web-x", "web").port("http", 80).endpoint("10.0.0.7");
  upsert(own);
  upsert(slice("stray", "").endpoint("10.0.0.8"));

  EXPECT_THAT(out_.all(),
              UnorderedElementsAre(own, EndpointSlice(slice("stray", "").endpoint("10.0.0.8"))));

  endpoints_.slices().erase({"default", "web-x"});
  EXPECT_THAT(out_.all(), SizeIs(1));
}

TEST_F(PodEndpointsTest, OwnSlicesWinOverPods) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));

  upsert(slice("web-x", "web").port("", 80).endpoint("10.0.0.7"));

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));
}

TEST_F(PodEndpointsTest, AnEmptyOwnSliceSaysThatThereAreNoBackends) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(slice("web-x", "web"));

  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, PodsComeBackWhenTheLastOwnSliceGoes) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(slice("web-x", "web").port("", 80).endpoint("10.0.0.7"));
  upsert(slice("web-y", "web").port("", 80).endpoint("10.0.0.8"));
  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.7 80/TCP", "=10.0.0.8 80/TCP"));

  endpoints_.slices().erase({"default", "web-x"});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.8 80/TCP"));

  endpoints_.slices().erase({"default", "web-y"});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodEndpointsTest, PodsComeBackWhenASliceMovesToAnotherService) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(slice("x", "web").port("", 80).endpoint("10.0.0.7"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));

  upsert(slice("x", "db").port("", 80).endpoint("10.0.0.7"));
  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 80/TCP", "=10.0.0.7 80/TCP"));

  upsert(slice("x", "").port("", 80).endpoint("10.0.0.7"));
  upsert(service("db").selector("app", "web").port("", 81));
  EXPECT_THAT(backends(),
              UnorderedElementsAre("=10.0.0.1 80/TCP", "=10.0.0.1 81/TCP", "=10.0.0.7 80/TCP"));
}

TEST_F(PodEndpointsTest, KnowsAnOwnSliceThatCameBeforeItsService) {
  upsert(slice("x", "web").port("", 80).endpoint("10.0.0.7"));
  upsert(web_pod("a", "10.0.0.1"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));

  upsert(web());

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));
}

TEST_F(PodEndpointsTest, RemembersAnOwnSliceWhileItsServiceIsAway) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(slice("x", "web").port("", 80).endpoint("10.0.0.7"));
  endpoints_.services().erase({"default", "web"});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));

  upsert(web());

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));
}

TEST_F(PodEndpointsTest, AnOwnSliceOfTheSameNameInAnotherNamespaceIsNotItsOwn) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(slice("x", "web", "shop").port("", 80).endpoint("10.0.0.7"));

  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 80/TCP", "=10.0.0.7 80/TCP"));
}

TEST_F(PodEndpointsTest, ReplacingForgetsWhatIsNotInTheNewSet) {
  upsert(web());
  upsert(service("db").selector("app", "db").port("", 5432));
  upsert(web_pod("a", "10.0.0.1"));
  upsert(pod("b", "10.0.0.2").label("app", "db"));
  upsert(slice("x", "other").port("", 1).endpoint("10.0.0.7"));
  EXPECT_THAT(backends(), SizeIs(3));

  endpoints_.pods().replace({test::shared(web_pod("c", "10.0.0.3"))});
  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.3 80/TCP", "=10.0.0.7 1/TCP"));

  endpoints_.slices().replace({slice("y", "web").port("", 80).endpoint("10.0.0.8")});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.8 80/TCP"));

  endpoints_.slices().replace({});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.3 80/TCP"));

  endpoints_.services().replace({service("db").selector("app", "web").port("", 5432)});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.3 5432/TCP"));

  endpoints_.services().replace({});
  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, SaysNothingWhereNothingChanged) {
  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(pod("b", "10.0.0.2").label("app", "db"));
  endpoints_.flush();
  const std::size_t told = out_.calls();

  upsert(web());
  upsert(web_pod("a", "10.0.0.1"));
  upsert(pod("b", "10.0.0.3").label("app", "db"));
  upsert(service("web").selector("app", "web").port("", 80).created("2026-11-23T10:00:00Z"));
  endpoints_.flush();

  EXPECT_EQ(out_.calls(), told);
}

TEST_F(PodEndpointsTest, TellsOnlyOfTheSlicesThatChanged) {
  upsert(service("web").selector("app", "web").port("http", 80, "web"));
  upsert(pod("a", "10.0.0.1").label("app", "web").port("web", 1));
  upsert(pod("b", "10.0.0.2").label("app", "web").port("web", 2));
  endpoints_.flush();
  const std::size_t told = out_.calls();

  upsert(pod("a", "10.0.0.9").label("app", "web").port("web", 1));
  endpoints_.flush();

  EXPECT_EQ(out_.calls(), told + 1);
}

TEST_F(PodEndpointsTest, TellsOnceOfManyChanges) {
  upsert(web());
  for (int i = 1; i <= 200; ++i) {
    upsert(web_pod("p" + std::to_string(i), "10.0.0." + std::to_string(i)));
  }
  endpoints_.flush();

  EXPECT_EQ(out_.calls(), 1u);
}

TEST_F(PodEndpointsTest, FindsAServiceWhateverPairOfItsSelectorItIsListedUnder) {
  upsert(service("a").selector("env", "prod").selector("app", "a").port("", 1));
  upsert(service("b").selector("env", "prod").selector("app", "b").port("", 2));
  upsert(service("prod").selector("env", "prod").port("", 3));
  upsert(pod("p", "10.0.0.1").label("env", "prod").label("app", "b"));

  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 2/TCP", "=10.0.0.1 3/TCP"));

  upsert(pod("p", "10.0.0.1").label("env", "test").label("app", "b"));
  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, DoesNotTakeAKeyAndAValueForAnotherPair) {
  upsert(service("web").selector("ab", "c").port("", 1));
  upsert(pod("p", "10.0.0.1").label("a", "bc"));

  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodEndpointsTest, ErasingWhatIsNotThereIsNoError) {
  endpoints_.services().erase({"default", "web"});
  endpoints_.pods().erase({"default", "a"});
  endpoints_.slices().erase({"default", "x"});

  EXPECT_THAT(backends(), IsEmpty());
}

}  // namespace
}  // namespace wherry::watcher
