#include "balancer/endpoint_filter.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The rows of kube-proxy's own table for CategorizeEndpoints are among these, and every edge of
/// rows E1 to E5, E11 to E13 of the Service contract.
namespace wherry::balancer {
namespace {

using model::TrafficPolicy;
using ::testing::IsEmpty;
using Indexes = std::vector<std::uint32_t>;
using Names = std::vector<std::string>;

/// An endpoint in a few words.
struct Given {
  model::Endpoint endpoint;

  Given here() && {
    endpoint.node = "node-1";
    return std::move(*this);
  }
  Given on(std::string node) && {
    endpoint.node = std::move(node);
    return std::move(*this);
  }
  Given zones(Names names) && {
    endpoint.hints = {std::move(names),
                      Names(endpoint.hints.nodes().begin(), endpoint.hints.nodes().end())};
    return std::move(*this);
  }
  Given nodes(Names names) && {
    endpoint.hints = {Names(endpoint.hints.zones().begin(), endpoint.hints.zones().end()),
                      std::move(names)};
    return std::move(*this);
  }
};

Given with(bool ready, bool serving, bool terminating) {
  Given given;
  given.endpoint.ready = ready;
  given.endpoint.serving = serving;
  given.endpoint.terminating = terminating;
  return given;
}
Given ready() { return with(true, true, false); }
Given not_ready() { return with(false, false, false); }
Given serving_not_ready() { return with(false, true, false); }
Given ending() { return with(false, true, true); }
Given ended() { return with(false, false, true); }
Given ready_though_ending() { return with(true, true, true); }

std::vector<Backend> backends_of(const std::vector<Given>& all) {
  std::vector<Backend> backends;
  for (const Given& each : all) {
    const auto port = static_cast<std::uint16_t>(backends.size() + 1);
    backends.push_back({{test::ip("10.1.0.1"), port},
                        std::make_shared<const model::Endpoint>(each.endpoint),
                        nullptr});
  }
  return backends;
}

struct Case {
  const char* name;
  std::vector<Given> endpoints;
  Indexes cluster;
  Indexes local;
  NodeTopology node = {"node-1", "zone-a"};
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Categorize : public ::testing::TestWithParam<Case> {};

TEST_P(Categorize, MakesTheTwoSets) {
  const Eligible eligible = categorize(backends_of(GetParam().endpoints), GetParam().node);

  EXPECT_EQ(eligible.cluster, GetParam().cluster);
  EXPECT_EQ(eligible.local, GetParam().local);
  EXPECT_EQ(eligible.any(), !GetParam().cluster.empty());
}

const auto kName = [](const auto& row) { return std::string(row.param.name); };

INSTANTIATE_TEST_SUITE_P(
    Conditions, Categorize,
    ::testing::Values(
        Case{"NoneGiveNone", {}, {}, {}}, Case{"E2_ReadyMayServe", {ready(), ready()}, {0, 1}, {}},
        Case{"E2_NotReadyMayNot", {not_ready()}, {}, {}},
        Case{"E2_NoneOfSeveralIsReady", {not_ready(), not_ready()}, {}, {}},
        Case{"E2_TheReadyOnesMayServe", {not_ready(), ready()}, {1}, {}},
        Case{"E2_ServingIsNotEnoughUnlessItTerminates", {serving_not_ready()}, {}, {}},
        Case{"E2_TerminatingIsNotEnoughUnlessItServes", {ended()}, {}, {}},
        Case{"E2_WithoutAReadyOneThoseThatServeWhileTheyTerminate",
             {ending().here(), ending(), not_ready(), ended(), serving_not_ready()},
             {0, 1},
             {0}},
        Case{"E2_OneReadyAnywhereMakesTheTerminatingOnesIdle",
             {ending(), ready(), ending()},
             {1},
             {}},
        Case{"E5_ReadyIsReadyEvenIfItTerminates", {ready_though_ending()}, {0}, {}},
        Case{"E5_ReadyButNotServingIsReady", {with(true, false, false)}, {0}, {}},
        Case{"TheOrderIsKept", {ready(), not_ready(), ready(), ending(), ready()}, {0, 2, 4}, {}}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Local, Categorize,
    ::testing::Values(
        Case{"E3_ThoseOnThisNode", {ready().here(), ready()}, {0, 1}, {0}},
        Case{"E3_AllAreHere", {ready().here(), ready().here()}, {0, 1}, {0, 1}},
        Case{"E3_NoneIsHere", {ready(), ready().on("node-2")}, {0, 1}, {}},
        Case{"E3_AnEndpointWithoutANodeIsNowhere", {ready().on("")}, {0}, {}, {"", ""}},
        Case{"E3_HereButNotReadyMayNot", {ready(), not_ready().here()}, {0}, {}},
        Case{"E3_HereOnlyTerminatingOnesServeThoughOthersAreReady",
             {ready(), with(false, false, false).here(), ending().here(), ending()},
             {0},
             {2}},
        Case{"E3_HereAReadyOneComesBeforeTerminatingOnes",
             {ending().here(), ready().here()},
             {1},
             {1}},
        Case{"E3_AllAreElsewhereAndTerminating", {ending(), ending()}, {0, 1}, {}},
        Case{"E4_HintsDoNotCountForTheLocalSet",
             {ready().here().zones({"zone-a"}), ready().here().zones({"zone-b"}),
              ready().zones({"zone-c"}), ready().zones({"zone-a"})},
             {0, 3},
             {0, 1}},
        Case{"E4_NodeHintsDoNotCountForTheLocalSetEither",
             {ready().here().nodes({"node-2"}), ready().nodes({"node-1"})},
             {1},
             {0}}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Hints, Categorize,
    ::testing::Values(Case{"E12_ZoneModeTakesThoseHintedForTheZone",
                           {ready().zones({"zone-a"}), ready().zones({"zone-b"}),
                            ready().zones({"zone-c"}), ready().zones({"zone-a"})},
                           {0, 3},
                           {}},
                      Case{"E12_AnyOfSeveralZonesCounts",
                           {ready().zones({"zone-a", "zone-b", "zone-c"}),
                            ready().zones({"zone-b", "zone-c"}),
                            ready().zones({"zone-b", "zone-d"}), ready().zones({"zone-c"})},
                           {0, 1, 3},
                           {},
                           {"node-1", "zone-c"}},
                      Case{"E12_ModeIsIgnoredUnlessEveryReadyEndpointCarriesHints",
                           {ready().zones({"zone-a"}), ready().zones({"zone-b"}), ready(),
                            ready().zones({"zone-a"})},
                           {0, 1, 2, 3},
                           {}},
                      Case{"E12_TheFirstWithoutHintsIsEnoughToIgnoreThem",
                           {ready(), ready().zones({"zone-b"})},
                           {0, 1},
                           {}},
                      Case{"E12_ZoneModeNeedsOneForThisZone",
                           {ready().zones({"zone-a"})},
                           {0},
                           {},
                           {"node-1", "zone-b"}},
                      Case{"E12_OnlyReadyEndpointsVote",
                           {ready().zones({"zone-a"}), ready().zones({"zone-b"}),
                            ready().zones({"zone-c"}), not_ready()},
                           {0},
                           {}},
                      Case{"E12_AnUnreadyOneForTheZoneIsNoneForTheZone",
                           {not_ready().zones({"zone-a"}), ready().zones({"zone-b"}),
                            ready().zones({"zone-c"}), not_ready().zones({"zone-a"})},
                           {1, 2},
                           {}},
                      Case{"E12_TerminatingOnesDoNotVoteAndDoNotServe",
                           {ending().zones({"zone-a"}), ending(), ready().zones({"zone-a"}),
                            ready().zones({"zone-b"})},
                           {2},
                           {}},
                      Case{"E2_HintsDoNotCountAmongTheTerminating",
                           {ending().zones({"zone-a"}), ending().zones({"zone-b"})},
                           {0, 1},
                           {}},
                      Case{"E12_NodeModeTakesThoseHintedForTheNode",
                           {ready().zones({"zone-a"}).nodes({"node-1"}),
                            ready().zones({"zone-b"}).nodes({"node-2"}),
                            ready().zones({"zone-a"}).nodes({"node-3", "node-1"})},
                           {0, 2},
                           {}},
                      Case{"E12_NodeModeIsIgnoredIfSomeHaveNoHints",
                           {ready().zones({"zone-a"}).nodes({"node-1"}), ready(),
                            ready().zones({"zone-c"}).nodes({"node-3"})},
                           {0, 1, 2},
                           {}},
                      Case{"E12_WithoutANodeHintOnOneItIsTheZonesThatCount",
                           {ready().zones({"zone-a"}).nodes({"node-1"}), ready().zones({"zone-a"}),
                            ready().zones({"zone-b"}).nodes({"node-1"})},
                           {0, 1},
                           {}},
                      Case{"E12_WithoutOneForThisNodeItIsTheZonesThatCount",
                           {ready().zones({"zone-a"}).nodes({"node-2"}),
                            ready().zones({"zone-b"}).nodes({"node-3"}),
                            ready().zones({"zone-a"}).nodes({"node-4"})},
                           {0, 2},
                           {}},
                      Case{"E12_ZoneModeIsIgnoredIfSomeHaveHintsForNodesAlone",
                           {ready().zones({"zone-a"}), ready().nodes({"node-2"})},
                           {0, 1},
                           {}},
                      Case{"E12_NodeHintsAloneForOthersAreIgnored",
                           {ready().nodes({"node-2"}), ready().nodes({"node-3"})},
                           {0, 1},
                           {}},
                      Case{"E12_NodeModeNeedsNoZone",
                           {ready().nodes({"node-1"}), ready().nodes({"node-2"})},
                           {0},
                           {},
                           {"node-1", ""}},
                      Case{"E13_ANodeWithoutAZoneHasNoZoneMode",
                           {ready().zones({"zone-a"})},
                           {0},
                           {},
                           {"node-1", ""}},
                      Case{"E13_NotEvenIfAHintNamesTheEmptyZone",
                           {ready().zones({""}), ready().zones({"zone-b"})},
                           {0, 1},
                           {},
                           {"node-1", ""}}),
    kName);

struct ModeCase {
  const char* name;
  std::vector<Given> endpoints;
  TopologyMode mode;
};
std::ostream& operator<<(std::ostream& out, const ModeCase& each) { return out << each.name; }

class TopologyModes : public ::testing::TestWithParam<ModeCase> {};

TEST_P(TopologyModes, FollowFromTheHints) {
  EXPECT_EQ(topology_mode(backends_of(GetParam().endpoints), {"node-1", "zone-a"}),
            GetParam().mode);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, TopologyModes,
    ::testing::Values(
        ModeCase{"E12_NothingIsNoMode", {}, TopologyMode::Ignored},
        ModeCase{"E12_NothingReadyIsNoMode", {ending().zones({"zone-a"})}, TopologyMode::Ignored},
        ModeCase{"E12_ZonesAlone", {ready().zones({"zone-a"})}, TopologyMode::SameZone},
        ModeCase{"E12_NodesComeBeforeZones",
                 {ready().zones({"zone-a"}).nodes({"node-1"})},
                 TopologyMode::SameNode}),
    kName);

struct ExcludedCase {
  const char* name;
  std::vector<Given> endpoints;
  TrafficPolicy policy;
  std::vector<Excluded> excluded;
};
std::ostream& operator<<(std::ostream& out, const ExcludedCase& each) { return out << each.name; }

class ExcludedFrom : public ::testing::TestWithParam<ExcludedCase> {};

TEST_P(ExcludedFrom, SaysWhy) {
  const NodeTopology node{"node-1", "zone-a"};
  const auto backends = backends_of(GetParam().endpoints);
  const Eligible eligible = categorize(backends, node);
  const Indexes& set =
      GetParam().policy == TrafficPolicy::Local ? eligible.local : eligible.cluster;

  EXPECT_EQ(excluded_from(set, GetParam().policy, backends, node), GetParam().excluded);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ExcludedFrom,
    ::testing::Values(
        ExcludedCase{"NobodyIsLeftOutOfEverybody", {ready(), ready()}, TrafficPolicy::Cluster, {}},
        ExcludedCase{"ByConditions",
                     {not_ready(), ready(), ending(), ended(), serving_not_ready()},
                     TrafficPolicy::Cluster,
                     {{0, Reason::NotReady},
                      {2, Reason::Terminating},
                      {3, Reason::Terminating},
                      {4, Reason::NotReady}}},
        ExcludedCase{"AmongTheTerminatingThoseThatDoNotServe",
                     {ending(), ended(), not_ready()},
                     TrafficPolicy::Cluster,
                     {{1, Reason::Terminating}, {2, Reason::NotReady}}},
        ExcludedCase{"E12_ByZone",
                     {ready().zones({"zone-a"}), ready().zones({"zone-b"})},
                     TrafficPolicy::Cluster,
                     {{1, Reason::OtherZone}}},
        ExcludedCase{"E12_ByNodeHint",
                     {ready().nodes({"node-1"}), ready().nodes({"node-2"}), not_ready()},
                     TrafficPolicy::Cluster,
                     {{1, Reason::OtherNode}, {2, Reason::NotReady}}},
        ExcludedCase{"E3_ByNode",
                     {ready().here(), ready(), not_ready(), ending().here(), ending()},
                     TrafficPolicy::Local,
                     {{1, Reason::OtherNode},
                      {2, Reason::NotReady},
                      {3, Reason::Terminating},
                      {4, Reason::OtherNode}}},
        ExcludedCase{"E3_AReadyOneElsewhereIsElsewhereWhileTerminatingOnesServeHere",
                     {ready(), ending().here(), ended().here()},
                     TrafficPolicy::Local,
                     {{0, Reason::OtherNode}, {2, Reason::Terminating}}}),
    kName);

TEST(ExcludedFrom, ReadsNothingBehindTheSet) {
  const auto backends = backends_of({ready(), not_ready()});
  const Indexes more{0, 1};

  EXPECT_THAT(excluded_from(std::span(more).first(1), TrafficPolicy::Cluster, backends, {}),
              ::testing::ElementsAre(Excluded{1, Reason::NotReady}));
}

}  // namespace
}  // namespace wherry::balancer
