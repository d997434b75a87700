#include "proxy/steer/node_network.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>

namespace wherry::steer {
namespace {

using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Cidr cidr(const char* text) { return *Cidr::parse(text); }

/// A node with two networks, two pods' interfaces and a tunnel to other nodes.
class NodeNetworkTest : public ::testing::Test {
 protected:
  NodeNetworkTest() {
    add("lo", "", {"127.0.0.1", "::1", "198.51.100.1"}).is_loopback = true;
    add("eth0", "", {"192.0.2.1", "2001:db8::1", "fe80::1"});
    add("eth1", "", {"10.1.0.1"});
    add("cali1", "veth", {});
    add("cni0", "bridge", {"10.244.1.1", "fd44:1::1"});
    add("flannel.1", "vxlan", {"10.244.1.0"});
    add("kube-ipvs0", "dummy", {"10.96.0.10"});
    route("192.0.2.0/24", 2);
    route("0.0.0.0/0", 2, true);
    route("10.1.0.0/24", 3);
    route("10.244.9.7/32", 4);
    route("fe80::/64", 4);
    route("10.244.1.0/24", 5);
    route("fd44:1::/64", 5);
    route("10.244.1.0/24", 5);
    route("10.244.2.0/24", 6);
    route("10.244.3.0/24", 2, true);
  }
  Interface& add(const char* name, const char* kind, const std::vector<const char*>& addresses) {
    Interface interface{
        .index = static_cast<unsigned>(network_.interfaces.size()) + 1, .name = name, .kind = kind};
    for (const char* each : addresses) {
      interface.addresses.push_back({.ip = ip(each), .prefix_length = 24});
    }
    network_.interfaces.push_back(interface);
    return network_.interfaces.back();
  }
  void route(const char* destination, unsigned interface, bool has_gateway = false) {
    network_.routes.push_back({cidr(destination), interface, has_gateway});
  }

