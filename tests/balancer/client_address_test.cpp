// Whose address a backend sees: who is kept, by client, backend and policy.
#include "balancer/client_address.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using test::cidr;
using test::ip;

LocalNetworks networks() {
  const std::vector<Cidr> pods = {cidr("10.244.1.0/24"), cidr("fd00:10:1::/64"),
                                  cidr("10.9.0.5/32"), cidr("10.9.0.6/32"), cidr("10.244.1.0/24")};
  const std::vector<IpAddress> own = {ip("192.0.2.7"), ip("10.244.1.1"), ip("2001:db8::7"),
                                      ip("172.16.0.1")};
  return {pods, own};
}

enum class Policy { Cluster, Local };
enum class Sees { Client, Node };

constexpr const char* kPod = "10.244.1.9";
constexpr const char* kOtherPod = "10.244.1.10";
constexpr const char* kPodElsewhere = "10.244.2.9";
constexpr const char* kOutside = "203.0.113.9";
constexpr const char* kNode = "192.0.2.7";
constexpr const char* kVip = "10.96.0.10";

struct Case {
  const char* name;
  const char* client;
  const char* backend;
  Policy policy;
  Sees sees;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class WhoseAddress : public ::testing::TestWithParam<Case> {};

TEST_P(WhoseAddress, FollowsTheTable) {
  const Case& row = GetParam();
  const bool v6 = std::string(row.client).find(':') != std::string::npos;

  EXPECT_EQ(keeps_client_address({ip(row.client), ip(v6 ? "fd00:96::10" : kVip), ip(row.backend),
                                  row.policy == Policy::Local},
                                 networks()),
            row.sees == Sees::Client);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WhoseAddress,
    ::testing::Values(
        Case{"F5_PodToPodHere", kPod, kOtherPod, Policy::Cluster, Sees::Client},
        Case{"F5_PodToPodElsewhere", kPod, kPodElsewhere, Policy::Cluster, Sees::Client},
        Case{"F5_PodToAnyHost", kPod, "198.51.100.20", Policy::Cluster, Sees::Client},
        Case{"F5_PodOfARouteOfItsOwn", "10.9.0.6", kPodElsewhere, Policy::Cluster, Sees::Client},
        Case{"F5_PodToPodOverIPv6", "fd00:10:1::9", "fd00:10:2::9", Policy::Cluster, Sees::Client},
        Case{"F5_PodByALocalPolicy", kPod, kPodElsewhere, Policy::Local, Sees::Client},
        Case{"F6_Hairpin", kPod, kPod, Policy::Cluster, Sees::Node},
        Case{"F6_HairpinByALocalPolicy", kPod, kPod, Policy::Local, Sees::Node},
        Case{"PodToHostNetworkHere", kPod, kNode, Policy::Cluster, Sees::Node},
        Case{"PodToHostNetworkHereByAnotherAddress", kPod, "172.16.0.1", Policy::Local, Sees::Node},
        Case{"PodToLoopback", kPod, "127.0.0.1", Policy::Cluster, Sees::Node},
        Case{"PodToTheBridgesAddress", kPod, "10.244.1.1", Policy::Cluster, Sees::Node},
        Case{"OutsideToHostNetworkHere", kOutside, kNode, Policy::Local, Sees::Node},
        Case{"E7_OutsideLocalToPodHere", kOutside, kPod, Policy::Local, Sees::Client},
        Case{"E7_OutsideLocalToPodOfARouteOfItsOwn", kOutside, "10.9.0.5", Policy::Local,
             Sees::Client},
        Case{"E7_OutsideClusterToPodHere", kOutside, kPod, Policy::Cluster, Sees::Node},
        Case{"OutsideLocalToAnotherNode", kOutside, kPodElsewhere, Policy::Local, Sees::Node},
        Case{"OutsideClusterToAnotherNode", kOutside, kPodElsewhere, Policy::Cluster, Sees::Node},
        // It lies in the cluster's CIDR, but its packets don't come back this way.
        Case{"PodOfAnotherNodeToAnotherNode", kPodElsewhere, "10.244.3.9", Policy::Cluster,
             Sees::Node},
        Case{"PodOfAnotherNodeLocalToPodHere", kPodElsewhere, kPod, Policy::Local, Sees::Client},
        Case{"TheNodeToPodHere", kNode, kPod, Policy::Local, Sees::Node},
        Case{"TheNodeByTheBridgesAddress", "10.244.1.1", kPod, Policy::Local, Sees::Node},
        Case{"TheNodeFromTheAddressItGoesTo", kVip, kPod, Policy::Local, Sees::Node},
        Case{"Loopback", "127.0.0.1", kPod, Policy::Local, Sees::Node},
        Case{"OtherFamily", kPod, "fd00:10:1::9", Policy::Cluster, Sees::Node},
        Case{"Unspecified", "0.0.0.0", kPod, Policy::Local, Sees::Node}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(LocalNetworks, WithoutAnythingKnownNobodyKeepsItsAddress) {
  EXPECT_FALSE(keeps_client_address({ip(kPod), ip(kVip), ip(kOtherPod), true}, LocalNetworks()));
}

}  // namespace
}  // namespace wherry::balancer
