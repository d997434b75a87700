#include "balancer/table_builder.h"

#include "balancer/table_text.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::SizeIs;

const std::string kWeb = "default/web:http/TCP/IPv4";
const std::string kApi = "default/api:http/TCP/IPv4";

class TableBuilderTest : public ::testing::Test {
 protected:
  TableBuilderTest() {
    tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));
  }

  /// Ready endpoints 10.1.0.<each> of Service web.
  void set_endpoints(const std::vector<int>& numbers) {
    auto builder = slice("web-1", "web").port("http", 8080);
    for (const int number : numbers) builder.endpoint("10.1.0." + std::to_string(number));
    tables_.slices.upsert(builder);
  }
  const ServicePortEntry& web() {
    tables_.build();
    const ServicePortEntry* entry = find(*tables_.builder.latest(), kWeb);
    if (entry == nullptr) throw std::logic_error("Service web has no service port");
    return *entry;
  }
  /// The last parts of the next addresses: 10.1.0.7:8080 is 7.
  std::vector<int> pick_numbers(int count) {
    std::vector<int> numbers;
    for (const std::string& address : pick(web(), count)) {
      numbers.push_back(std::stoi(address.substr(address.find_last_of('.') + 1)));
    }
    return numbers;
  }
  /// Lets round robin stand before this backend.
  void turn_to(int number) {
    while (
        web()
            .backends.at(web().internal.backends.at(web().internal.picker->next_position().value()))
            .address.ip != test::ip("10.1.0." + std::to_string(number))) {
      (void)pick_numbers(1);
    }
  }

  Tables tables_;
};

TEST_F(TableBuilderTest, NothingIsTheEmptyTableOfGenerationZero) {
  Tables empty;

  const auto table = empty.build();

  EXPECT_EQ(table->generation(), 0u);
  EXPECT_EQ(table->size(), 0u);
}

TEST_F(TableBuilderTest, JoinsServicesWithTheirEndpoints) {
  tables_.slices.upsert(
      slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1").not_ready("10.1.0.2"));

  const auto table = tables_.build();

  EXPECT_EQ(table_text(*table),
            "default/web:http/TCP/IPv4 clusterIP=10.0.0.1 port=80\n"
            "  internal forward (ready_endpoints): 10.1.0.1:8080\n"
            "  excluded 10.1.0.2:8080 (not_ready)\n");
  EXPECT_EQ(table->generation(), 1u);
}

TEST_F(TableBuilderTest, AServiceWithoutEndpointsIsInTheTableAndRejected) {
  EXPECT_EQ(web().internal.verdict, Verdict::Reject);
  EXPECT_EQ(web().internal.picker, nullptr);
}

TEST_F(TableBuilderTest, EndpointsThatComeBeforeTheirServiceWaitForIt) {
  Tables tables;
  tables.slices.upsert(slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1"));
  EXPECT_EQ(tables.build()->size(), 0u);

  tables.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));

  EXPECT_THAT(pick(*find(*tables.build(), kWeb), 1), ElementsAre("10.1.0.1:8080"));
}

TEST_F(TableBuilderTest, AServiceThatGoesLeavesTheTable) {
  set_endpoints({1});
  tables_.build();

  tables_.services.erase({"default", "web"});

  EXPECT_EQ(tables_.build()->size(), 0u);
}

TEST_F(TableBuilderTest, APortThatGoesLeavesTheTableAndTheOthersStay) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80).port("tls", 443));
  tables_.build();
  const ServicePortId id = web().id;

  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));

  EXPECT_EQ(tables_.build()->size(), 1u);
  EXPECT_EQ(web().id, id);
}

// --- generations ---

TEST_F(TableBuilderTest, NothingChangedIsTheSameTable) {
  set_endpoints({1});
  const auto table = tables_.build();

  EXPECT_EQ(tables_.build(), table);
  EXPECT_EQ(tables_.builder.build({{"default", "web"}, {"default", "other"}}), table);
  EXPECT_EQ(tables_.builder.latest(), table);
}

