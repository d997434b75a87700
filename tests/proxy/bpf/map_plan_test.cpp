#include "proxy/bpf/map_plan.h"

#include "tests/proxy/bpf/map_reader.h"
#include "tests/proxy/bpf/naive_steering.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::bpf {
namespace {

using test::ip;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kTcp = Protocol::TCP;
const Steered kForward{};
const Steered kReject{
    {balancer::Verdict::Reject, balancer::Verdict::Reject, balancer::Verdict::Reject},
    std::nullopt};

Steered from(const char* block) { return {{}, std::vector{Cidr::parse(block).value()}}; }
Destination web(int port = 80) {
  return Destination::of(kTcp, ip("10.96.0.1"), static_cast<std::uint16_t>(port));
}
Destination range(int first, int last) {
  Destination made = web(first);
  made.last_port = static_cast<std::uint16_t>(last);
  return made;
}

/// Plans, and takes each step as done; the steps in words.
class MapPlanTest : public ::testing::Test {
 protected:
  MapPlanTest() { apply({.set = {}, .erase = {}, .scope = SteerScope{}}); }

  std::vector<std::string> apply(const SteerChange& change) {
    const MapPlan::Plan plan = plan_.plan(change);
    refused_ = plan.refused;
    std::vector<std::string> words;
    for (const MapStep& step : plan.steps) {
      words.push_back((step.value ? "put " : "erase ") + to_string(step));
      plan_.done(step);
    }
    return words;
  }
  std::vector<std::string> set(const Destination& destination, const Steered& steered) {
    return apply({.set = {{destination, steered}}, .erase = {}, .scope = {}});
  }
  std::vector<std::string> erase(const Destination& destination) {
    return apply({.set = {}, .erase = {destination}, .scope = {}});
  }

