#include "balancer/picker_keeper.h"

#include "balancer/picker/client_affinity.h"
#include "balancer/picker/ewma.h"
#include "balancer/picker/least_connections.h"
#include "balancer/picker/maglev.h"
#include "balancer/picker/mix.h"
#include "balancer/picker/random_choice.h"
#include "balancer/picker/round_robin.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using namespace std::chrono_literals;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PickerKeeperTest : public ::testing::Test {
 protected:
  static model::Service web() { return service("web").cluster_ip("10.0.0.1").port("", 80); }
  void set(const model::Service& object) { tables_.services.upsert(test::shared(object)); }
  /// With this annotation.
  void annotate(const std::string& name, const std::string& value) {
    set(service("web").cluster_ip("10.0.0.1").port("", 80).annotation(name, value));
  }
  void set_affinity(model::SessionAffinity affinity, std::chrono::seconds timeout = 100s) {
    model::Service object = web();
    object.session_affinity = affinity;
    object.affinity_timeout = timeout;
    set(object);
  }
  /// Ready endpoints 10.1.0.<number>, with these weights; pod UIDs are the numbers.
  void set_endpoints(const std::map<int, model::Weight>& weights) {
    model::EndpointSlice object = slice("web-1", "web").port("", 8080);
    for (const auto& [number, weight] : weights) {
      model::Endpoint endpoint;
      endpoint.address = test::ip("10.1.0." + std::to_string(number));
      endpoint.weight = weight;
      endpoint.pod_uid = std::to_string(number);
      object.endpoints.push_back(endpoint);
    }
    tables_.slices.upsert(test::shared(object));
  }
  const ServicePortEntry& entry() {
    tables_.build();
    const ServicePortEntry* found = find(*tables_.builder.latest(), "default/web/TCP/IPv4");
    if (found == nullptr) throw std::logic_error("Service web has no service port");
    return *found;
  }
  Picker& picker() { return *entry().internal.picker; }
  std::vector<std::uint32_t> weights() {
    const auto all = picker().weights();
    return {all.begin(), all.end()};
  }
  /// The last part of the address that a client's connection goes to.
  std::string pick(const std::string& client, const std::vector<std::string>& tried = {}) {
    const ServicePortEntry& current = entry();
    PickContext context;
    context.client = hash_of(test::ip(client));
    context.now = tables_.now;
    std::vector<SocketAddress> addresses;
    for (const std::string& each : tried) addresses.push_back(test::at("10.1.0." + each + ":8080"));
    const Backend* backend = pick_backend(current, current.internal, context, addresses);
    if (backend == nullptr) return "none";
    const std::string text = backend->address.ip.to_string();
    return text.substr(text.find_last_of('.') + 1);
  }

  Tables tables_;
};

// --- algorithms ---

template <class T>
bool is_a(Picker& picker) {
  return dynamic_cast<T*>(&picker) != nullptr;
}

TEST_F(PickerKeeperTest, L1_EachAlgorithmHasItsPicker) {
  set_endpoints({{1, 100}, {2, 100}});
  set(web());
  EXPECT_TRUE(is_a<RoundRobin>(picker()));
  annotate("wherry.io/balance", "random");
  EXPECT_TRUE(is_a<RandomChoice>(picker()));
  annotate("wherry.io/balance", "least-connections");
  EXPECT_TRUE(is_a<LeastConnections>(picker()));
  annotate("wherry.io/balance", "ewma");
  EXPECT_TRUE(is_a<Ewma>(picker()));
  annotate("kube-router.io/service.scheduler", "mh");
  EXPECT_TRUE(is_a<Maglev>(picker()));
}

TEST_F(PickerKeeperTest, L1_EachAlgorithmSurvivesOneBackendAndNone) {
  for (const char* name : {"round-robin", "random", "least-connections", "ewma", "maglev"}) {
    annotate("wherry.io/balance", name);
    set_endpoints({{1, 100}});
    EXPECT_EQ(pick("10.9.0.1"), "1") << name;
    EXPECT_EQ(pick("10.9.0.1", {"1"}), "none") << name;
    set_endpoints({});
    EXPECT_EQ(entry().internal.picker, nullptr) << name;
    EXPECT_EQ(pick("10.9.0.1"), "none") << name;
  }
}

TEST_F(PickerKeeperTest, APickerStaysWhileNothingThatItChoosesByChanges) {
  for (const char* name : {"round-robin", "random", "least-connections", "ewma", "maglev"}) {
    set_endpoints({{1, 100}, {2, 50}});
    annotate("wherry.io/balance", name);
    const auto before = entry().internal.picker;

    set(service("web").cluster_ip("10.0.0.7").port("", 81).annotation("wherry.io/balance", name));
    set_endpoints({{1, 200}, {2, 100}});

    EXPECT_EQ(entry().internal.picker, before) << name;
  }
}

TEST_F(PickerKeeperTest, RoundRobinGoesOnWhereItStoodWhenTheServiceComesBackToIt) {
  set_endpoints({{1, 100}, {2, 100}, {3, 100}});
  set(web());
  while (pick("10.9.0.1") != "1") {
  }

  annotate("wherry.io/balance", "random");
  (void)pick("10.9.0.1");
  set(web());

  EXPECT_EQ(pick("10.9.0.1"), "2");
}

