#include "proxy/steer/arp_guard.h"

#include "base/raw_socket_address.h"
#include "proxy/steer/local_routes.h"
#include "tests/proxy/steer/in_namespace.h"
#include "tests/proxy/steer/neighbour.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <linux/netlink.h>

namespace wherry::steer {
namespace {

using test::ip;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct ArpRow {
  const char* name;
  ArpMode mode;
  ArpValues own;
  ArpValues all;
  std::optional<ArpValues> wanted;
};

class ArpValuesTest : public ::testing::TestWithParam<ArpRow> {};

TEST_P(ArpValuesTest, KeepVipsSilentAndWhatSomebodyChose) {
  const ArpRow& row = GetParam();
  const Interface interface{.index = 2, .name = "eth0", .has_arp = true, .arp = row.own};

  EXPECT_EQ(arp_values_for(interface, row.all, row.mode), row.wanted);
}

constexpr auto kRoutes = ArpMode::RoutesAreSilent;
constexpr auto kStrict = ArpMode::Strict;
INSTANTIATE_TEST_SUITE_P(
    All, ArpValuesTest,
    ::testing::Values(ArpRow{"Defaults", kRoutes, {0, 0}, {0, 0}, ArpValues{3, 2}},
                      ArpRow{"AsWanted", kRoutes, {3, 2}, {0, 0}, std::nullopt},
                      ArpRow{"SomebodyStricter", kRoutes, {1, 2}, {0, 0}, std::nullopt},
                      ArpRow{"SomebodySilent", kRoutes, {8, 2}, {0, 0}, std::nullopt},
                      ArpRow{"Reserved", kRoutes, {5, 2}, {0, 0}, ArpValues{3, 2}},
                      ArpRow{"AllAreStrict", kRoutes, {0, 0}, {1, 2}, std::nullopt},
                      ArpRow{"AllAnnounceAny", kRoutes, {0, 0}, {2, 1}, ArpValues{0, 2}},
                      ArpRow{"StrictFromDefaults", kStrict, {0, 0}, {0, 0}, ArpValues{1, 2}},
                      ArpRow{"StrictFromRoutes", kStrict, {3, 2}, {0, 0}, ArpValues{1, 2}},
                      ArpRow{"StrictAsWanted", kStrict, {1, 2}, {0, 0}, std::nullopt},
                      ArpRow{"StrictNetwork", kStrict, {2, 2}, {0, 0}, std::nullopt}),
    [](const auto& row) { return row.param.name; });

TEST(ArpValues, AreNotForInterfacesWithoutArpOrWithoutIPv4) {
  const Interface loopback{.index = 1, .name = "lo", .has_arp = false, .arp = ArpValues{}};
  const Interface without_ipv4{.index = 2, .name = "eth0", .has_arp = true};

  EXPECT_FALSE(arp_values_for(loopback, {}, kRoutes));
  EXPECT_FALSE(arp_values_for(without_ipv4, {}, kRoutes));
}

/// Interfaces whose values are what they were set to.
class FakeArpSwitch final : public ArpSwitch {
 public:
  explicit FakeArpSwitch(NetworkState& state) : state_(state) {}

  [[nodiscard]] NetlinkFailure set(unsigned interface, const ArpValues& values) override {
    if (is_refused) return {error_code(EPERM, boost::system::system_category()), {}};
    ++calls;
    for (Interface& each : state_.interfaces) {
      if (each.index == interface) each.arp = values;
    }
    return {};
  }

  int calls = 0;
  bool is_refused = false;

 private:
  NetworkState& state_;
};

class ArpGuardTest : public ::testing::Test {
 protected:
  ArpGuardTest() { add(2, "eth0"); }
  void add(unsigned index, const char* name) {
    now_.interfaces.push_back(
        {.index = index, .name = name, .has_arp = true, .arp = ArpValues{0, 0}});
  }

