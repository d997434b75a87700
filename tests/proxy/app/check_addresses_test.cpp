#include "proxy/app/check_addresses.h"

#include "tests/support/builders.h"
#include "tests/support/log_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::app {
namespace {

using test::cidr;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
namespace errc = boost::system::errc;

/// What the network is read as, or why it can't be.
class CheckAddressesTest : public ::testing::Test {
 protected:
  CheckAddressesTest() {
    steer::Interface eth0;
    eth0.index = 2;
    eth0.name = "eth0";
    eth0.addresses.push_back({.ip = ip("192.0.2.7")});
    whole_.interfaces.push_back(eth0);
  }

  test::LogCapture log_;
  steer::NetworkState whole_;
  Result<steer::NetworkState> network_ = make_error_code(errc::permission_denied);
  CheckAddresses addresses_{{.cidrs = {cidr("192.0.2.0/24"), cidr("fd00::/64")}},
                            [this] { return network_; }};
};

TEST_F(CheckAddressesTest, H3_WhileTheNetworkCanNotBeReadNothingIsOpenThatFollowsFromIt) {
  EXPECT_THAT(addresses_.now({}), Optional(IsEmpty()));

  network_ = whole_;
  EXPECT_THAT(addresses_.now({}), Optional(ElementsAre(ip("192.0.2.7"))));

  network_ = make_error_code(errc::permission_denied);
  EXPECT_EQ(addresses_.now({}), std::nullopt) << "what was said before stays";
}

TEST_F(CheckAddressesTest, EachReasonIsSaidOnce) {
  (void)addresses_.now({});
  (void)addresses_.now({});
  EXPECT_EQ(log_.count("network can't be read"), 1u);

  network_ = make_error_code(errc::too_many_files_open);
  (void)addresses_.now({});
  EXPECT_EQ(log_.count("network can't be read"), 2u);

  network_ = whole_;
  (void)addresses_.now({});
  network_ = make_error_code(errc::too_many_files_open);
  (void)addresses_.now({});
  EXPECT_EQ(log_.count("network can't be read"), 3u) << "it had been readable meanwhile";
}

}  // namespace
}  // namespace wherry::app
