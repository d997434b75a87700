#include "proxy/steer/local_addresses.h"

#include "base/raw_socket_address.h"
#include "base/unique_fd.h"
#include "tests/support/builders.h"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>

namespace wherry::steer {
namespace {

using test::ip;

TEST(KernelAddresses, ContainLoopbackAndTheWildcards) {
  const KernelAddresses addresses;

  for (const char* text : {"127.0.0.1", "127.64.3.2", "::1", "0.0.0.0", "::"}) {
    EXPECT_TRUE(addresses.contains(ip(text))) << text;
  }
}

TEST(KernelAddresses, ContainNoOtherMachinesAddresses) {
  const KernelAddresses addresses;

  for (const char* text : {"203.0.113.1", "2001:db8::1", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(addresses.contains(ip(text))) << text;
  }
}

TEST(KernelAddresses, ContainThoseOfTheInterfaces) {
  const KernelAddresses addresses;
  ifaddrs* first = nullptr;
  ASSERT_EQ(::getifaddrs(&first), 0);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);

  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    const int family = each->ifa_addr == nullptr ? AF_UNSPEC : each->ifa_addr->sa_family;
    if ((each->ifa_flags & IFF_UP) == 0 || (family != AF_INET && family != AF_INET6)) continue;
    RawSocketAddress raw;
    std::memcpy(raw.get(), each->ifa_addr,
                family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const IpAddress address = raw.to_socket_address().ip;
    EXPECT_TRUE(addresses.contains(address)) << address.to_string();
  }
}

/// Runs in a network namespace of its own, whose only interface is a loopback that is down.
class AddressWatchTest : public ::testing::Test {
 protected:
  /// The namespace belongs to a thread, so that nobody else notices.
  static void in_new_network(const std::function<void()>& body) {
    bool is_allowed = true;
    std::thread thread([&] {
      is_allowed = ::unshare(CLONE_NEWNET) == 0;
      if (is_allowed) body();
    });
    thread.join();
    if (!is_allowed) GTEST_SKIP() << "needs the right to make a network namespace";
  }
  static void bring_loopback_up() {
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ASSERT_EQ(::ioctl(fd.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
  }
};

TEST_F(AddressWatchTest, SaysWhenAddressesCome) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    AddressWatch watch(loop, [&changes] { ++changes; });
    watch.start();
    loop.poll();
    EXPECT_EQ(changes, 0);

    bring_loopback_up();
    loop.run_for(std::chrono::milliseconds(200));

    EXPECT_GE(changes, 1);
    watch.stop();
    loop.run();
  });
}

TEST_F(AddressWatchTest, SaysNothingOnceItIsStopped) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    AddressWatch watch(loop, [&changes] { ++changes; });
    watch.start();
    loop.poll();
    bring_loopback_up();

    watch.stop();
    loop.run();

    EXPECT_EQ(changes, 0);
  });
}

TEST_F(AddressWatchTest, SaysNothingOnceItIsStoppedThoughTheChangeWasNoticedBefore) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    AddressWatch watch(loop, [&changes] { ++changes; });
    watch.start();
    bring_loopback_up();

    // The loop notices the change and queues it behind this.
    asio::post(loop, [&watch] { watch.stop(); });
    loop.run();

    EXPECT_EQ(changes, 0);
  });
}

TEST_F(AddressWatchTest, MayGoThoughAChangeWasNoticedBefore) {
  in_new_network([] {
    asio::io_context loop;
    auto watch = std::make_unique<AddressWatch>(loop, [] { FAIL() << "nobody is there"; });
    watch->start();
    bring_loopback_up();

    asio::post(loop, [&watch] { watch.reset(); });
    loop.run();
  });
}

TEST_F(AddressWatchTest, SaysNothingIfItIsStoppedByWhatItSaid) {
  in_new_network([] {
    asio::io_context loop;
    int changes = 0;
    std::unique_ptr<AddressWatch> watch;
    watch = std::make_unique<AddressWatch>(loop, [&] {
      ++changes;
      watch->stop();
    });
    watch->start();
    bring_loopback_up();

    loop.run();

    EXPECT_EQ(changes, 1);
  });
}

}  // namespace
}  // namespace wherry::steer
