#include "balancer/entrance_map.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::balancer {
namespace {

using test::at;
using test::ip;

class EntranceMapTest : public ::testing::Test {
 protected:
  /// The slot of the service port at an address; -1 where there is none.
  [[nodiscard]] int at_address(const std::string& address) const {
    const Entrance* found = map_.find(at(address));
    return found == nullptr ? -1 : static_cast<int>(found->service_port.slot);
  }
  [[nodiscard]] int with_wildcard(const std::string& address) const {
    const Entrance* found = map_.find_with_wildcard(at(address));
    return found == nullptr ? -1 : static_cast<int>(found->service_port.slot);
  }
  static Entrance entrance(std::uint32_t slot) { return Entrance(ServicePortId{slot, 1}); }

  EntranceMap map_;
};

TEST_F(EntranceMapTest, FindsAPortAtItsAddressAlone) {
  map_.set(ip("10.0.0.1"), PortRange::of(80), entrance(1));
  EXPECT_EQ(at_address("10.0.0.1:80"), 1);
  EXPECT_EQ(at_address("10.0.0.1:81"), -1);
  EXPECT_EQ(at_address("10.0.0.2:80"), -1);
}

TEST_F(EntranceMapTest, APortAloneComesBeforeTheRangeThatHasIt) {
  map_.set(ip("10.0.0.1"), {100, 200}, entrance(1));
  map_.set(ip("10.0.0.1"), PortRange::of(150), entrance(2));
  EXPECT_EQ(at_address("10.0.0.1:100"), 1);
  EXPECT_EQ(at_address("10.0.0.1:150"), 2);
  EXPECT_EQ(at_address("10.0.0.1:200"), 1);
  EXPECT_EQ(at_address("10.0.0.1:99"), -1);
  EXPECT_EQ(at_address("10.0.0.1:201"), -1);
}

TEST_F(EntranceMapTest, RangesStandBesideEachOtherAndOfEachAddress) {
  map_.set(ip("10.0.0.1"), {100, 200}, entrance(1));
  map_.set(ip("10.0.0.1"), {300, 400}, entrance(2));
  map_.set(ip("10.0.0.2"), {100, 200}, entrance(3));
  EXPECT_EQ(at_address("10.0.0.1:250"), -1);
  EXPECT_EQ(at_address("10.0.0.1:350"), 2);
  EXPECT_EQ(at_address("10.0.0.2:150"), 3);
  EXPECT_EQ(at_address("10.0.0.2:350"), -1);
}

TEST_F(EntranceMapTest, TheWildcardStandsForEveryAddressOfItsFamily) {
  map_.set(IpAddress::any(IpFamily::IPv4), PortRange::of(30080), entrance(1));
  map_.set(ip("10.0.0.1"), PortRange::of(30080), entrance(2));
  EXPECT_EQ(at_address("192.0.2.7:30080"), -1);
  EXPECT_EQ(with_wildcard("192.0.2.7:30080"), 1);
  EXPECT_EQ(with_wildcard("10.0.0.1:30080"), 2);
  EXPECT_EQ(with_wildcard("[fd00::7]:30080"), -1);
  EXPECT_TRUE(map_.has_wildcard(IpFamily::IPv4, 30080));
  EXPECT_FALSE(map_.has_wildcard(IpFamily::IPv6, 30080));
}

TEST_F(EntranceMapTest, ForgetsWhatIsErasedAndNoMore) {
  map_.set(ip("10.0.0.1"), PortRange::of(80), entrance(1));
  map_.set(ip("10.0.0.1"), {100, 200}, entrance(2));
  map_.erase(ip("10.0.0.1"), {150, 200});  // another one that ended there
  EXPECT_EQ(at_address("10.0.0.1:120"), 2);
  map_.erase(ip("10.0.0.1"), {100, 200});
  EXPECT_EQ(at_address("10.0.0.1:120"), -1);
  map_.erase(ip("10.0.0.1"), PortRange::of(80));
  EXPECT_EQ(map_.size(), 0u);
}

}  // namespace
}  // namespace wherry::balancer
