#include "proxy/steer/local_addresses.h"

#include "base/raw_socket_address.h"
#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

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

}  // namespace
}  // namespace wherry::steer
