#include "proxy/steer/netlink_watch.h"

#include "proxy/steer/local_routes.h"
#include "tests/proxy/steer/in_namespace.h"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <functional>
#include <linux/netlink.h>
#include <memory>

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
  loop.poll();  // the kernel has told before what it was asked to do has returned
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
              (NetworkChange{true, true, true, true}));
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
