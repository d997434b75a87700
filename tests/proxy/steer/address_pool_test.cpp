#include "proxy/steer/address_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::steer {
namespace {

using ::testing::ElementsAre;

AddressPool pool(const std::string& block) { return AddressPool(Cidr::parse(block).value()); }

std::string take(AddressPool& from, const std::string& service) {
  const auto address = from.take({"default", service});
  return address ? address->to_string() : "none";
}

// FNV-1a of "default/<name>" modulo 6, plus 1: f 2, c and e 3, b and d 4, a 5.
TEST(AddressPool, GivesEachServiceTheAddressThatItsNameHashesTo) {
  AddressPool addresses = pool("127.64.0.0/29");

  EXPECT_EQ(take(addresses, "f"), "127.64.0.2");
  EXPECT_EQ(take(addresses, "c"), "127.64.0.3");
  EXPECT_EQ(take(addresses, "b"), "127.64.0.4");
  EXPECT_EQ(take(addresses, "a"), "127.64.0.5");
}

TEST(AddressPool, GoesOnToTheNextFreeAddress) {
  AddressPool addresses = pool("127.64.0.0/29");

  EXPECT_EQ(take(addresses, "c"), "127.64.0.3");
  EXPECT_EQ(take(addresses, "b"), "127.64.0.4");
  EXPECT_EQ(take(addresses, "e"), "127.64.0.5");
  EXPECT_EQ(take(addresses, "d"), "127.64.0.6");
}

TEST(AddressPool, GoesOnAtTheBeginningPastTheEnd) {
  AddressPool addresses = pool("127.64.0.0/29");
  for (const char* service : {"c", "b", "e", "d"}) (void)take(addresses, service);

  EXPECT_EQ(take(addresses, "a"), "127.64.0.1");
  EXPECT_EQ(take(addresses, "db"), "127.64.0.2");
  EXPECT_EQ(take(addresses, "api"), "none");
}

TEST(AddressPool, NeverGivesTheNetworksOwnNorTheBroadcastAddress) {
  AddressPool addresses = pool("127.64.0.0/28");

  std::set<std::string> given;
  for (int i = 0; i < 14; ++i) given.insert(take(addresses, "s" + std::to_string(i)));

  EXPECT_EQ(given.size(), 14u);
  EXPECT_FALSE(given.contains("127.64.0.0"));
  EXPECT_FALSE(given.contains("127.64.0.15"));
  EXPECT_EQ(take(addresses, "one more"), "none");
}

TEST(AddressPool, OfIpv6HasNoBroadcastAddress) {
  AddressPool addresses = pool("fd00::/126");

  std::set<std::string> given;
  for (const char* service : {"a", "b", "c"}) given.insert(take(addresses, service));

  EXPECT_THAT(given, ElementsAre("fd00::1", "fd00::2", "fd00::3"));
  EXPECT_EQ(take(addresses, "d"), "none");
}

TEST(AddressPool, WorksInABlockTooLargeToCount) {
  AddressPool addresses = pool("fd00::/8");

  const auto address = addresses.take({"default", "a"});

  ASSERT_TRUE(address);
  EXPECT_TRUE(Cidr::parse("fd00::/8")->contains(*address));
  EXPECT_EQ(addresses.take({"default", "a"}), address);
}

TEST(AddressPool, AServiceKeepsItsAddressWhateverComesAndGoes) {
  AddressPool addresses = pool("127.64.0.0/29");
  (void)take(addresses, "b");
  const std::string displaced = take(addresses, "d");
  ASSERT_EQ(displaced, "127.64.0.5");

  addresses.give_back({"default", "b"});
  (void)take(addresses, "f");

  EXPECT_EQ(take(addresses, "d"), displaced);
}

TEST(AddressPool, AnAddressThatWasGivenBackIsGivenAgain) {
  AddressPool addresses = pool("127.64.0.0/30");
  (void)take(addresses, "a");
  (void)take(addresses, "b");
  ASSERT_EQ(take(addresses, "c"), "none");

  addresses.give_back({"default", "b"});

  EXPECT_EQ(take(addresses, "c"), "127.64.0.2");
}

TEST(AddressPool, GivingBackWhatWasNeverTakenChangesNothing) {
  AddressPool addresses = pool("127.64.0.0/30");
  (void)take(addresses, "a");

  addresses.give_back({"default", "b"});

  EXPECT_EQ(take(addresses, "a"), "127.64.0.1");
}

TEST(AddressPool, ServicesOfOneNameInTwoNamespacesAreTwo) {
  AddressPool addresses = pool("127.64.0.0/16");

  EXPECT_NE(addresses.take({"default", "web"}), addresses.take({"shop", "web"}));
}

TEST(AddressPool, GivesTheSameAddressesAfterARestart) {
  AddressPool before = pool("127.64.0.0/16");
  AddressPool after = pool("127.64.0.0/16");
  (void)take(after, "another one");

  for (const char* service : {"a", "b", "c", "web", "api"}) {
    EXPECT_EQ(take(before, service), take(after, service));
  }
}

}  // namespace
}  // namespace wherry::steer
