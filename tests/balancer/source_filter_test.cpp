#include "balancer/source_filter.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using test::cidr;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Everywhere { No, Yes };

struct Case {
  const char* name;
  std::vector<const char*> ranges;
  AddressKind kind;
  const char* client;
  bool allowed;
  Everywhere everywhere = Everywhere::No;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

/// As the Service is flattened, so that the oddities of both halves are covered together.
ServicePort flattened(const std::vector<const char*>& ranges, IpFamily family,
                      Everywhere everywhere) {
  auto service = test::service("web")
                     .type(model::ServiceType::LoadBalancer)
                     .cluster_ip("10.0.0.1")
                     .cluster_ip("fd00::1")
                     .port("http", 80)
                     .node_port(30080)
                     .load_balancer_ip("198.51.100.1")
                     .load_balancer_ip("198.51.100.2")
                     .load_balancer_ip("2001:db8::1")
                     .external_ip("203.0.113.1");
  for (const char* range : ranges) service.source_range(range);
  FlattenRules rules;
  rules.source_ranges_everywhere = everywhere == Everywhere::Yes;
  for (const ServicePort& port : flatten(service, rules).ports) {
    if (port.key.family == family) return port;
  }
  throw std::logic_error("no such family");
}

NodeView node() {
  NodeView view;
  view.addresses = {ip("192.0.2.7"), ip("2001:db8:7::7")};
  return view;
}

class SourceFilter : public ::testing::TestWithParam<Case> {};

TEST_P(SourceFilter, LetsInWhomTheRangesName) {
  const Case& row = GetParam();
  const IpAddress client = ip(row.client);
  const ServicePort port = flattened(row.ranges, client.family(), row.everywhere);

  EXPECT_EQ(source_is_allowed(port, row.kind, client, node()), row.allowed);

  // What the kernel is given says the same.
  if (!source_ranges_count(port, row.kind)) {
    EXPECT_TRUE(row.allowed);
    return;
  }
  bool listed = false;
  for (const Cidr& each : allowed_sources(port, node())) listed = listed || each.contains(client);
  EXPECT_EQ(listed, row.allowed);
}

constexpr auto kLoadBalancer = AddressKind::LoadBalancerIp;

INSTANTIATE_TEST_SUITE_P(
    Rows, SourceFilter,
    ::testing::Values(
        Case{"F1_NoRangeLetsEverybodyIn", {}, kLoadBalancer, "203.0.113.9", true},
        Case{"F1_OneInARangeMay",
             {"10.0.0.0/8", "203.0.113.0/24"},
             kLoadBalancer,
             "203.0.113.9",
             true},
        Case{"F1_OneInNoRangeMayNot", {"10.0.0.0/8"}, kLoadBalancer, "203.0.113.9", false},
        Case{"F1_TheFirstAndTheLastOfARange",
             {"203.0.113.8/31"},
             kLoadBalancer,
             "203.0.113.9",
             true},
        Case{"F1_OnePastARange", {"203.0.113.8/31"}, kLoadBalancer, "203.0.113.10", false},
        Case{"F1_AnySlashZeroIsEverybody",
             {"10.0.0.0/8", "0.0.0.0/0"},
             kLoadBalancer,
             "203.0.113.9",
             true},
        Case{"F1_ASlashZeroOfTheOtherFamilyIsNobodyHere",
             {"10.0.0.0/8", "::/0"},
             kLoadBalancer,
             "203.0.113.9",
             false},
        Case{"F1_OnlyTheOtherFamilyIsEverybody",
             {"2001:db8:1::/48"},
             kLoadBalancer,
             "203.0.113.9",
             true},
        Case{"F1_OnlyTheOtherFamilyIsEverybodyInIpv6Too",
             {"10.0.0.0/8"},
             kLoadBalancer,
             "2001:db8:9::1",
             true},
        Case{"F1_Ipv6RangesCount", {"2001:db8:1::/48"}, kLoadBalancer, "2001:db8:1::1", true},
        Case{"F1_AndKeepOthersOut", {"2001:db8:1::/48"}, kLoadBalancer, "2001:db8:2::1", false},
        Case{"F1_ThePodsOfThisNodeAreNoException",
             {"203.0.113.0/24"},
             kLoadBalancer,
             "10.244.1.9",
             false},
        Case{"F1_TheVipMayWhereARangeHasTheNode",
             {"192.0.2.0/24"},
             kLoadBalancer,
             "198.51.100.1",
             true},
        Case{"F1_AnyVipOfTheServiceMayThen", {"192.0.2.0/24"}, kLoadBalancer, "198.51.100.2", true},
        Case{"F1_TheVipMayNotWhereNoRangeHasTheNode",
             {"10.0.0.0/8"},
             kLoadBalancer,
             "198.51.100.1",
             false},
        Case{"F1_TheExternalIpMayNotForAll", {"192.0.2.0/24"}, kLoadBalancer, "203.0.113.1", false},
        Case{"F1_TheVipMayInIpv6Too", {"2001:db8:7::/64"}, kLoadBalancer, "2001:db8::1", true},
        Case{"F1_NeverOnNodePorts", {"10.0.0.0/8"}, AddressKind::NodePort, "203.0.113.9", true},
        Case{"F1_NeverOnExternalIps", {"10.0.0.0/8"}, AddressKind::ExternalIp, "203.0.113.9", true},
        Case{
            "F1_NeverOnTheClusterIp", {"10.0.0.0/8"}, AddressKind::ClusterIp, "203.0.113.9", true}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(Everywhere, SourceFilter,
                         ::testing::Values(Case{"F1_EverywhereIsOnNodePortsToo",
                                                {"10.0.0.0/8"},
                                                AddressKind::NodePort,
                                                "203.0.113.9",
                                                false,
                                                Everywhere::Yes},
                                           Case{"F1_EverywhereIsOnExternalIpsToo",
                                                {"10.0.0.0/8"},
                                                AddressKind::ExternalIp,
                                                "203.0.113.9",
                                                false,
                                                Everywhere::Yes},
                                           Case{"F1_EverywhereLetsThoseInTheRangesIn",
                                                {"10.0.0.0/8"},
                                                AddressKind::NodePort,
                                                "10.1.2.3",
                                                true,
                                                Everywhere::Yes},
                                           Case{"F1_EverywhereIsNotTheClusterIp",
                                                {"10.0.0.0/8"},
                                                AddressKind::ClusterIp,
                                                "203.0.113.9",
                                                true,
                                                Everywhere::Yes},
                                           Case{
                                               "F1_EverywhereTheExternalIpMayWhereARangeHasTheNode",
                                               {"192.0.2.0/24"},
                                               AddressKind::ExternalIp,
                                               "203.0.113.1",
                                               true,
                                               Everywhere::Yes},
                                           Case{"F1_EverywhereWithoutRangesIsEverybody",
                                                {},
                                                AddressKind::NodePort,
                                                "203.0.113.9",
                                                true,
                                                Everywhere::Yes}),
                         [](const auto& row) { return row.param.name; });

TEST(SourceFilter, F1_OnANodeWithoutAddressesTheRangesAreAll) {
  const ServicePort port = flattened({"192.0.2.0/24"}, IpFamily::IPv4, Everywhere::No);

  EXPECT_THAT(allowed_sources(port, NodeView()), ElementsAre(cidr("192.0.2.0/24")));
  EXPECT_FALSE(source_is_allowed(port, kLoadBalancer, ip("198.51.100.1"), NodeView()));
}

TEST(AddressKind, HasTheWordsOfTheApi) {
  EXPECT_EQ(to_string(AddressKind::ClusterIp), "clusterIP");
  EXPECT_EQ(to_string(AddressKind::NodePort), "nodePort");
  EXPECT_EQ(to_string(AddressKind::ExternalIp), "externalIP");
  EXPECT_EQ(to_string(AddressKind::LoadBalancerIp), "loadBalancerIP");
}

}  // namespace
}  // namespace wherry::balancer