TEST_F(TableBuilderTest, ASliceWrittenAnewWithTheSameEndpointsIsNoNewGeneration) {
  set_endpoints({1, 2});
  const auto table = tables_.build();

  tables_.slices.upsert(slice("web-1", "web")
                            .port("http", 8080)
                            .endpoint("10.1.0.2")
                            .endpoint("10.1.0.1")
                            .label("resource", "touched"));

  EXPECT_EQ(tables_.build(), table);
}

TEST_F(TableBuilderTest, AChangeOfAnotherServicesEndpointsIsTheOnlyThingThatIsBuilt) {
  tables_.services.upsert(service("api").cluster_ip("10.0.0.2").port("http", 80));
  set_endpoints({1});
  tables_.build();
  const ServicePortEntry* before = &web();

  tables_.slices.upsert(slice("api-1", "api").port("http", 80).endpoint("10.1.0.9"));
  const auto table = tables_.build();

  EXPECT_EQ(find(*table, kWeb), before);
  EXPECT_EQ(table->generation(), 2u);
}

TEST_F(TableBuilderTest, ATableInUseStaysAsItWas) {
  set_endpoints({1, 2});
  const auto table = tables_.build();
  const std::string text = table_text(*table);

  set_endpoints({3});
  tables_.build();
  tables_.services.erase({"default", "web"});
  tables_.build();

  EXPECT_EQ(table_text(*table), text);
}

// --- ids ---

TEST_F(TableBuilderTest, AServicePortKeepsItsIdWhateverChangesAboutIt) {
  const ServicePortId id = web().id;

  set_endpoints({1, 2});
  EXPECT_EQ(web().id, id);

  tables_.services.upsert(service("web").cluster_ip("10.0.0.7").port("http", 8000));
  EXPECT_EQ(web().id, id);
}

TEST_F(TableBuilderTest, ASlotIsUsedAgainUnderANewSerial) {
  const ServicePortId old = web().id;
  tables_.services.erase({"default", "web"});
  tables_.build();

  tables_.services.upsert(service("api").cluster_ip("10.0.0.2").port("http", 80));
  const auto table = tables_.build();

  const ServicePortId id = find(*table, kApi)->id;
  EXPECT_EQ(id.slot, old.slot);
  EXPECT_NE(id.serial, old.serial);
  EXPECT_EQ(table->find(old), nullptr);
}

TEST_F(TableBuilderTest, ASlotIsUsedAgainWithinOneBuild) {
  const ServicePortId old = web().id;

  tables_.services.replace({service("zzz").cluster_ip("10.0.0.2").port("http", 80)});
  const auto table = tables_.build();

  EXPECT_EQ(table->size(), 1u);
  EXPECT_EQ(find(*table, "default/zzz:http/TCP/IPv4")->id.slot, old.slot);
  EXPECT_EQ(table->find(old), nullptr);
}

TEST_F(TableBuilderTest, AServiceThatCameBackIsANewServicePort) {
  const ServicePortId old = web().id;
  tables_.services.erase({"default", "web"});
  tables_.build();

  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));

  EXPECT_NE(web().id, old);
}

TEST_F(TableBuilderTest, AServiceThatWentAndCameBetweenBuildsIsTheSameServicePort) {
  set_endpoints({1});
  const auto table = tables_.build();

  tables_.services.erase({"default", "web"});
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));

  EXPECT_EQ(tables_.build(), table);
}

// --- what outlives tables ---

TEST_F(TableBuilderTest, CountsOfABackendSurviveWhateverChangesAroundIt) {
  set_endpoints({1, 2});
  const auto state = web().backends.at(1).state;

  set_endpoints({2, 3});
  EXPECT_EQ(web().backends.at(0).state, state);

  tables_.services.upsert(service("web").cluster_ip("10.0.0.7").port("http", 81));
  EXPECT_EQ(web().backends.at(0).state, state);
}