  NetworkState now_;
  FakeArpSwitch arp_{now_};
  std::vector<std::vector<ArpChange>> written_;
  std::vector<int> calls_when_written_;
  ArpGuard guard_{arp_, ArpMode::RoutesAreSilent, [this](const std::vector<ArpChange>& owned) {
                    written_.push_back(owned);
                    calls_when_written_.push_back(arp_.calls);
                  }};
};

TEST_F(ArpGuardTest, WritesDownWhatItOwnsBeforeItTouchesTheKernel) {
  guard_.check(now_);

  EXPECT_EQ(now_.interfaces[0].arp, (ArpValues{3, 2}));
  EXPECT_THAT(written_, ElementsAre(ElementsAre(ArpChange{2, "eth0", {0, 0}, {3, 2}})));
  EXPECT_THAT(calls_when_written_, ElementsAre(0));
}

TEST_F(ArpGuardTest, FollowsInterfacesAsTheyComeAndGo) {
  guard_.check(now_);
  add(3, "pod1");
  guard_.check(now_);
  EXPECT_EQ(now_.interfaces[1].arp, (ArpValues{3, 2}));

  now_.interfaces.pop_back();
  guard_.check(now_);

  EXPECT_THAT(guard_.owned(), SizeIs(1));
  EXPECT_THAT(written_, SizeIs(3));
}

TEST_F(ArpGuardTest, R7_SetsAgainWhatSomebodySetBack) {
  EXPECT_EQ(guard_.check(now_), 0u);
  now_.interfaces[0].arp = ArpValues{0, 2};

  EXPECT_EQ(guard_.check(now_), 1u);

  EXPECT_EQ(now_.interfaces[0].arp, (ArpValues{3, 2}));
  EXPECT_THAT(guard_.owned(), ElementsAre(ArpChange{2, "eth0", {0, 0}, {3, 2}}));
  EXPECT_EQ(guard_.check(now_), 0u);
}

TEST_F(ArpGuardTest, GivesBackWhatWasThere) {
  guard_.check(now_);

  EXPECT_THAT(guard_.restore(now_), IsEmpty());

  EXPECT_EQ(now_.interfaces[0].arp, (ArpValues{0, 0}));
  EXPECT_THAT(written_.back(), IsEmpty());
}

TEST_F(ArpGuardTest, KeepsWhatSomebodyHasSetSince) {
  guard_.check(now_);
  now_.interfaces[0].arp = ArpValues{1, 2};

  EXPECT_THAT(guard_.restore(now_), IsEmpty());

  EXPECT_EQ(now_.interfaces[0].arp, (ArpValues{1, 0}));
}

TEST_F(ArpGuardTest, GivesBackWhatACrashedOneHadSet) {
  now_.interfaces[0].arp = ArpValues{3, 2};
  guard_.adopt({{2, "eth0", {0, 1}, {3, 2}}, {9, "gone", {0, 0}, {3, 2}}});

  guard_.check(now_);
  EXPECT_EQ(arp_.calls, 0);
  EXPECT_THAT(guard_.restore(now_), IsEmpty());

  EXPECT_EQ(now_.interfaces[0].arp, (ArpValues{0, 1}));
}

TEST_F(ArpGuardTest, NamesAnInterfaceThatGoesOnToAnswerAndTheRemedy) {
  arp_.is_refused = true;

  guard_.check(now_);

  ASSERT_THAT(guard_.problems(), SizeIs(1));
  EXPECT_THAT(guard_.problems()[0], HasSubstr("net.ipv4.conf.eth0.arp_ignore to 3"));
}

TEST_F(ArpGuardTest, NamesWhatItCouldNotGiveBackAndGoesOnToOwnIt) {
  guard_.check(now_);
  arp_.is_refused = true;

  EXPECT_THAT(guard_.restore(now_), SizeIs(1));

  EXPECT_THAT(guard_.owned(), SizeIs(1));
}

/// A node at 192.0.2.1 and 2001:db8::1 whose VIPs are on the very network of its link, and a
/// neighbour there.
class NeighbourTest : public ::testing::Test {
 protected:
  static void beside_a_node(
      const std::function<void(const Namespace& node, const Namespace& link)>& body) {
    in_new_network([&body] {
      const Namespace node;
      const Namespace link = new_neighbour();
      ASSERT_TRUE(
          run("ip address add 192.0.2.1/24 dev node && "
              "ip address add 198.51.100.1/32 dev lo && "
              "ip address add 2001:db8::1/64 dev node nodad"));
      link.enter();
      ASSERT_TRUE(
          run("ip address add 192.0.2.2/24 dev far && "
              "ip address add 2001:db8::2/64 dev far nodad"));
      node.enter();
      NetlinkSocket netlink(NETLINK_ROUTE);
      ASSERT_THAT(NetlinkLocalRoutes(netlink).put(std::vector<LocalRoute>{
                      {Cidr::of(kVip), ip("192.0.2.1")}, {Cidr::of(kVip6), ip("2001:db8::1")}}),
                  IsEmpty());
      body(node, link);
    });
  }
  static void guard() {
    NetlinkSocket netlink(NETLINK_ROUTE);
    NetlinkArpSwitch arp(netlink);
    ArpGuard(arp, ArpMode::RoutesAreSilent, [](const auto&) {
    }).check(*NetlinkReader(netlink).read());
  }

