#include "proxy/app/kernel_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::app {
namespace {

using ::testing::ElementsAre;

TEST(FamiliesOf, S8_BothWhereThereAreInterfacesForIpv6) {
  EXPECT_THAT(families_of("fe80...", "0\n"), ElementsAre(IpFamily::IPv4, IpFamily::IPv6));
  EXPECT_THAT(families_of("", std::nullopt), ElementsAre(IpFamily::IPv4, IpFamily::IPv6));
}

TEST(FamiliesOf, S8_Ipv4AloneWhereTheKernelHasNoIpv6) {
  EXPECT_THAT(families_of(std::nullopt, std::nullopt), ElementsAre(IpFamily::IPv4));
}

TEST(FamiliesOf, S8_Ipv4AloneWhereIpv6IsDisabled) {
  EXPECT_THAT(families_of("fe80...", "1\n"), ElementsAre(IpFamily::IPv4));
}

}  // namespace
}  // namespace wherry::app
