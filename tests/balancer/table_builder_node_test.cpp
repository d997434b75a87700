#include "balancer/table_text.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

/// What the builder makes of the node, of the two sets and of their pickers.
namespace wherry::balancer {
namespace {

using model::TrafficPolicy;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kWeb = "default/web:http/TCP/IPv4";

NodeView node(const std::string& zone) { return {{"node-1", zone}, {}, {}}; }

class TableBuilderNodeTest : public ::testing::Test {
 protected:
  TableBuilderNodeTest() {
    tables_.builder.set_node(node("zone-a"));
    tables_.services.upsert(web());
  }

  static test::ServiceBuilder web() {
    return test::service("web")
        .cluster_ip("10.0.0.1")
        .port("http", 80)
        .node_port(30080)
        .type(model::ServiceType::NodePort);
  }
  /// 10.1.0.1 and .2 are here, .3 and .4 elsewhere.
  static test::SliceBuilder slice() {
    return test::slice("web-1", "web")
        .port("http", 8080)
        .endpoint("10.1.0.1")
        .on_node("node-1")
        .endpoint("10.1.0.2")
        .on_node("node-1")
        .endpoint("10.1.0.3")
        .on_node("node-2")
        .endpoint("10.1.0.4")
        .on_node("node-2");
  }
  const ServicePortEntry& entry() {
    tables_.build();
    const ServicePortEntry* found = find(*tables_.builder.latest(), kWeb);
    if (found == nullptr) throw std::logic_error("Service web has no service port");
    return *found;
  }