  static const inline IpAddress kVip = ip("192.0.2.77");
  static const inline IpAddress kVip6 = ip("2001:db8::77");
};

TEST_F(NeighbourTest, GetsAnAnswerForAVipWhereNothingGuards) {
  beside_a_node([](const Namespace&, const Namespace& link) {
    link.enter();

    EXPECT_THAT(ask_who_has({kVip, ip("192.0.2.1")}), ElementsAre(kVip, ip("192.0.2.1")));
  });
}

TEST_F(NeighbourTest, GetsNoArpAnswerForAVipButForEveryAddressOfTheNode) {
  beside_a_node([](const Namespace&, const Namespace& link) {
    guard();
    link.enter();

    EXPECT_THAT(ask_who_has({kVip, ip("198.51.100.1"), ip("192.0.2.1")}),
                ElementsAre(ip("198.51.100.1"), ip("192.0.2.1")));
  });
}

TEST_F(NeighbourTest, GetsNoNeighbourAdvertisementForAVipButForTheNodesAddress) {
  beside_a_node([](const Namespace&, const Namespace& link) {
    guard();
    link.enter();

    EXPECT_THAT(solicit_neighbours({kVip6, ip("2001:db8::1")}), ElementsAre(ip("2001:db8::1")));
  });
}

TEST_F(NeighbourTest, IsNotAskedInTheNameOfAVip) {
  beside_a_node([](const Namespace& node, const Namespace& link) {
    guard();
    link.enter();
    const ArpListener listener("far");

    node.enter();
    send_from(kVip, ip("192.0.2.2"));

    link.enter();
    EXPECT_EQ(listener.next_asker(), ip("192.0.2.1"));
  });
}

TEST_F(NeighbourTest, FindsTheNodeAsItWasOnceTheGuardIsGone) {
  beside_a_node([](const Namespace&, const Namespace&) {
    const std::string settings = output_of("sysctl net.ipv4.conf net.ipv4.neigh");
    NetlinkSocket netlink(NETLINK_ROUTE);
    NetlinkArpSwitch arp(netlink);
    ArpGuard guard(arp, ArpMode::Strict, [](const auto&) {});
    guard.check(*NetlinkReader(netlink).read());
    ASSERT_NE(output_of("sysctl net.ipv4.conf net.ipv4.neigh"), settings);

    EXPECT_THAT(guard.restore(*NetlinkReader(netlink).read()), IsEmpty());

    EXPECT_EQ(output_of("sysctl net.ipv4.conf net.ipv4.neigh"), settings);
  });
}

TEST_F(NeighbourTest, ReachesTheNodeAtAVipAllTheSame) {
  beside_a_node([](const Namespace& node, const Namespace& link) {
    guard();
    link.enter();
    ASSERT_TRUE(
        run("ip route add 192.0.2.77/32 via 192.0.2.1 && "
            "ip -6 route add 2001:db8::77/128 via 2001:db8::1"));
    node.enter();
    const TcpListener on4(IpFamily::IPv4);
    const TcpListener on6(IpFamily::IPv6);

    link.enter();
    EXPECT_TRUE(can_connect({kVip, on4.port()}));
    EXPECT_TRUE(can_connect({kVip6, on6.port()}));
  });
}

TEST(InterfacesLikeOurs, AreThoseWithValuesThatWherryChoosesWhoeverHasSetThem) {
  NetworkState now;
  const auto add = [&now](const char* name, ArpValues values, bool has_arp = true) {
    Interface interface;
    interface.name = name;
    interface.has_arp = has_arp;
    interface.arp = values;
    now.interfaces.push_back(interface);
  };
  add("plain", {0, 0});
  add("ours", {3, 2});
  add("strict", {1, 0});
  add("announces", {8, 2});
  add("theirs", {8, 1});
  add("lo", {3, 2}, false);
  now.interfaces.emplace_back().name = "ipv6-only";

  EXPECT_THAT(interfaces_like_ours(now),
              ::testing::ElementsAre("ours (3, 2)", "strict (1, 0)", "announces (8, 2)"));
}

}  // namespace
}  // namespace wherry::steer