TEST_F(TableBuilderTest, CountsOfABackendSurviveThatItIsNotReadyMeanwhile) {
  set_endpoints({1});
  const auto state = web().backends.at(0).state;

  tables_.slices.upsert(slice("web-1", "web").port("http", 8080).not_ready("10.1.0.1"));
  EXPECT_EQ(web().backends.at(0).state, state);

  set_endpoints({1});
  EXPECT_EQ(web().backends.at(0).state, state);
}

TEST_F(TableBuilderTest, CountsOfABackendSurviveThatItIsAwayWhileSessionsGoOn) {
  set_endpoints({1, 2});
  const auto held_by_a_session = web().backends.at(0).state;

  set_endpoints({2});
  (void)web();
  set_endpoints({2, 3});
  (void)web();
  set_endpoints({1, 2, 3});

  EXPECT_EQ(web().backends.at(0).state, held_by_a_session);
}

TEST_F(TableBuilderTest, CountsOfABackendThatNoSessionHoldsGoWithIt) {
  set_endpoints({1, 2});
  const std::weak_ptr<BackendState> state = web().backends.at(0).state;

  set_endpoints({2});
  (void)web();

  EXPECT_TRUE(state.expired());
}

TEST_F(TableBuilderTest, CountsSurviveThatTheServiceIsAwayWhileSessionsGoOn) {
  set_endpoints({1});
  const auto service_port = web().state;
  const auto backend = web().backends.at(0).state;
  const auto object = service("web").cluster_ip("10.0.0.1").port("http", 80);

  tables_.services.erase({"default", "web"});
  tables_.build();
  tables_.services.upsert(object);

  EXPECT_EQ(web().state, service_port);
  EXPECT_EQ(web().backends.at(0).state, backend);
}

TEST_F(TableBuilderTest, TheTotalOfAServiceSurvivesItsPorts) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80).port("tls", 443));
  const auto total = web().state->service;
  EXPECT_EQ(find(*tables_.build(), "default/web:tls/TCP/IPv4")->state->service, total);

  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));
  EXPECT_EQ(web().state->service, total);
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80).port("tls", 443));

  EXPECT_EQ(find(*tables_.build(), "default/web:tls/TCP/IPv4")->state->service, total);
}

// --- a bound for all of it ---

class TableBuilderLimitTest : public ::testing::Test {
 protected:
  void add(const std::string& name, int endpoints) {
    tables_.services.upsert(service(name).port("http", 80));
    auto made = slice(name + "-1", name).port("http", 8080);
    for (int i = 1; i <= endpoints; ++i) made.endpoint("10.1.0." + std::to_string(i));
    tables_.slices.upsert(made);
  }
  const ServicePortEntry& entry(const std::string& name) {
    return *find(*tables_.build(), "default/" + name + ":http/TCP/IPv4");
  }

  Tables tables_{{}, "node-1", 5};
};

TEST_F(TableBuilderLimitTest, WhatFitsIsServed) {
  add("a", 3);
  add("b", 2);

  EXPECT_THAT(entry("a").backends, SizeIs(3));
  EXPECT_THAT(entry("b").backends, SizeIs(2));
  EXPECT_THAT(tables_.builder.over_limit(), ::testing::IsEmpty());
}

TEST_F(TableBuilderLimitTest, WhatDoesNotFitIsRejectedWithItsOwnReason) {
  add("a", 3);
  (void)entry("a");
  add("b", 3);

  const ServicePortEntry& b = entry("b");
  EXPECT_THAT(b.backends, ::testing::IsEmpty());
  EXPECT_EQ(b.internal.verdict, Verdict::Reject);
  EXPECT_EQ(b.internal.reason, Reason::TooManyEndpoints);
  EXPECT_THAT(tables_.builder.over_limit(), ::testing::ElementsAre(b.service_port.key));
  EXPECT_THAT(entry("a").backends, SizeIs(3));
}

TEST_F(TableBuilderLimitTest, WhatDidNotFitIsServedOnceThereIsRoom) {
  add("a", 3);
  (void)entry("a");
  add("b", 3);
  (void)entry("b");

  add("a", 2);

  EXPECT_THAT(entry("b").backends, SizeIs(3));
  EXPECT_EQ(entry("b").internal.reason, Reason::ReadyEndpoints);
  EXPECT_THAT(tables_.builder.over_limit(), ::testing::IsEmpty());
}

