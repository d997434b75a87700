#include "proxy/steer/local_routes.h"

#include "tests/proxy/steer/in_namespace.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>

#include <linux/netlink.h>

namespace wherry::steer {
namespace {

using test::ip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

Cidr cidr(const char* text) { return *Cidr::parse(text); }

/// A node with an address of each family on its link.
class NetlinkLocalRoutesTest : public ::testing::Test {
 protected:
  static void on_a_node(const std::function<void(LocalRoutes&)>& body) {
    in_new_network([&body] {
      ASSERT_TRUE(
          run("ip link add node type veth peer name far && ip link set node up && "
              "ip link set far up && ip address add 192.0.2.1/24 dev node && "
              "ip address add 192.0.2.2/24 dev node && "
              "ip address add 2001:db8::1/64 dev node nodad"));
      NetlinkSocket netlink(NETLINK_ROUTE);
      NetlinkLocalRoutes routes(netlink);
      body(routes);
    });
  }
};

TEST_F(NetlinkLocalRoutesTest, MakeABlockThisMachinesAndSayFromWhereItConnects) {
  on_a_node([](LocalRoutes& routes) {
    const std::vector<LocalRoute> wanted{{cidr("10.96.0.0/12"), ip("192.0.2.1")},
                                         {cidr("fd00:96::/112"), ip("2001:db8::1")},
                                         {cidr("198.51.100.7/32"), std::nullopt}};

    EXPECT_THAT(routes.put(wanted), IsEmpty());

    EXPECT_THAT(*routes.list(), ::testing::UnorderedElementsAreArray(wanted));
    EXPECT_THAT(output_of("ip route get 10.96.3.4"), HasSubstr("src 192.0.2.1"));
    EXPECT_THAT(output_of("ip -6 route get fd00:96::5"), HasSubstr("src 2001:db8::1"));
    EXPECT_THAT(output_of("ip route get 198.51.100.7"), HasSubstr("local 198.51.100.7"));
  });
}

TEST_F(NetlinkLocalRoutesTest, TakeAnotherSourceInOneStep) {
  on_a_node([](LocalRoutes& routes) {
    const LocalRoute before{cidr("10.96.0.0/12"), ip("192.0.2.1")};
    const LocalRoute before6{cidr("fd00:96::/112"), std::nullopt};
    ASSERT_THAT(routes.put(std::vector{before, before6}), IsEmpty());
    const LocalRoute after{cidr("10.96.0.0/12"), ip("192.0.2.2")};
    const LocalRoute after6{cidr("fd00:96::/112"), ip("2001:db8::1")};

    EXPECT_THAT(routes.put(std::vector{after, after6}), IsEmpty());

    EXPECT_THAT(*routes.list(), UnorderedElementsAre(after, after6));
  });
}

TEST_F(NetlinkLocalRoutesTest, MayBePutTwice) {
  on_a_node([](LocalRoutes& routes) {
    const std::vector<LocalRoute> wanted{{cidr("10.96.0.0/12"), ip("192.0.2.1")},
                                         {cidr("fd00:96::/112"), ip("2001:db8::1")}};
    ASSERT_THAT(routes.put(wanted), IsEmpty());

    EXPECT_THAT(routes.put(wanted), IsEmpty());

    EXPECT_EQ(routes.list()->size(), 2u);
  });
}

TEST_F(NetlinkLocalRoutesTest, LeaveOtherPeoplesRoutesToTheSameAddressesAlone) {
  on_a_node([](LocalRoutes& routes) {
    ASSERT_TRUE(run("ip route add local 10.96.0.0/12 dev lo src 192.0.2.2") &&
                run("ip -6 route add local fd00:96::/112 dev lo"));
    const std::string before = output_of("ip route show table all; ip -6 route show table all");
    const std::vector<LocalRoute> own{{cidr("10.96.0.0/12"), ip("192.0.2.1")},
                                      {cidr("fd00:96::/112"), ip("2001:db8::1")},
                                      {cidr("192.0.2.1/32"), std::nullopt},
                                      {cidr("2001:db8::1/128"), std::nullopt}};

    EXPECT_THAT(routes.put(own), IsEmpty());
    EXPECT_THAT(*routes.list(), ::testing::UnorderedElementsAreArray(own));
    EXPECT_THAT(routes.remove(std::vector{own[0].destination, own[1].destination,
                                          own[2].destination, own[3].destination}),
                IsEmpty());

    EXPECT_EQ(output_of("ip route show table all; ip -6 route show table all"), before);
  });
}

TEST_F(NetlinkLocalRoutesTest, ThatAreGoneMayBeRemoved) {
  on_a_node([](LocalRoutes& routes) {
    EXPECT_THAT(routes.remove(std::vector{cidr("10.96.0.0/12"), cidr("fd00:96::/112")}), IsEmpty());
    EXPECT_THAT(*routes.list(), IsEmpty());
  });
}

TEST_F(NetlinkLocalRoutesTest, SayWhichOneTheKernelRefuses) {
  on_a_node([](LocalRoutes& routes) {
    const std::vector<LocalRoute> wanted{{cidr("10.96.0.0/12"), ip("203.0.113.9")},
                                         {cidr("10.97.0.1/32"), ip("192.0.2.1")}};

    const auto failed = routes.put(wanted);

    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].route, wanted[0]);
    EXPECT_THAT(failed[0].why.to_string(), HasSubstr("prefsrc"));
    EXPECT_THAT(*routes.list(), UnorderedElementsAre(wanted[1]));
  });
}

}  // namespace
}  // namespace wherry::steer
