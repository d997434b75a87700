#include "proxy/steer/mark_rule.h"

#include "tests/proxy/steer/in_namespace.h"

#include <gmock/gmock.h>

#include <linux/netlink.h>

namespace wherry::steer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr MarkRuleSpec kSpec{.mark = 0x4000, .mask = 0x4000, .table = 8787, .priority = 80};

std::string everything() {
  return output_of("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all");
}

TEST(MarkRule, BringsMarkedPacketsToThisMachine) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);

    EXPECT_FALSE(MarkRule(netlink, kSpec).add());

    for (const char* family : {"ip ", "ip -6 "}) {
      EXPECT_THAT(output_of(std::string(family) + "rule"),
                  HasSubstr("80:\tfrom all fwmark 0x4000/0x4000 lookup 8787 proto 87"));
    }
    const Namespace other = new_neighbour();
    ASSERT_TRUE(
        run("ip addr add 198.51.100.1/24 dev node && "
            "ip addr add 2001:db8:1::1/64 dev node nodad"));
    const auto way = [](const std::string& family, const std::string& to, const std::string& rest) {
      return output_of("ip " + family + " route get " + to + ' ' + rest + " 2>&1");
    };
    const std::string in = "from 198.51.100.2 iif node mark ";
    EXPECT_THAT(way("-4", "203.0.113.7", in + "0x5000"), HasSubstr("local 203.0.113.7"));
    EXPECT_THAT(way("-6", "2001:db8::7", "from 2001:db8:1::2 iif node mark 0x4000"),
                HasSubstr("local 2001:db8::7"));
    EXPECT_THAT(way("-4", "203.0.113.7", in + "0x2000"), ::testing::Not(HasSubstr("local")));
    // What this machine sends is not for itself.
    EXPECT_THAT(way("-4", "203.0.113.7", "mark 0x4000"), ::testing::Not(HasSubstr("local")));
  });
}

TEST(MarkRule, MayBeAddedTwiceAndIsThereOnce) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    ASSERT_FALSE(MarkRule(netlink, kSpec).add());
    const std::string once = everything();

    EXPECT_FALSE(MarkRule(netlink, kSpec).add());

    EXPECT_EQ(everything(), once);
    EXPECT_THAT(*list_mark_rules(netlink), ElementsAre(kSpec));
  });
}

TEST(MarkRule, R7_PutsBackWhatSomebodyRemoved) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    MarkRule rule(netlink, kSpec);
    ASSERT_FALSE(rule.add());
    const std::string whole = everything();
    EXPECT_THAT(rule.check().mended, IsEmpty());

    for (const char* harm : {"ip rule del priority 79", "ip rule del priority 80",
                             "ip rule del priority 81", "ip -6 rule del priority 80",
                             "ip route flush table 8787", "ip -6 route flush table 8787"}) {
      ASSERT_TRUE(run(harm));
      const bool is_ipv6 = std::string(harm).find("-6") != std::string::npos;
      EXPECT_THAT(rule.check().mended, ElementsAre(is_ipv6 ? IpFamily::IPv6 : IpFamily::IPv4))
          << harm;
      EXPECT_EQ(everything(), whole) << harm;
    }
    ASSERT_TRUE(run("ip rule del priority 80 && ip -6 rule del priority 80"));
    EXPECT_THAT(rule.check().mended, ElementsAre(IpFamily::IPv4, IpFamily::IPv6));
    EXPECT_EQ(everything(), whole);
  });
}

TEST(MarkRule, R7_SaysWhatIsBackThoughTheRestCanNotBe) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    MarkRule rule(netlink, kSpec);
    ASSERT_FALSE(rule.add());
    ASSERT_TRUE(
        run("ip rule del priority 80 && "
            "echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6 && ip -6 rule del priority 80"));

    const MarkRuleCheck done = rule.check();

    EXPECT_TRUE(done.error) << "lo takes no route of IPv6";
    EXPECT_THAT(done.mended, ElementsAre(IpFamily::IPv4));
  });
}

TEST(MarkRule, LeavesNothingAndTouchesNobodyElses) {
  in_new_network([] {
    ASSERT_TRUE(
        run("ip rule add fwmark 0x4000/0x4000 lookup 8787 priority 81 && "
            "ip route add local 198.51.100.7 dev lo table 8787"));
    const std::string before = everything();
    NetlinkSocket netlink(NETLINK_ROUTE);
    MarkRule rule(netlink, kSpec);
    ASSERT_FALSE(rule.add());

    EXPECT_FALSE(rule.remove());

    EXPECT_EQ(everything(), before);
    EXPECT_THAT(*list_mark_rules(netlink), IsEmpty());
    EXPECT_FALSE(rule.remove()) << "nothing is left to remove";
  });
}

}  // namespace
}  // namespace wherry::steer