TEST_F(TableBuilderLimitTest, WhatIsGoneLeavesItsRoom) {
  add("a", 5);
  (void)entry("a");
  add("b", 5);
  (void)entry("b");

  tables_.services.erase({"default", "a"});

  EXPECT_THAT(entry("b").backends, SizeIs(5));
}

TEST_F(TableBuilderLimitTest, AServiceThatGrowsPastTheLimitIsRejectedAsAWhole) {
  add("a", 5);
  (void)entry("a");

  add("a", 6);
  EXPECT_THAT(entry("a").backends, ::testing::IsEmpty());

  add("a", 4);
  EXPECT_THAT(entry("a").backends, SizeIs(4));
}

TEST_F(TableBuilderTest, EveryBackendHasCountsOfItsOwn) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80).port("tls", 443));
  tables_.slices.upsert(slice("web-1", "web")
                            .port("http", 8080)
                            .port("tls", 8443)
                            .endpoint("10.1.0.1")
                            .endpoint("10.1.0.2"));

  std::set<BackendState*> states;
  tables_.build()->for_each([&states](const ServicePortEntry& entry) {
    for (const Backend& backend : entry.backends) states.insert(backend.state.get());
  });

  EXPECT_THAT(states, SizeIs(4));
  EXPECT_FALSE(states.contains(nullptr));
}

TEST_F(TableBuilderTest, CountsOfAServicePortSurviveWhateverChangesAboutIt) {
  const auto state = web().state;
  EXPECT_EQ(state->key.to_string(), kWeb);

  set_endpoints({1, 2});
  tables_.services.upsert(service("web").cluster_ip("10.0.0.7").port("http", 81));

  EXPECT_EQ(web().state, state);
}

// --- pickers ---

TEST_F(TableBuilderTest, ThePickerStaysWhileTheEligibleBackendsStay) {
  set_endpoints({1, 2});
  const auto picker = web().internal.picker;

  tables_.slices.upsert(slice("web-1", "web")
                            .port("http", 8080)
                            .endpoint("10.1.0.1")
                            .on_node("node-2")
                            .endpoint("10.1.0.2")
                            .not_ready("10.1.0.0"));
  tables_.services.upsert(service("web").cluster_ip("10.0.0.7").port("http", 81));

  EXPECT_THAT(web().backends, SizeIs(3));
  EXPECT_EQ(web().internal.picker, picker);
}

TEST_F(TableBuilderTest, AnotherListOfBackendsHasAnotherPicker) {
  set_endpoints({1, 2});
  const auto table = tables_.build();
  const auto picker = web().internal.picker;

  set_endpoints({1, 3});

  EXPECT_NE(web().internal.picker, picker);
}

TEST_F(TableBuilderTest, InternalAndExternalTrafficTakeTurnsTogether) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80).node_port(30080));
  set_endpoints({1, 2});

  ASSERT_TRUE(web().external);
  EXPECT_EQ(web().external->picker, web().internal.picker);
}

TEST_F(TableBuilderTest, WhatIsRejectedFromOutsideHasNoPicker) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80).node_port(30080));

  ASSERT_TRUE(web().external);
  EXPECT_EQ(web().external->verdict, Verdict::Reject);
  EXPECT_EQ(web().external->picker, nullptr);
}

TEST_F(TableBuilderTest, RoundRobinGoesOnWhenABackendLeaves) {
  set_endpoints({1, 2, 3, 4});
  turn_to(3);

  set_endpoints({1, 3, 4});

  EXPECT_THAT(pick_numbers(4), ElementsAre(3, 4, 1, 3));
}

TEST_F(TableBuilderTest, RoundRobinGoesOnAtTheSuccessorWhenTheNextBackendLeaves) {
  set_endpoints({1, 2, 3, 4});
  turn_to(3);

  set_endpoints({1, 2, 4});

  EXPECT_THAT(pick_numbers(4), ElementsAre(4, 1, 2, 4));
}

