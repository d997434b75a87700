#include "balancer/client_filter.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using model::TrafficPolicy;
using test::ip;

enum class Where { Here, Elsewhere, Nowhere };

struct Case {
  const char* name;
  TrafficPolicy internal;
  TrafficPolicy external;
  Where endpoint;
  std::vector<const char*> ranges;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

const std::vector<AddressKind> kKinds = {AddressKind::ClusterIp, AddressKind::NodePort,
                                         AddressKind::ExternalIp, AddressKind::LoadBalancerIp};
const std::vector<const char*> kClients = {"203.0.113.9", "203.0.113.200", "192.0.2.7",
                                           "10.244.1.9",  "127.0.0.1",     "198.51.100.1",
                                           "192.0.2.9"};

class ClientFilters : public ::testing::TestWithParam<Case> {};

/// The filter and the verdict are two forms of one rule: they agree about everybody.
TEST_P(ClientFilters, AnswerWhomTheVerdictDoesNotDrop) {
  const Case& row = GetParam();
  Tables tables;
  tables.builder.set_node(view_of(
      &test::node("node-1").address("192.0.2.7").pod_cidr("10.244.1.0/24").get(), "node-1"));
  auto service = test::service("web")
                     .type(model::ServiceType::LoadBalancer)
                     .cluster_ip("10.0.0.1")
                     .port("http", 80)
                     .node_port(30080)
                     .external_ip("198.51.100.2")
                     .load_balancer_ip("198.51.100.1")
                     .internal_policy(row.internal)
                     .external_policy(row.external);
  for (const char* range : row.ranges) service.source_range(range);
  tables.services.upsert(service);
  if (row.endpoint != Where::Nowhere) {
    tables.slices.upsert(test::slice("web-1", "web")
                             .port("http", 8080)
                             .endpoint("10.1.0.1")
                             .on_node(row.endpoint == Where::Here ? "node-1" : "node-2"));
  }
  const auto table = tables.build();
  const ServicePortEntry& entry = *find(*table, "default/web:http/TCP/IPv4");

  for (const AddressKind kind : kKinds) {
    EXPECT_EQ(is_served(entry, kind), row.endpoint != Where::Nowhere) << to_string(kind);
    if (!is_served(entry, kind)) continue;
    const ClientFilter filter = client_filter(entry, kind, table->node());
    const IpAddress destination = ip("198.51.100.1");
    for (const char* client : kClients) {
      const ConnectionVerdict verdict =
          verdict_for(entry, kind, client_kind(ip(client), destination, table->node()), ip(client),
                      table->node());
      EXPECT_EQ(filter.answers(ip(client), destination), verdict.verdict != Verdict::Drop)
          << to_string(kind) << " from " << client;
    }
  }
}

constexpr auto kCluster = TrafficPolicy::Cluster;
constexpr auto kLocal = TrafficPolicy::Local;

INSTANTIATE_TEST_SUITE_P(
    Rows, ClientFilters,
    ::testing::Values(
        Case{"E2_Everybody", kCluster, kCluster, Where::Elsewhere, {}},
        Case{"E6_NobodyAtTheClusterIp", kLocal, kCluster, Where::Elsewhere, {}},
        Case{"E7_TheNodeAlone", kCluster, kLocal, Where::Elsewhere, {}},
        Case{"E7_EverybodyWithAnEndpointHere", kLocal, kLocal, Where::Here, {}},
        Case{"F1_ThoseInRange", kCluster, kCluster, Where::Here, {"203.0.113.0/25", "10.0.0.0/8"}},
        Case{"F1_WithTheNodeItsVipsToo", kCluster, kCluster, Where::Here, {"192.0.2.0/29"}},
        Case{"F1_AndTheNodeAlone", kCluster, kLocal, Where::Elsewhere, {"10.0.0.0/8"}},
        Case{"E9_NobodyIsServed", kLocal, kLocal, Where::Nowhere, {"10.0.0.0/8"}}),
    [](const auto& row) { return row.param.name; });

TEST(ClientFilter, SaysWhenItIsNone) {
  EXPECT_TRUE(ClientFilter().everybody());
  EXPECT_FALSE(
      (ClientFilter{.nobody = true, .node_only = false, .node = {}, .ranges = {}}.everybody()));
  EXPECT_FALSE(
      (ClientFilter{.nobody = false, .node_only = true, .node = {}, .ranges = {}}.everybody()));
}

/// Of whom a proxy speaks is known only once its header was read.
TEST(ClientFilter, ThoseThatSpeakForOthersAreAnsweredUnlessNobodyIs) {
  Tables tables;
  NodeView node =
      view_of(&test::node("node-1").address("192.0.2.7").pod_cidr("10.244.1.0/24").get(), "node-1");
  node.proxies = {test::cidr("203.0.113.0/24")};
  tables.builder.set_node(node);
  tables.services.upsert(test::service("web")
                             .type(model::ServiceType::LoadBalancer)
                             .cluster_ip("10.0.0.1")
                             .port("http", 80)
                             .port("dns", 53, {}, Protocol::UDP)
                             .load_balancer_ip("198.51.100.1")
                             .internal_policy(TrafficPolicy::Local)
                             .source_range("10.0.0.0/8"));
  tables.slices.upsert(test::slice("web-1", "web")
                           .port("http", 8080)
                           .port("dns", 53, Protocol::UDP)
                           .endpoint("10.1.0.1")
                           .on_node("node-2"));
  const auto table = tables.build();
  const ServicePortEntry& tcp = *find(*table, "default/web:http/TCP/IPv4");
  const ServicePortEntry& udp = *find(*table, "default/web:dns/UDP/IPv4");
  const IpAddress vip = ip("198.51.100.1");
  const auto answers = [&](const ServicePortEntry& entry, AddressKind kind) {
    return client_filter(entry, kind, table->node()).answers(ip("203.0.113.9"), vip);
  };

  EXPECT_TRUE(answers(tcp, AddressKind::LoadBalancerIp));
  EXPECT_FALSE(answers(udp, AddressKind::LoadBalancerIp));
  EXPECT_FALSE(answers(tcp, AddressKind::ClusterIp));
  // Where all are answered anyway there is no filter.
  EXPECT_TRUE(client_filter(tcp, AddressKind::NodePort, table->node()).everybody());
}

}  // namespace
}  // namespace wherry::balancer
