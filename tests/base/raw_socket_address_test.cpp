#include "base/raw_socket_address.h"

#include <gtest/gtest.h>

#include <netinet/in.h>

namespace wherry {
namespace {

SocketAddress at(std::string_view text) { return SocketAddress::parse(text).value(); }

class RawSocketAddressTest : public ::testing::TestWithParam<const char*> {};

TEST_P(RawSocketAddressTest, GivesBackTheAddressItWasMadeOf) {
  EXPECT_EQ(RawSocketAddress(at(GetParam())).to_socket_address(), at(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Addresses, RawSocketAddressTest,
                         ::testing::Values("0.0.0.0:0", "10.1.2.3:65535", "[::]:0",
                                           "[fd00::1:2]:443"));

TEST(RawSocketAddress, HasTheFamilyAndSizeOfIPv4) {
  const RawSocketAddress raw(at("10.0.0.1:80"));

  EXPECT_EQ(raw.get()->sa_family, AF_INET);
  EXPECT_EQ(raw.size, sizeof(sockaddr_in));
}

TEST(RawSocketAddress, HasTheFamilyAndSizeOfIPv6) {
  const RawSocketAddress raw(at("[::1]:80"));

  EXPECT_EQ(raw.get()->sa_family, AF_INET6);
  EXPECT_EQ(raw.size, sizeof(sockaddr_in6));
}

TEST(RawSocketAddress, TakesAMappedPeerForIPv4) {
  RawSocketAddress raw(at("[::2]:80"));
  auto* v6 = reinterpret_cast<sockaddr_in6*>(raw.get());
  v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;

  EXPECT_EQ(raw.to_socket_address(), at("0.0.0.2:80"));
}

TEST(RawSocketAddress, IsNowhereForOtherFamilies) {
  RawSocketAddress raw;
  raw.storage.ss_family = AF_UNIX;

  EXPECT_EQ(raw.to_socket_address(), at("0.0.0.0:0"));
}

TEST(RawSocketAddress, OffersAllItsRoomToTheKernelAtFirst) {
  EXPECT_EQ(RawSocketAddress().size, sizeof(sockaddr_storage));
}

}  // namespace
}  // namespace wherry
