#include "proxy/steer/netlink_watch.h"

#include "proxy/steer/local_routes.h"
#include "tests/proxy/steer/in_namespace.h"

#include <gmock/gmock.h>

#include <chrono>
#include <linux/netlink.h>

namespace wherry::steer {
namespace {

/// What a watch says of what `body` does.
NetworkChange change_of(std::uint32_t own_port, const std::function<void()>& body) {
  asio::io_context loop;
  NetworkChange all;
  NetworkWatch watch(loop, own_port, [&all](const NetworkChange& change) {
    all.interfaces |= change.interfaces;
    all.addresses |= change.addresses;
    all.routes |= change.routes;
    all.local_routes |= change.local_routes;
  });
  watch.start();
  loop.poll();
  body();
  loop.run_for(std::chrono::milliseconds(50));
  watch.stop();
  loop.run();
  return all;
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

TEST(NetworkWatch, TakesLostMessagesForAChangeOfEverything) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    NetlinkLocalRoutes routes(netlink);
    std::vector<LocalRoute> many;
    for (std::uint64_t i = 0; i < 5000; ++i) {
      many.push_back({Cidr::of(Cidr::parse("198.18.0.0/15")->at(i)), std::nullopt});
    }

    EXPECT_EQ(change_of(netlink.port(), [&] { (void)routes.put(many); }),
              (NetworkChange{true, true, true, true}));
  });
}

}  // namespace
}  // namespace wherry::steer
