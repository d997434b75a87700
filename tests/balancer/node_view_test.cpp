#include "balancer/node_view.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace wherry::balancer {
namespace {

using test::cidr;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NodeView, W3_HasWhatTheNodeSays) {
  const NodeView view = view_of(&test::node("node-1")
                                     .zone("zone-a")
                                     .address("192.0.2.7")
                                     .address("2001:db8::7")
                                     .pod_cidr("10.244.1.0/24")
                                     .get(),
                                "node-1");

  EXPECT_EQ(view.topology, (NodeTopology{"node-1", "zone-a"}));
  EXPECT_THAT(view.addresses, ElementsAre(ip("192.0.2.7"), ip("2001:db8::7")));
  EXPECT_THAT(view.pod_cidrs, ElementsAre(cidr("10.244.1.0/24")));
}

TEST(NodeView, W9_WithoutANodeItHasTheNameThatWasGiven) {
  const NodeView view = view_of(nullptr, "node-1");

  EXPECT_EQ(view.topology, (NodeTopology{"node-1", ""}));
  EXPECT_THAT(view.addresses, IsEmpty());
  EXPECT_THAT(view.pod_cidrs, IsEmpty());
}

TEST(NodeView, W10_TheFirstAddressOfAFamilyIsTheNodes) {
  NodeView view;
  view.addresses = {ip("192.0.2.7"), ip("192.0.2.8"), ip("2001:db8::7")};

  EXPECT_EQ(view.address(IpFamily::IPv4), ip("192.0.2.7"));
  EXPECT_EQ(view.address(IpFamily::IPv6), ip("2001:db8::7"));
  EXPECT_EQ(NodeView().address(IpFamily::IPv4), std::nullopt);
}

struct Case {
  const char* name;
  const char* client;
  const char* destination;
  ClientKind kind;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class ClientKinds : public ::testing::TestWithParam<Case> {};

TEST_P(ClientKinds, FollowFromTheAddresses) {
  const NodeView node = view_of(&test::node("node-1")
                                     .address("192.0.2.7")
                                     .address("2001:db8::7")
                                     .address("10.244.1.1")
                                     .pod_cidr("10.244.1.0/24")
                                     .pod_cidr("fd00:1::/64")
                                     .get(),
                                "node-1");

  EXPECT_EQ(client_kind(ip(GetParam().client), ip(GetParam().destination), node), GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ClientKinds,
    ::testing::Values(
        Case{"E8_AnAddressOfTheNode", "192.0.2.7", "198.51.100.1", ClientKind::Node},
        Case{"E8_ItsOtherFamily", "2001:db8::7", "2001:db8::99", ClientKind::Node},
        Case{"E8_ALoopbackAddress", "127.0.0.9", "127.0.0.1", ClientKind::Node},
        Case{"E8_TheIpv6Loopback", "::1", "::1", ClientKind::Node},
        Case{"E8_TheAddressThatItGoesTo", "198.51.100.1", "198.51.100.1", ClientKind::Node},
        Case{"E8_APodOfThisNode", "10.244.1.9", "198.51.100.1", ClientKind::Pod},
        Case{"E8_APodOfTheOtherFamily", "fd00:1::9", "2001:db8::99", ClientKind::Pod},
        Case{"E8_TheNodesBridgeInThePodsBlock", "10.244.1.1", "198.51.100.1", ClientKind::Node},
        Case{"E8_APodOfAnotherNodeIsOutside", "10.244.2.9", "198.51.100.1", ClientKind::Outside},
        Case{"E8_AnybodyElseIsOutside", "203.0.113.5", "198.51.100.1", ClientKind::Outside}),
    [](const auto& row) { return row.param.name; });

TEST(ClientKind, OnANodeThatSaysNothingEverybodyButTheMachineIsOutside) {
  const NodeView nothing;

  EXPECT_EQ(client_kind(ip("10.244.1.9"), ip("192.0.2.7"), nothing), ClientKind::Outside);
  EXPECT_EQ(client_kind(ip("192.0.2.7"), ip("192.0.2.7"), nothing), ClientKind::Node);
}

TEST(ClientKind, HasTheWordsThatPeopleRead) {
  EXPECT_EQ(to_string(ClientKind::Outside), "outside");
  EXPECT_EQ(to_string(ClientKind::Node), "node");
  EXPECT_EQ(to_string(ClientKind::Pod), "pod");
}

}  // namespace
}  // namespace wherry::balancer