TEST_F(PickerKeeperTest, LeastConnectionsKnowsSessionsThatBeganUnderAnotherAlgorithm) {
  set_endpoints({{1, 100}, {2, 100}});
  set(web());
  entry().backends.at(0).state->load = 3;

  annotate("wherry.io/balance", "least-connections");

  EXPECT_EQ(pick("10.9.0.1"), "2");
}

// --- weights ---

TEST_F(PickerKeeperTest, EqualWeightsAreNone) {
  set(web());
  set_endpoints({{1, 30}, {2, 30}});

  EXPECT_THAT(weights(), IsEmpty());
}

TEST_F(PickerKeeperTest, AChangedWeightCountsAtOnce) {
  set(web());
  set_endpoints({{1, 100}, {2, 100}});
  EXPECT_THAT(weights(), IsEmpty());

  set_endpoints({{1, 100}, {2, 300}});

  EXPECT_THAT(weights(), ElementsAre(1, 3));
}

// --- slow start ---

TEST_F(PickerKeeperTest, ANewPodsShareGrowsAsTimePasses) {
  annotate("wherry.io/slow-start", "20s");
  set_endpoints({{1, 100}});
  (void)entry();

  set_endpoints({{1, 100}, {2, 100}});
  EXPECT_THAT(weights(), ElementsAre(20, 1));
  ASSERT_EQ(tables_.builder.next_due(), tables_.now + 1s);

  tables_.now += 1s;
  EXPECT_THAT(weights(), ElementsAre(10, 1));
  tables_.now += 17s;
  EXPECT_THAT(weights(), ElementsAre(20, 19));
  tables_.now += 1s;
  EXPECT_THAT(weights(), IsEmpty());
  EXPECT_EQ(tables_.builder.next_due(), std::nullopt);
}

TEST_F(PickerKeeperTest, TimeThatChangesNoShareMakesNoTable) {
  annotate("wherry.io/slow-start", "20s");
  set_endpoints({{1, 100}});
  (void)entry();
  set_endpoints({{1, 100}, {2, 100}});
  const auto table = tables_.build();

  tables_.now += 999ms;
  EXPECT_EQ(tables_.build(), table);
  tables_.now += 1ms;
  EXPECT_NE(tables_.build(), table);
}

TEST_F(PickerKeeperTest, SlowStartMultipliesWithWeight) {
  annotate("wherry.io/slow-start", "20s");
  set_endpoints({{1, 100}});
  (void)entry();

  set_endpoints({{1, 100}, {2, 500}});

  EXPECT_THAT(weights(), ElementsAre(4, 1)) << "20 of 20 of 100, and 1 of 20 of 500";
  tables_.now += 3s;
  EXPECT_THAT(weights(), IsEmpty()) << "4 of 20 of 500 are as much as 100";
}

TEST_F(PickerKeeperTest, WithoutSlowStartNothingIsDue) {
  set(web());
  set_endpoints({{1, 100}});
  (void)entry();
  set_endpoints({{1, 100}, {2, 100}});
  (void)entry();

  EXPECT_EQ(tables_.builder.next_due(), std::nullopt);
}

TEST_F(PickerKeeperTest, TakingSlowStartAwayEndsIt) {
  annotate("wherry.io/slow-start", "20s");
  set_endpoints({{1, 100}});
  (void)entry();
  set_endpoints({{1, 100}, {2, 100}});
  (void)entry();

  set(web());

  EXPECT_THAT(weights(), IsEmpty());
  EXPECT_EQ(tables_.builder.next_due(), std::nullopt);
}

TEST_F(PickerKeeperTest, AServiceThatGoesInItsSlowStartLeavesNothingToWaitFor) {
  annotate("wherry.io/slow-start", "20s");
  set_endpoints({{1, 100}});
  (void)entry();
  set_endpoints({{1, 100}, {2, 100}});
  (void)entry();
  tables_.services.erase({"default", "web"});
  (void)tables_.build();

  tables_.now += 1s;
  (void)tables_.build();

  EXPECT_EQ(tables_.builder.next_due(), std::nullopt);
}

// --- affinity ---

TEST_F(PickerKeeperTest, L2_WithClientIpAClientStaysForItsTimeout) {
  set_endpoints({{1, 100}, {2, 100}, {3, 100}});
  set_affinity(model::SessionAffinity::ClientIP, 125s);
  const std::string own = pick("10.9.0.1");

  tables_.now += 125s;
  EXPECT_EQ(pick("10.9.0.1"), own);
  tables_.now += 126s;
  EXPECT_NE(pick("10.9.0.1"), own) << "round robin has gone on";
}

TEST_F(PickerKeeperTest, L2_WhatCountsIsTheClientsAddress) {
  set_endpoints({{1, 100}, {2, 100}});
  set_affinity(model::SessionAffinity::ClientIP);

  EXPECT_NE(pick("10.9.0.1"), pick("10.9.0.2"));
  EXPECT_NE(pick("10.9.0.1"), pick("10.9.0.2"));
}