  Tables tables_;
};

TEST_F(TableBuilderNodeTest, TheTableKnowsTheNode) {
  EXPECT_EQ(tables_.build()->node(), node("zone-a"));
}

TEST_F(TableBuilderNodeTest, W9_BeforeAnyNodeIsKnownItIsTheNameThatWasGiven) {
  Tables tables({}, "node-7");

  EXPECT_EQ(tables.build()->node(), (NodeView{{"node-7", ""}, {}, {}}));
  EXPECT_EQ(tables.build()->generation(), 0u);
}

TEST_F(TableBuilderNodeTest, E13_AnotherZoneIsTakenInLive) {
  tables_.slices.upsert(test::slice("web-1", "web")
                            .port("http", 8080)
                            .endpoint("10.1.0.1")
                            .hints({"zone-a"})
                            .endpoint("10.1.0.2")
                            .hints({"zone-b"}));
  EXPECT_THAT(entry().internal.backends, ElementsAre(0));

  tables_.builder.set_node(node("zone-b"));
  EXPECT_THAT(entry().internal.backends, ElementsAre(1));
  EXPECT_THAT(entry().excluded, ElementsAre(Excluded{0, Reason::OtherZone}));

  tables_.builder.set_node(node(""));
  EXPECT_THAT(entry().internal.backends, ElementsAre(0, 1));
}

TEST_F(TableBuilderNodeTest, E13_ServicesThatChangeWithTheZoneAreBuiltOnce) {
  tables_.slices.upsert(slice());
  tables_.services.upsert(test::service("api").cluster_ip("10.0.0.2").port("http", 80));
  tables_.build();

  tables_.builder.set_node(node("zone-b"));
  tables_.services.upsert(test::service("api").cluster_ip("10.0.0.3").port("http", 80));

  const auto table = tables_.build();
  EXPECT_EQ(table->size(), 2u);
  EXPECT_THAT(table_text(*table), HasSubstr("clusterIP=10.0.0.3"));
}

TEST_F(TableBuilderNodeTest, OtherAddressesOfTheNodeAreAnotherTableWithTheSameEntries) {
  tables_.slices.upsert(slice());
  const auto before = tables_.build();
  NodeView moved = node("zone-a");
  moved.addresses = {test::ip("192.0.2.7")};

  tables_.builder.set_node(moved);
  const auto after = tables_.build();

  EXPECT_EQ(after->generation(), before->generation() + 1);
  EXPECT_EQ(find(*after, kWeb), find(*before, kWeb));
  EXPECT_EQ(after->node(), moved);
}

TEST_F(TableBuilderNodeTest, TheSameNodeIsNoOtherTable) {
  const auto before = tables_.build();

  tables_.builder.set_node(node("zone-a"));

  EXPECT_EQ(tables_.build(), before);
}

TEST_F(TableBuilderNodeTest, E8_TrafficOverOneSetTakesTurnsTogether) {
  tables_.services.upsert(web().external_policy(TrafficPolicy::Local));
  tables_.slices.upsert(slice());

  const ServicePortEntry& built = entry();

  ASSERT_TRUE(built.external);
  ASSERT_TRUE(built.external_from_node);
  EXPECT_THAT(built.internal.backends, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(built.external->backends, ElementsAre(0, 1));
  EXPECT_THAT(built.external_from_node->backends, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(built.external_from_node->picker, built.internal.picker);
  EXPECT_NE(built.external->picker, built.internal.picker);
  ASSERT_NE(built.external->picker, nullptr);
}

TEST_F(TableBuilderNodeTest, E6_WithBothPoliciesLocalTheLocalSetIsOne) {
  tables_.services.upsert(
      web().internal_policy(TrafficPolicy::Local).external_policy(TrafficPolicy::Local));
  tables_.slices.upsert(slice());

  const ServicePortEntry& built = entry();

  EXPECT_EQ(built.external->picker, built.internal.picker);
  ASSERT_NE(built.external_from_node->picker, nullptr);
  EXPECT_NE(built.external_from_node->picker, built.internal.picker);
  EXPECT_THAT(built.excluded,
              ElementsAre(Excluded{2, Reason::OtherNode}, Excluded{3, Reason::OtherNode}));
}

TEST_F(TableBuilderNodeTest, EachSetKeepsItsPickerWhileItsBackendsStay) {
  tables_.services.upsert(web().external_policy(TrafficPolicy::Local));
  tables_.slices.upsert(slice());
  const auto cluster = entry().internal.picker;
  const auto local = entry().external->picker;

  tables_.slices.upsert(slice().endpoint("10.1.0.5").on_node("node-2"));

  EXPECT_NE(entry().internal.picker, cluster);
  EXPECT_EQ(entry().external->picker, local);
}

TEST_F(TableBuilderNodeTest, EachSetGoesOnWhereItStands) {
  tables_.services.upsert(web().external_policy(TrafficPolicy::Local));
  tables_.slices.upsert(slice());
  const auto next_of = [](const ServicePortEntry& of, const Decision& decision) {
    return of.backends[decision.backends[decision.picker->next_position().value()]]
        .address.to_string();
  };
  while (next_of(entry(), entry().internal) != "10.1.0.4:8080") {
    (void)pick_backend(entry(), entry().internal, {}, {});
  }
  while (next_of(entry(), *entry().external) != "10.1.0.2:8080") {
    (void)pick_backend(entry(), *entry().external, {}, {});
  }

  // Nobody is there for a while; then all are back.
  tables_.slices.erase({"default", "web-1"});
  EXPECT_EQ(entry().internal.verdict, Verdict::Reject);
  tables_.slices.upsert(slice());

  EXPECT_EQ(next_of(entry(), entry().internal), "10.1.0.4:8080");
  EXPECT_EQ(next_of(entry(), *entry().external), "10.1.0.2:8080");
}

TEST_F(TableBuilderNodeTest, APolicyThatChangesIsTakenInLive) {
  tables_.slices.upsert(slice());
  EXPECT_FALSE(entry().external_from_node);

  tables_.services.upsert(web().external_policy(TrafficPolicy::Local));
  ASSERT_TRUE(entry().external_from_node);
  EXPECT_THAT(entry().external->backends, ElementsAre(0, 1));

  tables_.services.upsert(web());
  EXPECT_FALSE(entry().external_from_node);
  EXPECT_THAT(entry().external->backends, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(entry().external->picker, entry().internal.picker);
}

TEST_F(TableBuilderNodeTest, WhatDoesNotFitIsRejectedForEverybody) {
  Tables small({}, "node-1", 3);
  small.services.upsert(web().external_policy(TrafficPolicy::Local));
  small.slices.upsert(slice());
  const auto table = small.build();

  const ServicePortEntry& built = *find(*table, kWeb);

  EXPECT_EQ(built.internal.reason, Reason::TooManyEndpoints);
  EXPECT_EQ(built.external->reason, Reason::TooManyEndpoints);
  EXPECT_EQ(built.external_from_node->reason, Reason::TooManyEndpoints);
  EXPECT_EQ(built.external_from_node->verdict, Verdict::Reject);
}

}  // namespace
}  // namespace wherry::balancer