  MapPlan plan_;
  std::vector<MapPlan::Refusal> refused_;
};

TEST_F(MapPlanTest, AServiceOfOnePortIsOneElement) {
  EXPECT_THAT(set(web(), kForward), ElementsAre("put vips 10.96.0.1"));
  EXPECT_THAT(erase(web()), ElementsAre("erase vips 10.96.0.1"));
}

TEST_F(MapPlanTest, WhatIsSetToWhatItIsNeedsNoStep) {
  set(web(), from("203.0.113.0/24"));

  EXPECT_THAT(set(web(), from("203.0.113.0/24")), IsEmpty());
  EXPECT_THAT(apply({.set = {{web(), from("203.0.113.0/24")}}, .erase = {web()}, .scope = {}}),
              IsEmpty());
}

TEST_F(MapPlanTest, WhatIsNotThereIsErasedWithoutAStep) {
  set(web(), kForward);

  EXPECT_THAT(erase(web(81)), IsEmpty());
  EXPECT_THAT(erase(range(80, 90)), IsEmpty());
  EXPECT_EQ(plan_.size(), 1u);
}

TEST_F(MapPlanTest, APortThatNoLongerFitsIntoTheSlotsIsThereBeforeItIsPointedTo) {
  for (const int port : {80, 81, 82}) set(web(port), kForward);

  EXPECT_THAT(set(web(79), kForward),
              ElementsAre("put ports TCP 10.96.0.1:82", "put vips 10.96.0.1"));
}

TEST_F(MapPlanTest, APortThatFitsIntoTheSlotsAgainIsErasedOnceItStandsThere) {
  for (const int port : {80, 81, 82, 83}) set(web(port), kForward);

  EXPECT_THAT(erase(web(80)), ElementsAre("put vips 10.96.0.1", "erase ports TCP 10.96.0.1:83"));
}

TEST_F(MapPlanTest, AnotherPortLeavesThoseBeyondTheSlotsAlone) {
  for (int port = 1; port <= 200; ++port) set(web(port), kForward);

  EXPECT_THAT(set(web(150), kReject), ElementsAre("put ports TCP 10.96.0.1:150"));
  EXPECT_THAT(erase(web(150)), ElementsAre("erase ports TCP 10.96.0.1:150"));
}

TEST_F(MapPlanTest, F1_ANewSourceListIsThereBeforeItsDestinationAndTheOldOneGoesAfterIt) {
  EXPECT_THAT(set(web(), from("203.0.113.0/24")),
              ElementsAre("put sources 203.0.113.0/24", "put vips 10.96.0.1"));
  EXPECT_THAT(set(web(), from("198.51.100.0/24")),
              ElementsAre("put sources 198.51.100.0/24", "put vips 10.96.0.1",
                          "erase sources 203.0.113.0/24"));
  EXPECT_THAT(erase(web()), ElementsAre("erase vips 10.96.0.1", "erase sources 198.51.100.0/24"));
}

TEST_F(MapPlanTest, F1_ServicesWithTheSameRangesShareOneList) {
  set(web(80), from("203.0.113.0/24"));

  EXPECT_THAT(set(web(81), from("203.0.113.0/24")), ElementsAre("put vips 10.96.0.1"));
  EXPECT_THAT(erase(web(80)), ElementsAre("put vips 10.96.0.1"));
  EXPECT_THAT(erase(web(81)), ElementsAre("erase vips 10.96.0.1", "erase sources 203.0.113.0/24"));
}

TEST_F(MapPlanTest, AListThatComesBackIsPutAgain) {
  set(web(), from("203.0.113.0/24"));
  erase(web());

  EXPECT_THAT(set(web(), from("203.0.113.0/24")),
              ElementsAre("put sources 203.0.113.0/24", "put vips 10.96.0.1"));
}

TEST_F(MapPlanTest, ARangeIsOneEntryWhateverItsLength) {
  EXPECT_THAT(set(range(30000, 30100), kForward),
              ElementsAre("put ranges 10.96.0.1", "put vips 10.96.0.1"));
  EXPECT_THAT(erase(range(30000, 30100)),
              ElementsAre("erase vips 10.96.0.1", "erase ranges 10.96.0.1"));
}

TEST_F(MapPlanTest, AnotherRangeIsPutBesideTheOldOnesUntilItIsPointedTo) {
  set(range(80, 90), kForward);

  EXPECT_THAT(apply({.set = {{web(85), kForward}, {range(100, 110), kForward}},
                     .erase = {range(80, 90)},
                     .scope = {}}),
              ElementsAre("put ranges 10.96.0.1", "put vips 10.96.0.1", "erase ranges 10.96.0.1"));
  EXPECT_THAT(set(range(100, 110), kForward), IsEmpty());
}

TEST_F(MapPlanTest, RangesThatFailedArePutAgain) {
  const MapPlan::Plan plan =
      plan_.plan({.set = {{range(80, 90), kForward}}, .erase = {}, .scope = {}});
  plan_.failed(plan.steps.at(0));
  plan_.done(plan.steps.at(1));

  EXPECT_THAT(apply({}), ElementsAre("put ranges 10.96.0.1", "put vips 10.96.0.1"));
  EXPECT_THAT(apply({}), IsEmpty());
}

TEST_F(MapPlanTest, ARangeTooManyIsRefusedWithTheRemedyAndTheRestIsTaken) {
  SteerChange change;
  for (int i = 1; i <= LB_RANGES_PER_ADDRESS + 1; ++i) {
    change.set.emplace_back(range(i * 10, i * 10 + 5), kForward);
  }

  apply(change);

  ASSERT_THAT(refused_, SizeIs(1));
  EXPECT_EQ(refused_[0].destination, range(650, 655));
  EXPECT_THAT(refused_[0].text, HasSubstr("64 port ranges: join some"));
  EXPECT_EQ(plan_.size(), 64u);
  set(range(640, 645), kReject);
  EXPECT_THAT(refused_, IsEmpty()) << "one that is there may change";
}

struct Unsteerable {
  const char* name;
  Destination destination;
  const char* text;
};
class MapPlanRefuses : public MapPlanTest, public ::testing::WithParamInterface<Unsteerable> {};

TEST_P(MapPlanRefuses, WhatCanNotBeAskedFor) {
  set(web(), kForward);

  EXPECT_THAT(set(GetParam().destination, kReject), IsEmpty());

  ASSERT_THAT(refused_, SizeIs(1));
  EXPECT_THAT(refused_[0].text, HasSubstr(GetParam().text));
  EXPECT_THAT(erase(GetParam().destination), IsEmpty()) << "it is nobody else's entry";
}

INSTANTIATE_TEST_SUITE_P(
    Destinations, MapPlanRefuses,
    ::testing::Values(
        Unsteerable{"SCTP", Destination::of(Protocol::SCTP, ip("10.96.0.1"), 80), "use TCP or UDP"},
        Unsteerable{"PortZero", web(0), "1 to 65535"},
        Unsteerable{"RangeTheWrongWayRound", range(90, 80), "swap them"},
        Unsteerable{"OtherFamily", {kTcp, IpFamily::IPv6, ip("10.96.0.1"), 80, 80}, "IPv6"},
        Unsteerable{"Wildcard", Destination::of(kTcp, ip("0.0.0.0"), 80), "no client can ask"},
        Unsteerable{"Multicast", Destination::of(kTcp, ip("ff02::1"), 80), "no client can ask"}),
    [](const auto& each) { return each.param.name; });

TEST_F(MapPlanTest, E10_AServicesAddressIsKnownBeforeFreeOnesAreDropped) {
  SteerScope scope;
  scope.service_cidrs = {Cidr::parse("10.96.0.0/16").value()};

  EXPECT_THAT(apply({.set = {{web(), kForward}}, .erase = {}, .scope = scope}),
              ElementsAre("put vips 10.96.0.1", "put scopes 10.96.0.0/16"));
}

TEST_F(MapPlanTest, TheNodesAddressIsKnownBeforeItIsAServices) {
  SteerScope scope;
  scope.node_addresses = {ip("10.96.0.1")};

  EXPECT_THAT(apply({.set = {{web(), kForward}}, .erase = {}, .scope = scope}),
              ElementsAre("put addresses 10.96.0.1", "put vips 10.96.0.1"));
  EXPECT_THAT(apply({.set = {}, .erase = {web()}, .scope = SteerScope{}}),
              ElementsAre("erase vips 10.96.0.1", "erase addresses 10.96.0.1"));
}

TEST_F(MapPlanTest, WhatFailedIsTriedAgainByTheNextChange) {
  const MapPlan::Plan first =
      plan_.plan({.set = {{web(), from("203.0.113.0/24")}}, .erase = {}, .scope = {}});
  ASSERT_THAT(first.steps, SizeIs(2));
  for (const MapStep& step : first.steps) plan_.failed(step);

  EXPECT_THAT(apply({}), ElementsAre("put sources 203.0.113.0/24", "put vips 10.96.0.1"));
  EXPECT_THAT(apply({}), IsEmpty());
}

TEST_F(MapPlanTest, APortBeyondTheSlotsThatFailedIsTriedAgain) {
  for (const int port : {80, 81, 82}) set(web(port), kForward);
  const MapPlan::Plan plan = plan_.plan({.set = {{web(83), kForward}}, .erase = {}, .scope = {}});
  plan_.failed(plan.steps.at(0));
  plan_.done(plan.steps.at(1));

  EXPECT_THAT(apply({}), ElementsAre("put ports TCP 10.96.0.1:83"));
}

TEST_F(MapPlanTest, WhatSomebodyLeftIsCorrected) {
  set(web(80), from("203.0.113.0/24"));
  set(web(81), kForward);
  set(Destination::of(kTcp, ip("10.96.0.2"), 80), kForward);
  MapPlan next(plan_.in_kernel());

  const auto plan = next.plan({.set = {{web(80), from("203.0.113.0/24")}, {web(81), kForward}},
                               .erase = {},
                               .scope = SteerScope{}});

  ASSERT_THAT(plan.steps, SizeIs(1)) << "the list keeps its number, the rest its place";
  EXPECT_EQ(to_string(plan.steps[0]), "vips 10.96.0.2");
  EXPECT_FALSE(plan.steps[0].value);
}

// --- against the naive model ---

class MapPlanHistories : public ::testing::TestWithParam<int> {};

TEST_P(MapPlanHistories, AnswerWhatTheRulesSayAndDisturbNobodyInBetween) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  SCOPED_TRACE(seed);
  SteeringHistory history(seed);
  NaiveSteering naive;
  MapPlan plan;
  MapImage kernel;
  SteerChange change{.set = {}, .erase = {}, .scope = history.scope()};
  for (int round = 0; round < 40; ++round) {
    const NaiveSteering before = naive;
    naive.apply(change);
    std::vector<Question> questions;
    for (int i = 0; i < 60; ++i) questions.push_back(history.question());

    const MapPlan::Plan planned = plan.plan(change);
    ASSERT_THAT(planned.refused, IsEmpty());
    for (const MapStep& step : planned.steps) {
      if (step.value) {
        kernel[step.map][step.key] = *step.value;
      } else {
        ASSERT_EQ(kernel[step.map].erase(step.key), 1u) << to_string(step);
      }
      plan.done(step);
      // A change of the scope is not one step: kinds and addresses change one by one.
      if (change.scope) continue;
      const MapReader reader(kernel);
      for (const Question& question : questions) {
        const Answer answer = reader.ask(question);
        const Answer old = before.ask(question);
        const Answer next = naive.ask(question);
        ASSERT_TRUE(answer == old || answer == next)
            << question << ": " << answer << ", was " << old << ", becomes " << next << " at "
            << to_string(step) << " in round " << round;
      }
    }
    const MapReader reader(kernel);
    for (const Question& question : questions) {
      ASSERT_EQ(reader.ask(question), naive.ask(question)) << question << " in round " << round;
    }
    ASSERT_EQ(plan.size(), naive.wanted.size());
    ASSERT_THAT(plan.plan({}).steps, IsEmpty());

    if (history.chance(5)) {  // another process takes over, and wants something else
      plan = MapPlan(kernel);
      change = {};
      change.scope = history.scope();
      naive.wanted.clear();
      for (auto count = history.next(12); count > 0; --count) {
        change.set.emplace_back(history.destination(), history.steered());
      }
    } else {
      change = history.change(naive);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MapPlanHistories, ::testing::Range(1, 21));

TEST(MapPlan, LeavesNothingBehind) {
  SteeringHistory history(7);
  NaiveSteering naive;
  MapPlan plan;
  const auto run = [&](const SteerChange& change) {
    naive.apply(change);
    for (const MapStep& step : plan.plan(change).steps) plan.done(step);
  };
  run({.set = {}, .erase = {}, .scope = history.scope()});
  for (int round = 0; round < 30; ++round) run(history.change(naive));

  SteerChange end{.set = {}, .erase = {}, .scope = SteerScope{}};
  for (const auto& [destination, steered] : naive.wanted) end.erase.push_back(destination);
  run(end);

  for (std::size_t map = 0; map < kMaps; ++map) {
    EXPECT_THAT(plan.in_kernel()[static_cast<MapId>(map)], IsEmpty())
        << map_name(static_cast<MapId>(map));
  }
}

}  // namespace
}  // namespace wherry::bpf
