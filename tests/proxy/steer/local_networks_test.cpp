#include "proxy/steer/local_networks.h"

#include "proxy/steer/ingress_keeper.h"
#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::steer {
namespace {

using test::cidr;
using test::ip;

Interface interface(unsigned index, const char* name, const char* kind,
                    const std::vector<const char*>& addresses = {}, unsigned master = 0) {
  Interface made;
  made.index = index;
  made.name = name;
  made.kind = kind;
  made.is_loopback = made.name == "lo";
  made.master = master;
  made.mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(index)};
  for (const char* address : addresses) {
    made.addresses.push_back(
        {.ip = ip(address), .prefix_length = 24, .is_link_local = false, .is_tentative = false});
  }
  return made;
}

/// A node with a card, a second one for storage, a bridge of pods, and a pod with a route of its
/// own.
NetworkState node() {
  NetworkState state;
  state.interfaces = {interface(1, "lo", "", {"127.0.0.1", "::1"}),
                      interface(2, "eth0", "", {"192.0.2.7"}),
                      interface(3, "eth1", "", {"10.50.0.7"}),
                      interface(4, "cni0", "bridge", {"10.244.1.1"}),
                      interface(5, "veth5", "veth", {}, 4),
                      interface(6, "cali6", "veth", {"fe80::1"}),
                      interface(7, "flannel.1", "vxlan", {"10.244.1.0"}),
                      interface(8, "uplink", "veth", {"203.0.113.1"}),
                      interface(9, "br1", "bridge", {"10.60.0.1"}),
                      interface(10, "eth2", "", {}, 9)};
  state.routes = {{cidr("0.0.0.0/0"), 2, true},       {cidr("192.0.2.0/24"), 2, false},
                  {cidr("10.50.0.0/24"), 3, false},   {cidr("10.244.1.0/24"), 4, false},
                  {cidr("10.9.0.5/32"), 6, false},    {cidr("fe80::/64"), 6, false},
                  {cidr("10.244.2.0/24"), 7, true},   {cidr("10.244.3.0/24"), 7, false},
                  {cidr("203.0.113.0/24"), 8, false}, {cidr("0.0.0.0/0"), 8, true},
                  {cidr("10.60.0.0/24"), 9, false},   {cidr("10.70.0.0/24"), 6, true}};
  return state;
}

const std::vector<IpAddress> kNode = {ip("192.0.2.7")};

TEST(LocalNetworks, ArePodCidrsAndWhatIsOnLinkBehindInterfacesOfPods) {
  const std::vector<Cidr> pod_cidrs = {cidr("10.245.0.0/24")};

  const auto networks = local_networks(node(), pod_cidrs, kNode);

  for (const char* pod : {"10.245.0.9", "10.244.1.9", "10.9.0.5"}) {
    EXPECT_TRUE(networks.has_pod(ip(pod))) << pod;
  }
}

TEST(LocalNetworks, NothingElseIs) {
  const auto networks = local_networks(node(), {}, kNode);

  const std::vector<std::pair<const char*, const char*>> others = {
      {"192.0.2.8", "the node's own network"},    {"10.50.0.9", "a second card"},
      {"10.244.2.9", "behind a gateway"},         {"10.244.3.9", "a tunnel to other nodes"},
      {"203.0.113.9", "where a default goes"},    {"10.60.0.9", "a bridge with a card as its port"},
      {"10.70.0.9", "behind a gateway, too"},     {"fe80::9", "link-local"},
      {"10.244.1.1", "the bridge's own address"}, {"8.8.8.8", "anywhere"}};
  for (const auto& [address, what] : others) {
    EXPECT_FALSE(networks.has_pod(ip(address))) << what;
  }
}

TEST(LocalNetworks, WithoutTheNodesAddressesOnlyItsPodCidrsCount) {
  const std::vector<Cidr> pod_cidrs = {cidr("10.245.0.0/24")};

  const auto networks = local_networks(node(), pod_cidrs, {});

  EXPECT_TRUE(networks.has_pod(ip("10.245.0.9")));
  EXPECT_FALSE(networks.has_pod(ip("10.244.1.9")));
}

TEST(LocalNetworks, EveryAddressOfAnInterfaceIsTheNodesOwn) {
  const auto networks = local_networks(node(), {}, kNode);

  for (const char* own : {"192.0.2.7", "10.50.0.7", "10.244.1.1", "127.0.0.5", "::1"}) {
    EXPECT_TRUE(networks.is_own(ip(own))) << own;
  }
  EXPECT_FALSE(networks.is_own(ip("192.0.2.8")));
}

TEST(ReturnScope, HasOwnAddressesAndTheBridgesOfPorts) {
  const bpf::ReturnScope scope = return_scope(node());

  EXPECT_NE(std::find(scope.own.begin(), scope.own.end(), ip("10.50.0.7")), scope.own.end());
  ASSERT_EQ(scope.bridges.size(), 2u);
  EXPECT_EQ(scope.bridges.at(5), (bpf::MacAddress{2, 0, 0, 0, 0, 4}));
  EXPECT_EQ(scope.bridges.at(10), (bpf::MacAddress{2, 0, 0, 0, 0, 9}));
}

}  // namespace
}  // namespace wherry::steer