TEST_F(TableBuilderTest, RoundRobinGoesOnAtTheFirstWhenTheLastBackendWasNextAndLeaves) {
  set_endpoints({1, 2, 3});
  turn_to(3);

  set_endpoints({1, 2});

  EXPECT_THAT(pick_numbers(3), ElementsAre(1, 2, 1));
}

TEST_F(TableBuilderTest, RoundRobinGoesOnWhenABackendComes) {
  set_endpoints({1, 3, 4});
  turn_to(4);

  set_endpoints({1, 2, 3, 4});

  EXPECT_THAT(pick_numbers(5), ElementsAre(4, 1, 2, 3, 4));
}

TEST_F(TableBuilderTest, RoundRobinGoesOnOverAnEmptySpell) {
  set_endpoints({1, 2, 3});
  turn_to(2);

  set_endpoints({});
  EXPECT_EQ(web().internal.verdict, Verdict::Reject);
  set_endpoints({1, 2, 3});

  EXPECT_THAT(pick_numbers(3), ElementsAre(2, 3, 1));
}

TEST_F(TableBuilderTest, RoundRobinGoesOnOverASpellInWhichNobodyIsReady) {
  set_endpoints({1, 2, 3});
  turn_to(3);

  tables_.slices.upsert(
      slice("web-1", "web").port("http", 8080).not_ready("10.1.0.1").not_ready("10.1.0.3"));
  tables_.build();
  set_endpoints({1, 2, 3});

  EXPECT_THAT(pick_numbers(3), ElementsAre(3, 1, 2));
}

TEST_F(TableBuilderTest, ASecondEmptySpellDoesNotBringAnOldPlaceBack) {
  set_endpoints({1, 2, 3});
  turn_to(2);
  set_endpoints({});
  tables_.build();
  set_endpoints({1, 2, 3});
  turn_to(3);

  set_endpoints({});
  tables_.build();
  set_endpoints({1, 2, 3});

  EXPECT_THAT(pick_numbers(1), ElementsAre(3));
}

TEST_F(TableBuilderTest, AReplacedPickerDoesNotDisturbItsSuccessor) {
  set_endpoints({1, 2, 3});
  const auto old_table = tables_.build();
  turn_to(1);
  set_endpoints({1, 2, 4});
  (void)web();

  (void)pick(*find(*old_table, kWeb), 2);

  EXPECT_THAT(pick_numbers(3), ElementsAre(1, 2, 4));
}

TEST_F(TableBuilderTest, CountsDifferByOneAtMostOverAStreamOfReplacements) {
  std::vector<int> present{1, 2, 3};
  for (int next = 4; next < 60; ++next) {
    set_endpoints(present);
    std::vector<int> counts(3);
    const std::vector<int> picked = pick_numbers(5);
    for (std::size_t i = 0; i < 3; ++i) {
      counts[i] = static_cast<int>(std::count(picked.begin(), picked.end(), present[i]));
    }
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()) -
                  *std::min_element(counts.begin(), counts.end()),
              1);
    present.erase(present.begin());
    present.push_back(next);
  }
}

TEST_F(TableBuilderTest, NodesBeginAtDifferentBackendsAndEachAlwaysAtTheSame) {
  const auto first_pick = [](const std::string& node) {
    Tables tables({}, node);
    tables.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));
    auto endpoints = slice("web-1", "web").port("http", 8080);
    for (int i = 1; i <= 5; ++i) endpoints.endpoint("10.1.0." + std::to_string(i));
    tables.slices.upsert(endpoints);
    return pick(*find(*tables.build(), kWeb), 1).at(0);
  };

  std::set<std::string> firsts;
  for (int i = 0; i < 40; ++i) firsts.insert(first_pick("node-" + std::to_string(i)));

  EXPECT_THAT(firsts, SizeIs(5));
  EXPECT_EQ(first_pick("node-1"), first_pick("node-1"));
}

}  // namespace
}  // namespace wherry::balancer
