#include "balancer/connection_verdict.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace wherry::balancer {
namespace {

using model::TrafficPolicy;
using test::ip;

enum class Where { Here, Elsewhere, Nowhere };

struct Case {
  const char* name;
  TrafficPolicy external;
  Where endpoint;
  AddressKind kind;
  const char* client;
  const char* verdict;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class ConnectionVerdicts : public ::testing::TestWithParam<Case> {};

constexpr const char* kOutside = "203.0.113.9";
constexpr const char* kOutOfRange = "192.0.2.99";
constexpr const char* kNode = "203.0.113.7";
constexpr const char* kPod = "10.244.1.9";

/// One Service that clients from 203.0.113.0/24 may reach by its load balancer IP.
std::shared_ptr<const BackendTable> table_of(TrafficPolicy external, Where endpoint) {
  Tables tables;
  tables.builder.set_node(
      view_of(&test::node("node-1").address(kNode).pod_cidr("10.244.1.0/24").get(), "node-1"));
  tables.services.upsert(test::service("web")
                             .type(model::ServiceType::LoadBalancer)
                             .cluster_ip("10.0.0.1")
                             .port("http", 80)
                             .node_port(30080)
                             .load_balancer_ip("198.51.100.1")
                             .external_ip("198.51.100.2")
                             .source_range("203.0.113.0/24")
                             .internal_policy(TrafficPolicy::Local)
                             .external_policy(external));
  if (endpoint != Where::Nowhere) {
    tables.slices.upsert(test::slice("web-1", "web")
                             .port("http", 8080)
                             .endpoint("10.1.0.1")
                             .on_node(endpoint == Where::Here ? "node-1" : "node-2"));
  }
  return tables.build();
}

TEST_P(ConnectionVerdicts, FollowTheKindOfAddressAndOfClient) {
  const Case& row = GetParam();
  const auto table = table_of(row.external, row.endpoint);
  const ServicePortEntry* entry = find(*table, "default/web:http/TCP/IPv4");
  ASSERT_NE(entry, nullptr);
  const IpAddress client = ip(row.client);

  const ConnectionVerdict verdict =
      verdict_for(*entry, row.kind, client_kind(client, ip("198.51.100.1"), table->node()), client,
                  table->node());

  EXPECT_EQ(std::string(to_string(verdict.verdict)) + ' ' + std::string(to_string(verdict.reason)),
            row.verdict);
}

constexpr auto kCluster = TrafficPolicy::Cluster;
constexpr auto kLocal = TrafficPolicy::Local;
constexpr auto kClusterIp = AddressKind::ClusterIp;
constexpr auto kNodePort = AddressKind::NodePort;
constexpr auto kExternalIp = AddressKind::ExternalIp;
constexpr auto kVip = AddressKind::LoadBalancerIp;

INSTANTIATE_TEST_SUITE_P(
    Rows, ConnectionVerdicts,
    ::testing::Values(
        Case{"E6_TheClusterIpHasItsOwnPolicy", kCluster, Where::Elsewhere, kClusterIp, kPod,
             "drop no_local_endpoints"},
        Case{"E6_WhichIsNotThatOfNodePorts", kCluster, Where::Elsewhere, kNodePort, kOutside,
             "forward ready_endpoints"},
        Case{"E7_OutsidersAreDroppedAtNodePorts", kLocal, Where::Elsewhere, kNodePort, kOutside,
             "drop no_local_endpoints"},
        Case{"E7_AndAtExternalIps", kLocal, Where::Elsewhere, kExternalIp, kOutside,
             "drop no_local_endpoints"},
        Case{"E7_AndAtVips", kLocal, Where::Elsewhere, kVip, kOutside, "drop no_local_endpoints"},
        Case{"E8_TheNodeIsNot", kLocal, Where::Elsewhere, kNodePort, kNode,
             "forward ready_endpoints"},
        Case{"E8_TheNodeIsNotAtVips", kLocal, Where::Elsewhere, kVip, kNode,
             "forward ready_endpoints"},
        Case{"E8_ItsPodsAreNot", kLocal, Where::Elsewhere, kExternalIp, kPod,
             "forward ready_endpoints"},
        Case{"E7_WithAnEndpointHereNobodyIs", kLocal, Where::Here, kNodePort, kOutside,
             "forward ready_endpoints"},
        Case{"F1_OutOfRangeIsADropAtVips", kCluster, Where::Here, kVip, kOutOfRange,
             "drop source_ranges"},
        Case{"F1_AndNowhereElse", kCluster, Where::Here, kNodePort, kOutOfRange,
             "forward ready_endpoints"},
        Case{"F1_ForTheNodesPodsToo", kLocal, Where::Here, kVip, kPod, "drop source_ranges"},
        Case{"E7_ComesBeforeF1", kLocal, Where::Elsewhere, kVip, kOutOfRange,
             "drop no_local_endpoints"},
        Case{"E9_ComesBeforeF1", kCluster, Where::Nowhere, kVip, kOutOfRange,
             "reject no_endpoints"},
        Case{"E9_ComesBeforeE7", kLocal, Where::Nowhere, kNodePort, kOutside,
             "reject no_endpoints"}),
    [](const auto& row) { return row.param.name; });

TEST(ConnectionVerdict, IsARefusalWhereTheServiceHasNoSuchAddress) {
  Tables tables;
  tables.services.upsert(test::service("web").cluster_ip("10.0.0.1").port("http", 80));
  tables.slices.upsert(test::slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1"));
  const auto table = tables.build();
  const ServicePortEntry& entry = *find(*table, "default/web:http/TCP/IPv4");

  const ConnectionVerdict verdict =
      verdict_for(entry, kNodePort, ClientKind::Outside, ip(kOutside), table->node());

  EXPECT_EQ(verdict.verdict, Verdict::Reject);
  EXPECT_EQ(verdict.decision, nullptr);
}

struct JudgedCase {
  const char* name;
  TrafficPolicy external;
  Where endpoint;
  const char* client;
  bool is_judged;
  bool is_proxied;
  const char* verdict;
};
std::ostream& operator<<(std::ostream& out, const JudgedCase& each) { return out << each.name; }

class JudgedVerdicts : public ::testing::TestWithParam<JudgedCase> {};

TEST_P(JudgedVerdicts, CountWhomTheKernelHasLetIn) {
  const JudgedCase& row = GetParam();
  const auto table = table_of(row.external, row.endpoint);
  const ServicePortEntry* entry = find(*table, "default/web:http/TCP/IPv4");
  ASSERT_NE(entry, nullptr);
  Entrance entrance(entry->id, kVip);
  entrance.is_judged = row.is_judged;

  const ConnectionVerdict verdict = verdict_for(
      *entry, {entrance, ip(row.client), ip("198.51.100.1"), row.is_proxied}, table->node());

  EXPECT_EQ(std::string(to_string(verdict.verdict)) + ' ' + std::string(to_string(verdict.reason)),
            row.verdict);
}

INSTANTIATE_TEST_SUITE_P(
    Clients, JudgedVerdicts,
    ::testing::Values(JudgedCase{"E7_WithoutTheKernelAddressesDecide", kLocal, Where::Elsewhere,
                                 kOutside, false, false, "drop no_local_endpoints"},
                      JudgedCase{"E8_WhomItLetInIsOfThisNode", kLocal, Where::Elsewhere, kOutside,
                                 true, false, "forward ready_endpoints"},
                      JudgedCase{"E7_ItHasNotSeenWhomAHeaderNames", kLocal, Where::Elsewhere,
                                 kOutside, true, true, "drop no_local_endpoints"},
                      JudgedCase{"E8_WhatComesFromTheAddressItselfIsOfThisNode", kLocal,
                                 Where::Elsewhere, "198.51.100.1", false, false,
                                 "forward ready_endpoints"},
                      JudgedCase{"F1_RangesCountAllTheSame", kLocal, Where::Elsewhere, kOutOfRange,
                                 true, false, "drop source_ranges"},
                      JudgedCase{"E9_WhatNobodyServesIsRefused", kLocal, Where::Nowhere, kOutside,
                                 true, false, "reject no_endpoints"}),
    [](const auto& row) { return row.param.name; });

TEST(ConnectionVerdict, E8_F7_WhoCameInByAPodsInterfaceOrFromThisMachineIsNoOutsider) {
  const auto table = table_of(kLocal, Where::Elsewhere);
  const ServicePortEntry* entry = find(*table, "default/web:http/TCP/IPv4");
  ASSERT_NE(entry, nullptr);
  Asking asking{Entrance(entry->id, kVip), ip(kOutside), ip("198.51.100.1")};
  const auto verdict = [&](ClientKind by_interface) {
    asking.by_interface = by_interface;
    return verdict_for(*entry, asking, table->node()).verdict;
  };

  EXPECT_EQ(verdict(ClientKind::Outside), Verdict::Drop);
  EXPECT_EQ(verdict(ClientKind::Pod), Verdict::Forward);
  EXPECT_EQ(verdict(ClientKind::Node), Verdict::Forward);
  asking.client = ip(kOutOfRange);
  EXPECT_EQ(verdict(ClientKind::Pod), Verdict::Drop) << "source ranges are of addresses (F1)";
}

TEST(IsExternalLocal, ExceptOfTheClusterIp) {
  const auto local = table_of(kLocal, Where::Here);
  const auto cluster = table_of(kCluster, Where::Here);
  const ServicePort& with = find(*local, "default/web:http/TCP/IPv4")->service_port;
  const ServicePort& without = find(*cluster, "default/web:http/TCP/IPv4")->service_port;

  for (const AddressKind kind : {kNodePort, kExternalIp, kVip}) {
    EXPECT_TRUE(is_external_local(with, kind));
    EXPECT_FALSE(is_external_local(without, kind));
  }
  EXPECT_FALSE(is_external_local(with, kClusterIp));
}

struct Dependence {
  const char* name;
  TrafficPolicy external;
  AddressKind kind;
  bool depends;
};
std::ostream& operator<<(std::ostream& out, const Dependence& each) { return out << each.name; }

class DependsOnClient : public ::testing::TestWithParam<Dependence> {};

TEST_P(DependsOnClient, WithALocalPolicyOrWithRanges) {
  const auto table = table_of(GetParam().external, Where::Here);

  EXPECT_EQ(depends_on_client(*find(*table, "default/web:http/TCP/IPv4"), GetParam().kind),
            GetParam().depends);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, DependsOnClient,
    ::testing::Values(Dependence{"E6_AClusterIpHasNoRanges", kCluster, kClusterIp, false},
                      Dependence{"F1_ANodePortHasNone", kCluster, kNodePort, false},
                      Dependence{"F1_AnExternalIpHasNone", kCluster, kExternalIp, false},
                      Dependence{"F1_AVipHas", kCluster, kVip, true},
                      Dependence{"E7_ItsPolicyIsNotTheClusterIps", kLocal, kClusterIp, false},
                      Dependence{"E8_NodePortsTellTheNodeApart", kLocal, kNodePort, true},
                      Dependence{"E8_ExternalIpsToo", kLocal, kExternalIp, true},
                      Dependence{"E8_VipsToo", kLocal, kVip, true}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace wherry::balancer
