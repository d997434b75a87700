#include "proxy/steer/netlink_watch.h"

#include "proxy/steer/local_routes.h"
#include "proxy/steer/mark_rule.h"
#include "proxy/steer/traffic_control.h"
#include "tests/proxy/steer/in_namespace.h"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <functional>
#include <linux/netlink.h>
#include <memory>
#include <net/if.h>
#include <string>
#include <vector>

namespace wherry::steer {
namespace {

/// What a watch says of what `body` does; `own_ports` are passed over.
NetworkChange change_of(const std::vector<std::uint32_t>& own_ports,
                        const std::function<void()>& body) {
  asio::io_context loop;
  NetworkChange all;
  NetworkWatch watch(loop, own_ports.front(), [&all](const NetworkChange& change) {
    all.interfaces |= change.interfaces;
    all.addresses |= change.addresses;
    all.routes |= change.routes;
    all.local_routes |= change.local_routes;
    all.return_path |= change.return_path;
  });
  for (const std::uint32_t port : own_ports) watch.pass_over(port);
  watch.start();
  loop.poll();
  body();
  loop.poll();  // the kernel has told before what it was asked to do has returned
  watch.stop();
  loop.run();
  return all;
}
NetworkChange change_of(std::uint32_t own_port, const std::function<void()>& body) {
  return change_of(std::vector{own_port}, body);
}

TEST(NetworkWatch, TellsWhatKindOfThingHasChanged) {
  in_new_network([] {
    EXPECT_EQ(change_of(0, [] { ASSERT_TRUE(run("ip link add node type veth peer name far")); }),
              (NetworkChange{.interfaces = true}));
    EXPECT_TRUE(
        change_of(0, [] { ASSERT_TRUE(run("ip address add 192.0.2.1/24 dev node")); }).addresses);
    ASSERT_TRUE(run("ip link set node up && ip link set far up"));
    EXPECT_TRUE(
        change_of(0, [] { ASSERT_TRUE(run("ip route add 198.51.100.0/24 dev node")); }).routes);
  });
}

TEST(NetworkWatch, SaysNothingOfWhatWeOurselvesDoToLocalRoutes) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    NetlinkLocalRoutes routes(netlink);
    const std::vector<LocalRoute> wanted{{*Cidr::parse("10.96.0.0/12"), std::nullopt},
                                         {*Cidr::parse("fd00:96::/112"), std::nullopt}};

    EXPECT_EQ(change_of(netlink.port(), [&] { (void)routes.put(wanted); }), NetworkChange{});

    for (const char* harm :
         {"ip route del local 10.96.0.0/12 proto 87", "ip -6 route del local fd00:96::/112"}) {
      EXPECT_EQ(change_of(netlink.port(), [&] { ASSERT_TRUE(run(harm)); }),
                (NetworkChange{.local_routes = true}))
          << harm;
    }
  });
}

TEST(NetworkWatch, TellsOfLocalRoutesThatSomebodyElseSetOrRemoved) {
  in_new_network([] {
    const NetlinkSocket netlink(NETLINK_ROUTE);
    for (const char* change :
         {"ip route add local 198.51.100.0/24 dev lo", "ip route del local 198.51.100.0/24 dev lo",
          "ip -6 route add local fd00:7::/64 dev lo", "ip -6 route del local fd00:7::/64 dev lo"}) {
      EXPECT_TRUE(change_of(netlink.port(), [&] { ASSERT_TRUE(run(change)); }).local_routes)
          << change;
      // `bind` has no socket of its own to be left out.
      EXPECT_TRUE(change_of(0, [&] {
                    ASSERT_TRUE(run("ip route add local 192.0.2.1 dev lo"));
                    ASSERT_TRUE(run("ip route del local 192.0.2.1 dev lo"));
                  }).local_routes);
    }
  });
}

TEST(NetworkWatch, TakesLostMessagesForAChangeOfEverything) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    NetlinkLocalRoutes routes(netlink);
    std::vector<LocalRoute> many;
    for (std::uint64_t i = 0; i < 5000; ++i) {
      many.push_back({Cidr::of(Cidr::parse("198.18.0.0/15")->at(i)), std::nullopt});
    }

    EXPECT_EQ(change_of(netlink.port(), [&] { (void)routes.put(many); }),
              (NetworkChange{true, true, true, true, true}));
  });
}

// --- the way back of answers ---

constexpr MarkRuleSpec kRule{.mark = 0x40, .mask = 0x40, .table = 87, .priority = 30};
constexpr NetworkChange kTakenAway{.return_path = true};

/// A filter with our priority and handle, as far as anybody can tell who asks.
const std::string kFilter =
    "dev node ingress protocol all prio 1 handle 87 bpf bytecode '1,6 0 0 4294967295,'";

/// All that ReturnPath has, on an interface "node".
void set_up_return_path(NetlinkSocket& netlink) {
  ASSERT_TRUE(run("ip link add node type veth peer name far && ip link set node up"));
  ASSERT_FALSE(MarkRule(netlink, kRule).add());
  ASSERT_FALSE(NetlinkTrafficControl(netlink).add_hook(if_nametoindex("node")));
  ASSERT_TRUE(run("tc filter add " + kFilter));
}