  static const inline std::vector<IpAddress> kNode{ip("192.0.2.1"), ip("2001:db8::1")};
  NetworkState network_;
};

TEST_F(NodeNetworkTest, F2_ServesNodePortsOnAllAddressesByDefault) {
  EXPECT_THAT(node_port_addresses(network_, {}, kNode),
              ElementsAre(ip("10.1.0.1"), ip("10.244.1.0"), ip("10.244.1.1"), ip("192.0.2.1"),
                          ip("198.51.100.1"), ip("2001:db8::1"), ip("fd44:1::1"), ip("fe80::1")));
}

TEST_F(NodeNetworkTest, F2_ServesNodePortsInTheBlocksAndTheOtherFamilyEverywhere) {
  EXPECT_THAT(
      node_port_addresses(network_, {.cidrs = {cidr("10.1.0.0/16"), cidr("192.0.2.0/25")}}, kNode),
      ElementsAre(ip("10.1.0.1"), ip("192.0.2.1"), ip("2001:db8::1"), ip("fd44:1::1"),
                  ip("fe80::1")));
}

TEST_F(NodeNetworkTest, F2_ServesNodePortsNowhereInAFamilyWhoseBlocksHoldNothing) {
  EXPECT_THAT(node_port_addresses(
                  network_, {.cidrs = {cidr("203.0.113.0/24"), cidr("2001:db8::/64")}}, kNode),
              ElementsAre(ip("2001:db8::1")));
}

TEST_F(NodeNetworkTest, F2_ServesNodePortsOnTheNodesOwnAddresses) {
  EXPECT_THAT(node_port_addresses(network_, {.primary = true},
                                  {ip("192.0.2.1"), ip("10.1.0.1"), ip("2001:db8::1")}),
              ElementsAre(ip("192.0.2.1"), ip("2001:db8::1")));
}

TEST_F(NodeNetworkTest, F2_ServesNodePortsOnTheNodesOwnAddressesAndInTheBlocks) {
  EXPECT_THAT(
      node_port_addresses(network_, {.primary = true, .cidrs = {cidr("10.1.0.0/16")}}, kNode),
      ElementsAre(ip("10.1.0.1"), ip("192.0.2.1"), ip("2001:db8::1")));
  EXPECT_THAT(node_port_addresses(
                  network_, {.primary = true, .cidrs = {cidr("2001:db8::/64"), cidr("fd44::/16")}},
                  {ip("192.0.2.1")}),
              ElementsAre(ip("192.0.2.1"), ip("2001:db8::1"), ip("fd44:1::1")))
      << "a block of the family that the node has no address of takes the place of all";
}

TEST_F(NodeNetworkTest, F2_ServesNodePortsOnLoopbackAloneWhereNothingElseIsNamed) {
  EXPECT_THAT(
      node_port_addresses(network_, {.cidrs = {cidr("127.0.0.0/8"), cidr("::1/128")}}, kNode),
      IsEmpty());
}

TEST_F(NodeNetworkTest, F2_ServesAFamilyThatTheNodeHasNoAddressOfEverywhere) {
  EXPECT_THAT(node_port_addresses(network_, {.primary = true}, {ip("192.0.2.1")}),
              ElementsAre(ip("192.0.2.1"), ip("2001:db8::1"), ip("fd44:1::1"), ip("fe80::1")));
}

TEST_F(NodeNetworkTest, H3_HealthChecksAreAnsweredEverywhereByDefault) {
  EXPECT_THAT(health_check_addresses(network_, {}, kNode), ElementsAre(ip("0.0.0.0"), ip("::")));
  EXPECT_THAT(
      health_check_addresses(network_, {.cidrs = {cidr("10.1.0.0/16"), cidr("0.0.0.0/0")}}, kNode),
      ElementsAre(ip("0.0.0.0"), ip("::")));
}

TEST_F(NodeNetworkTest, H3_HealthChecksAreAnsweredInTheBlocksAndTheOtherFamilyEverywhere) {
  EXPECT_THAT(
      health_check_addresses(network_, {.cidrs = {cidr("10.0.0.0/8"), cidr("127.0.0.0/8")}}, kNode),
      ElementsAre(ip("10.1.0.1"), ip("10.244.1.0"), ip("10.244.1.1"), ip("127.0.0.1"), ip("::")))
      << "without what IPVS has left";
  EXPECT_THAT(health_check_addresses(network_, {.cidrs = {cidr("203.0.113.0/24")}}, kNode),
              ElementsAre(ip("::")));
}

TEST_F(NodeNetworkTest, H3_HealthChecksAreAnsweredOnTheNodesOwnAddresses) {
  EXPECT_THAT(health_check_addresses(network_, {.primary = true}, kNode),
              ElementsAre(ip("192.0.2.1"), ip("2001:db8::1")));
}

TEST_F(NodeNetworkTest, F2_ASocketOfItsOwnIsOnLoopbackTooOrOnTheWildcard) {
  const NodePortRule rule{.cidrs = {cidr("10.1.0.0/16")}};
  EXPECT_THAT(node_port_listen_addresses(IpFamily::IPv4, network_, rule, kNode),
              ElementsAre(ip("10.1.0.1"), ip("127.0.0.1")));
  EXPECT_THAT(node_port_listen_addresses(IpFamily::IPv6, network_, rule, kNode),
              ElementsAre(ip("::")))
      << "link-local addresses, which need a link to be named, are behind it";
  EXPECT_THAT(node_port_listen_addresses(IpFamily::IPv6, network_,
                                         {.cidrs = {cidr("127.0.0.0/8"), cidr("::1/128")}}, kNode),
              ElementsAre(ip("::1")));
  EXPECT_THAT(node_port_listen_addresses(IpFamily::IPv4, network_, {}, kNode),
              ElementsAre(ip("0.0.0.0")));
}

TEST_F(NodeNetworkTest, H3_AnAddressThatCanNotBeListenedOnIsLeftOut) {
  network_.interfaces[1].addresses.push_back({.ip = ip("fe80::2"), .is_link_local = true});
  network_.interfaces[1].addresses.push_back({.ip = ip("fe80:1::3"), .is_tentative = true});
  network_.interfaces[1].addresses.push_back({.ip = ip("169.254.1.1"), .is_link_local = true});

  EXPECT_THAT(
      health_check_addresses(
          network_, {.cidrs = {cidr("fe80::2/127"), cidr("fe80:1::/32"), cidr("169.254.0.0/16")}},
          kNode),
      ElementsAre(ip("169.254.1.1")));
}

TEST_F(NodeNetworkTest, FindsPodsWhereNeitherTheNodesAddressNorADefaultRouteIs) {
  const PodNetwork pods = pod_network(network_, kNode);

  EXPECT_THAT(pods.interfaces, ElementsAre(3u, 4u, 5u));
  EXPECT_THAT(pods.blocks, ElementsAre(cidr("10.1.0.0/24"), cidr("10.244.9.7/32"),
                                       cidr("10.244.1.0/24"), cidr("fd44:1::/64")));
}

TEST_F(NodeNetworkTest, TakesAnInterfaceWithADefaultRouteOrTheNodesAddressForNoPods) {
  route("::/0", 3, true);
  network_.interfaces[4].addresses.push_back({.ip = ip("2001:db8::1"), .prefix_length = 64});

  EXPECT_THAT(pod_network(network_, kNode).interfaces, ElementsAre(4u));
}

TEST_F(NodeNetworkTest, TakesOtherNodesBehindATunnelForNoPods) {
  network_.interfaces[3].kind = "wireguard";
  network_.interfaces[4].kind = "ipip";

  EXPECT_THAT(pod_network(network_, kNode).interfaces, ElementsAre(3u));
}

}  // namespace
}  // namespace wherry::steer
