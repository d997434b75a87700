#include "proxy/steer/interfaces.h"

#include "tests/proxy/steer/in_namespace.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>

#include <linux/netlink.h>

namespace wherry::steer {
namespace {

using test::ip;
using ::testing::Contains;
using ::testing::IsEmpty;

const Interface* find(const NetworkState& state, std::string_view name) {
  for (const Interface& each : state.interfaces) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool has_route(const NetworkState& state, std::string_view destination, std::string_view interface,
               bool has_gateway) {
  const Interface* const over = find(state, interface);
  for (const UnicastRoute& each : state.routes) {
    if (each.destination.to_string() == destination && over != nullptr &&
        each.interface == over->index && each.has_gateway == has_gateway) {
      return true;
    }
  }
  return false;
}

TEST(NetlinkReader, SeesInterfacesTheirKindsAndTheirAddresses) {
  in_new_network([] {
    ASSERT_TRUE(
        run("ip link add node type veth peer name far && ip link set node up && "
            "ip address add 192.0.2.1/24 dev node && ip address add 192.0.2.5 peer 192.0.2.6 dev "
            "node && ip address add 2001:db8::1/64 dev node nodad && "
            "ip link add bridge type bridge && ip link set bridge arp off && "
            "ip link set far up && ip address add 2001:db8::2/64 dev node && "
            "sysctl -q -w net.ipv4.conf.node.arp_ignore=2"));
    NetlinkSocket netlink(NETLINK_ROUTE);

    const auto state = NetlinkReader(netlink).read();

    ASSERT_TRUE(state) << state.error().message();
    const Interface* const node = find(*state, "node");
    const Interface* const bridge = find(*state, "bridge");
    const Interface* const lo = find(*state, "lo");
    ASSERT_TRUE(node != nullptr && bridge != nullptr && lo != nullptr);
    EXPECT_EQ(node->kind, "veth");
    EXPECT_TRUE(node->is_up && node->has_arp && !node->is_loopback);
    EXPECT_EQ(node->arp, (ArpValues{.ignore = 2, .announce = 0}));
    EXPECT_TRUE(!bridge->is_up && !bridge->has_arp);
    EXPECT_TRUE(lo->is_loopback && !lo->has_arp);
    const auto* const first = state->find(ip("192.0.2.1"));
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(*first, (InterfaceAddress{ip("192.0.2.1"), 24, false, false}));
    EXPECT_NE(state->find(ip("192.0.2.5")), nullptr);
    EXPECT_EQ(state->find(ip("192.0.2.6")), nullptr) << "is the other end's";
    ASSERT_NE(state->find(ip("2001:db8::2")), nullptr);
    EXPECT_TRUE(state->find(ip("2001:db8::2"))->is_tentative);
    EXPECT_FALSE(state->find(ip("2001:db8::1"))->is_tentative);
  });
}

TEST(NetlinkReader, SeesWaysToOthersAndWhetherTheyGoByAGateway) {
  in_new_network([] {
    ASSERT_TRUE(
        run("ip link add node type veth peer name far && ip link set node up && "
            "ip address add 192.0.2.1/24 dev node && ip address add 2001:db8::1/64 dev node nodad "
            "&& ip route add default via 192.0.2.254 && ip route add 10.244.1.0/24 dev node && "
            "ip route add 10.245.0.0/24 table 77 nexthop via 192.0.2.8 nexthop dev node && "
            "ip -6 route add fd44::/64 dev node && ip -6 route add default via 2001:db8::fe && "
            "ip route add local 10.96.0.0/12 dev lo"));
    NetlinkSocket netlink(NETLINK_ROUTE);

    const auto state = NetlinkReader(netlink).read();

    ASSERT_TRUE(state) << state.error().message();
    EXPECT_TRUE(has_route(*state, "192.0.2.0/24", "node", false));
    EXPECT_TRUE(has_route(*state, "0.0.0.0/0", "node", true));
    EXPECT_TRUE(has_route(*state, "10.244.1.0/24", "node", false));
    EXPECT_TRUE(has_route(*state, "10.245.0.0/24", "node", true));
    EXPECT_TRUE(has_route(*state, "10.245.0.0/24", "node", false));
    EXPECT_TRUE(has_route(*state, "fd44::/64", "node", false));
    EXPECT_TRUE(has_route(*state, "::/0", "node", true));
    EXPECT_FALSE(has_route(*state, "10.96.0.0/12", "lo", false));
  });
}

TEST(NetlinkReader, SeesWhatAllInterfacesDoWithArp) {
  in_new_network([] {
    ASSERT_TRUE(
        run("sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"));
    NetlinkSocket netlink(NETLINK_ROUTE);

    EXPECT_EQ(NetlinkReader(netlink).read()->arp_of_all, (ArpValues{1, 2}));
  });
}

TEST(NetlinkArpSwitch, SetsOneInterfaceAndNoOther) {
  in_new_network([] {
    ASSERT_TRUE(run("ip link add node type veth peer name far"));
    NetlinkSocket netlink(NETLINK_ROUTE);
    NetlinkReader reader(netlink);
    const auto before = reader.read();
    ASSERT_TRUE(before);

    EXPECT_FALSE(NetlinkArpSwitch(netlink).set(find(*before, "node")->index, {3, 2}));

    const auto after = reader.read();
    ASSERT_TRUE(after);
    EXPECT_EQ(find(*after, "node")->arp, (ArpValues{3, 2}));
    EXPECT_EQ(find(*after, "far")->arp, (ArpValues{0, 0}));
    EXPECT_EQ(output_of("sysctl -n net.ipv4.conf.node.arp_ignore net.ipv4.conf.node.arp_announce"),
              "3\n2\n");
  });
}

TEST(NetlinkArpSwitch, SaysWhenAnInterfaceIsGone) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);

    EXPECT_TRUE(NetlinkArpSwitch(netlink).set(4711, {3, 2}));
  });
}

}  // namespace
}  // namespace wherry::steer