TEST_F(PickerKeeperTest, L2_AllAddressesOfAServicePortShareTheClients) {
  model::Service object = service("web").cluster_ip("10.0.0.1").port("", 80).node_port(30080);
  object.session_affinity = model::SessionAffinity::ClientIP;
  set(object);
  set_endpoints({{1, 100}, {2, 100}});

  EXPECT_EQ(entry().internal.picker, entry().external->picker);
}

TEST_F(PickerKeeperTest, L2_PortsOfOneServiceDoNotShareClients) {
  model::Service object = service("two").cluster_ip("10.0.0.1").port("a", 80).port("b", 81);
  object.session_affinity = model::SessionAffinity::ClientIP;
  set(object);
  tables_.slices.upsert(slice("two-1", "two").port("a", 8080).port("b", 8081).endpoint("10.1.0.1"));
  const auto table = tables_.build();

  const auto& a = *find(*table, "default/two:a/TCP/IPv4");
  const auto& b = *find(*table, "default/two:b/TCP/IPv4");
  ASSERT_NE(a.state->pickers.affinity, nullptr);
  EXPECT_NE(a.state->pickers.affinity, b.state->pickers.affinity);
}

TEST_F(PickerKeeperTest, L2_AffinityStandsOnTopOfEveryAlgorithm) {
  set_endpoints({{1, 100}, {2, 100}, {3, 100}});
  for (const char* name : {"round-robin", "random", "least-connections", "ewma", "maglev"}) {
    model::Service object =
        service("web").cluster_ip("10.0.0.1").port("", 80).annotation("wherry.io/balance", name);
    object.session_affinity = model::SessionAffinity::ClientIP;
    set(object);
    const std::string own = pick("10.9.0.1");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(pick("10.9.0.1"), own) << name;
  }
}

TEST_F(PickerKeeperTest, L3_AClientKeepsItsBackendWhileOthersComeAndGo) {
  set_endpoints({{1, 100}, {2, 100}, {3, 100}});
  set_affinity(model::SessionAffinity::ClientIP);
  while (pick("10.9.0.1") != "2") tables_.now += 101s;

  set_endpoints({{2, 100}, {3, 100}});
  EXPECT_EQ(pick("10.9.0.1"), "2");
  set_endpoints({{0, 100}, {1, 100}, {2, 100}, {3, 100}});
  EXPECT_EQ(pick("10.9.0.1"), "2");
  set_endpoints({{1, 100}, {3, 100}});
  const std::string next = pick("10.9.0.1");
  EXPECT_NE(next, "2");
  set_endpoints({{1, 100}, {2, 100}, {3, 100}});
  EXPECT_EQ(pick("10.9.0.1"), next);
}

TEST_F(PickerKeeperTest, L3_AffinityIsSwitchedOnAndOffLive) {
  set_endpoints({{1, 100}, {2, 100}});
  set(web());
  EXPECT_NE(pick("10.9.0.1"), pick("10.9.0.1"));

  set_affinity(model::SessionAffinity::ClientIP);
  EXPECT_EQ(pick("10.9.0.1"), pick("10.9.0.1"));

  set_affinity(model::SessionAffinity::None);
  EXPECT_NE(pick("10.9.0.1"), pick("10.9.0.1"));
  EXPECT_EQ(entry().state->pickers.affinity, nullptr);
}

TEST_F(PickerKeeperTest, L3_AnotherTimeoutTakesEffectLiveAndKeepsTheClients) {
  set_endpoints({{1, 100}, {2, 100}});
  set_affinity(model::SessionAffinity::ClientIP, 100s);
  const std::string own = pick("10.9.0.1");

  set_affinity(model::SessionAffinity::ClientIP, 200s);
  tables_.now += 150s;
  EXPECT_EQ(pick("10.9.0.1"), own);

  set_affinity(model::SessionAffinity::ClientIP, 10s);
  tables_.now += 11s;
  EXPECT_NE(pick("10.9.0.1"), own);
}

TEST_F(PickerKeeperTest, L4_AClientMovesWhenItsBackendCantBeReachedAndStaysThere) {
  set_endpoints({{1, 100}, {2, 100}, {3, 100}});
  set_affinity(model::SessionAffinity::ClientIP);
  const std::string own = pick("10.9.0.1");

  const std::string other = pick("10.9.0.1", {own});

  EXPECT_NE(other, own);
  EXPECT_EQ(pick("10.9.0.1"), other);
}

TEST_F(PickerKeeperTest, AServiceThatIsMadeAnewHasNoClientsYet) {
  set_endpoints({{1, 100}, {2, 100}});
  set_affinity(model::SessionAffinity::ClientIP);
  const auto held_by_a_session = entry().state;
  const auto clients = held_by_a_session->pickers.affinity;
  tables_.services.erase({"default", "web"});
  (void)tables_.build();

  set_affinity(model::SessionAffinity::ClientIP);

  ASSERT_EQ(entry().state, held_by_a_session);
  EXPECT_NE(entry().state->pickers.affinity, clients);
}

}  // namespace
}  // namespace wherry::balancer
