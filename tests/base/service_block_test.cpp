#include "base/service_block.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

TEST(ServiceBlock, W4_IsOfAClusterAndNotOfEverybody) {
  for (const char* good : {"10.96.0.0/12", "10.0.0.0/8", "fd00:96::/112", "192.0.2.0/24"}) {
    EXPECT_TRUE(could_be_of_services(Cidr::parse(good).value())) << good;
  }
  for (const char* bad :
       {"10.0.0.0/7", "0.0.0.0/0", "::/0", "127.0.0.0/8", "::1/128", "224.0.0.0/8", "ff00::/8"}) {
    EXPECT_FALSE(could_be_of_services(Cidr::parse(bad).value())) << bad;
  }
}

}  // namespace
}  // namespace wherry