TEST(NetworkWatch, R7_TellsOfRulesFiltersAndQdiscsOfOursThatSomebodyTookAway) {
  for (const std::string harm :
       {"ip rule del priority 29", "ip rule del priority 30", "ip -6 rule del priority 30",
        "ip -6 rule del priority 31", "ip route flush table 87", "ip -6 route flush table 87",
        "tc filter del dev node ingress protocol all prio 1 handle 87 bpf",
        "tc filter del dev node ingress prio 1", "tc filter del dev node ingress",
        "tc qdisc del dev node clsact"}) {
    in_new_network([&harm] {
      NetlinkSocket netlink(NETLINK_ROUTE);
      set_up_return_path(netlink);

      EXPECT_EQ(change_of(netlink.port(), [&harm] { ASSERT_TRUE(run(harm)); }), kTakenAway) << harm;
    });
  }
}

TEST(NetworkWatch, R7_TellsOfAFilterThatStandsInThePlaceOfOurs) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    set_up_return_path(netlink);

    EXPECT_EQ(change_of(netlink.port(), [] { ASSERT_TRUE(run("tc filter replace " + kFilter)); }),
              kTakenAway);
  });
}

TEST(NetworkWatch, SaysNothingOfRulesFiltersAndQdiscsThatAreOthers) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    set_up_return_path(netlink);
    for (const char* change :
         {"ip rule add fwmark 0x40/0x40 lookup 88 priority 33", "ip rule del priority 33",
          "tc filter add dev node ingress protocol all prio 2 handle 87 bpf bytecode '1,6 0 0 0,'",
          "tc filter del dev node ingress prio 2",
          "tc filter add dev node ingress protocol all prio 1 handle 1 bpf bytecode '1,6 0 0 0,'",
          "tc filter del dev node ingress protocol all prio 1 handle 1 bpf",
          "tc filter add dev node egress protocol all prio 1 handle 87 bpf bytecode '1,6 0 0 0,'",
          "tc filter del dev node egress prio 1", "tc qdisc add dev far clsact",
          "tc qdisc add dev node root handle 1: pfifo", "tc qdisc del dev node root"}) {
      EXPECT_EQ(change_of(netlink.port(), [change] { ASSERT_TRUE(run(change)); }), NetworkChange{})
          << change;
    }
  });
}

// Else each repair would be a reason for the next one.
TEST(NetworkWatch, SaysNothingOfWhatWeOurselvesDoToRulesFiltersAndQdiscs) {
  in_new_network([] {
    const NetlinkSocket of_routes(NETLINK_ROUTE);
    NetlinkSocket netlink(NETLINK_ROUTE);
    set_up_return_path(netlink);
    MarkRule rule(netlink, kRule);
    NetlinkTrafficControl tc(netlink);
    const unsigned node = if_nametoindex("node");
    const auto body = [&] {
      ASSERT_FALSE(tc.take(node));
      ASSERT_FALSE(tc.remove_hook(node));
      ASSERT_FALSE(tc.add_hook(node));
      ASSERT_FALSE(rule.remove());
      ASSERT_FALSE(rule.add());
    };

    EXPECT_TRUE(change_of(of_routes.port(), body).return_path) << "it is nobody's";

    EXPECT_EQ(change_of({of_routes.port(), netlink.port()}, body), NetworkChange{});
  });
}

/// Something to be told of.
void change_something() { ASSERT_TRUE(run("ip address add 192.0.2.1/32 dev lo")); }

TEST(NetworkWatch, SaysNothingOnceItIsStopped) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    NetworkWatch watch(loop, 0, [&changes](const NetworkChange&) { ++changes; });
    watch.start();
    loop.poll();
    EXPECT_EQ(changes, 0);
    change_something();

    watch.stop();
    loop.run();

    EXPECT_EQ(changes, 0);
  });
}

TEST(NetworkWatch, SaysNothingOnceItIsStoppedThoughTheChangeWasNoticedBefore) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    NetworkWatch watch(loop, 0, [&changes](const NetworkChange&) { ++changes; });
    watch.start();
    change_something();

    // The loop notices the change and queues it behind this.
    asio::post(loop, [&watch] { watch.stop(); });
    loop.run();

    EXPECT_EQ(changes, 0);
  });
}

TEST(NetworkWatch, MayGoThoughAChangeWasNoticedBefore) {
  in_new_network([] {
    asio::io_context loop;
    auto watch = std::make_unique<NetworkWatch>(
        loop, 0, [](const NetworkChange&) { FAIL() << "nobody is there"; });
    watch->start();
    change_something();

    asio::post(loop, [&watch] { watch.reset(); });
    loop.run();
  });
}

TEST(NetworkWatch, SaysNothingIfItIsStoppedByWhatItSaid) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    std::unique_ptr<NetworkWatch> watch;
    watch = std::make_unique<NetworkWatch>(loop, 0, [&](const NetworkChange&) {
      ++changes;
      watch->stop();
    });
    watch->start();
    change_something();

    loop.run();

    EXPECT_EQ(changes, 1);
  });
}

}  // namespace
}  // namespace wherry::steer
