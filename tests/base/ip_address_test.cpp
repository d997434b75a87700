#include "base/ip_address.h"

#include "tests/base/case_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace wherry {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

struct TextCase {
  const char* name;
  std::string_view text;
  std::string_view canonical;
};
std::ostream& operator<<(std::ostream& out, const TextCase& each) { return out << each.text; }

class IpAddressText : public ::testing::TestWithParam<TextCase> {};

TEST_P(IpAddressText, ReadsAndWritesTheCanonicalForm) {
  const auto address = IpAddress::parse(GetParam().text);

  ASSERT_TRUE(address);
  EXPECT_EQ(address->to_string(), GetParam().canonical);
}

// The right column is what Go's netip.Addr.Unmap().String() says.
INSTANTIATE_TEST_SUITE_P(
    Accepted, IpAddressText,
    ::testing::Values(
        TextCase{"V4", "10.96.0.1", "10.96.0.1"}, TextCase{"V4Any", "0.0.0.0", "0.0.0.0"},
        TextCase{"V4Broadcast", "255.255.255.255", "255.255.255.255"},
        TextCase{"V4LeadingZerosAreDecimal", "010.000.01.008", "10.0.1.8"},
        TextCase{"V6Any", "::", "::"}, TextCase{"V6Loopback", "::1", "::1"},
        TextCase{"V6UpperCase", "FD00::ABCD", "fd00::abcd"},
        TextCase{"V6LeadingZeros", "fd00:0000:0000:0000:0000:0000:0000:0001", "fd00::1"},
        TextCase{"V6CompressesTheLongestRun", "1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        TextCase{"V6CompressesTheFirstOfEqualRuns", "1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
        TextCase{"V6KeepsASingleZeroGroup", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
        TextCase{"V6CompressesTrailingZeros", "fd00:96:0:0:0:0:0:0", "fd00:96::"},
        TextCase{"V6CompressesLeadingZeros", "0:0:0:0:0:0:1:2", "::1:2"},
        TextCase{"V6NoZeros", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        TextCase{"V6DottedTail", "64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
        TextCase{"V6CompatibleIsNoV4", "::1.2.3.4", "::102:304"},
        TextCase{"MappedIsV4", "::ffff:10.0.0.1", "10.0.0.1"},
        TextCase{"MappedInHexIsV4", "::ffff:a00:1", "10.0.0.1"},
        TextCase{"MappedInFullIsV4", "0000:0000:0000:0000:0000:ffff:255.255.255.255",
                 "255.255.255.255"}),
    test::CaseName{});

class IpAddressRefusal : public ::testing::TestWithParam<TextCase> {};

TEST_P(IpAddressRefusal, IsNoAddress) { EXPECT_FALSE(IpAddress::parse(GetParam().text)); }

INSTANTIATE_TEST_SUITE_P(
    Refused, IpAddressRefusal,
    ::testing::Values(
        TextCase{"Empty", "", ""}, TextCase{"Word", "localhost", ""},
        TextCase{"V4ThreeParts", "10.0.1", ""}, TextCase{"V4FiveParts", "10.0.0.0.1", ""},
        TextCase{"V4EmptyPart", "10..0.1", ""}, TextCase{"V4TrailingDot", "10.0.0.1.", ""},
        TextCase{"V4PartTooLarge", "10.0.0.256", ""}, TextCase{"V4PartTooLong", "10.0.0.0001", ""},
        TextCase{"V4Negative", "10.0.0.-1", ""}, TextCase{"V4Plus", "10.0.0.+1", ""},
        TextCase{"V4Hex", "0x0a.0.0.1", ""}, TextCase{"V4LeadingSpace", " 10.0.0.1", ""},
        TextCase{"V4TrailingSpace", "10.0.0.1 ", ""}, TextCase{"V4Prefix", "10.0.0.1/8", ""},
        TextCase{"V4Zone", "10.0.0.1%eth0", ""}, TextCase{"V4Nul", "10.0.0.1\0"sv, ""},
        TextCase{"V6Zone", "fe80::1%eth0", ""}, TextCase{"V6EmptyZone", "fe80::1%", ""},
        TextCase{"V6TwoRuns", "1::2::3", ""}, TextCase{"V6SevenGroups", "1:2:3:4:5:6:7", ""},
        TextCase{"V6NineGroups", "1:2:3:4:5:6:7:8:9", ""},
        TextCase{"V6GroupTooLong", "::12345", ""}, TextCase{"V6Brackets", "[::1]", ""},
        TextCase{"V6ThreeColons", ":::", ""}, TextCase{"V6NulAndMore", "::1\0.evil"sv, ""},
        TextCase{"V6Overlong", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", ""}),
    test::CaseName{});

TEST(IpAddress, IsAnyV4ByDefault) { EXPECT_EQ(IpAddress(), IpAddress::any(IpFamily::IPv4)); }

TEST(IpAddress, ReadsItsOwnText) {
  for (const auto text : {"10.0.0.1", "::", "::1:2", "::102:304", "fd00::1", "1:0:0:2::3"}) {
    EXPECT_EQ(ip(ip(text).to_string()), ip(text)) << text;
  }
}

TEST(IpAddress, HasFourOrSixteenBytesInNetworkOrder) {
  EXPECT_THAT(ip("10.1.2.3").bytes(), ElementsAre(10, 1, 2, 3));
  EXPECT_THAT(ip("fd00::1").bytes(),
              ElementsAre(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
}

TEST(IpAddress, IsMadeOfItsOwnBytes) {
  for (const auto text : {"10.1.2.3", "fd00::1"}) {
    EXPECT_EQ(IpAddress::from_bytes(ip(text).bytes()), ip(text)) << text;
  }
}

TEST(IpAddress, TakesMappedBytesForIPv4) {
  const std::vector<std::uint8_t> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};

  EXPECT_EQ(IpAddress::from_bytes(mapped), ip("10.0.0.1"));
}

TEST(IpAddress, OrdersIPv4BeforeIPv6ThenByValue) {
  const std::vector<IpAddress> in_order = {ip("0.0.0.0"),   ip("9.255.0.0"), ip("10.0.0.1"),
                                           ip("200.0.0.1"), ip("::"),        ip("::1"),
                                           ip("fd00::")};

  EXPECT_TRUE(std::is_sorted(in_order.begin(), in_order.end(), std::less_equal<>{}));
}

TEST(IpAddress, HashesEqualAddressesAlike) {
  EXPECT_EQ(std::hash<IpAddress>{}(ip("::ffff:10.0.0.1")), std::hash<IpAddress>{}(ip("10.0.0.1")));
}

TEST(IpAddress, HashesNeighboursApart) {
  std::unordered_set<std::size_t> hashes;
  for (std::uint8_t i = 0; i < 100; ++i) {
    hashes.insert(
        std::hash<IpAddress>{}(IpAddress::from_bytes(std::vector<std::uint8_t>{10, 0, 0, i})));
  }

  EXPECT_EQ(hashes.size(), 100u);
}

struct PropertyCase {
  const char* name;
  std::string_view text;
  bool unspecified, loopback, multicast;
};
std::ostream& operator<<(std::ostream& out, const PropertyCase& each) { return out << each.text; }

class IpAddressProperties : public ::testing::TestWithParam<PropertyCase> {};

TEST_P(IpAddressProperties, FollowTheTable) {
  const IpAddress address = ip(GetParam().text);

  EXPECT_EQ(address.is_unspecified(), GetParam().unspecified);
  EXPECT_EQ(address.is_loopback(), GetParam().loopback);
  EXPECT_EQ(address.is_multicast(), GetParam().multicast);
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, IpAddressProperties,
    ::testing::Values(PropertyCase{"V4Any", "0.0.0.0", true, false, false},
                      PropertyCase{"V4Zeroish", "0.0.0.1", false, false, false},
                      PropertyCase{"V4Loopback", "127.0.0.1", false, true, false},
                      PropertyCase{"V4LoopbackBlock", "127.255.0.9", false, true, false},
                      PropertyCase{"V4Below224", "223.255.255.255", false, false, false},
                      PropertyCase{"V4FirstMulticast", "224.0.0.0", false, false, true},
                      PropertyCase{"V4LastMulticast", "239.255.255.255", false, false, true},
                      PropertyCase{"V4Reserved", "240.0.0.0", false, false, false},
                      PropertyCase{"V6Any", "::", true, false, false},
                      PropertyCase{"V6Loopback", "::1", false, true, false},
                      PropertyCase{"V6Two", "::2", false, false, false},
                      PropertyCase{"V6Multicast", "ff02::1", false, false, true},
                      PropertyCase{"V6LinkLocal", "fe80::1", false, false, false}),
    test::CaseName{});

TEST(IpAddress, IsAmongTheListedOnesOrNot) {
  const std::vector<IpAddress> listed{ip("10.0.0.1"), ip("::1")};

  EXPECT_TRUE(is_among(ip("::1"), listed));
  EXPECT_FALSE(is_among(ip("10.0.0.2"), listed));
  EXPECT_FALSE(is_among(ip("10.0.0.1"), {}));
}

TEST(IpFamily, IsSpelledAsInKubernetes) {
  EXPECT_EQ(to_string(IpFamily::IPv4), "IPv4");
  EXPECT_EQ(to_string(IpFamily::IPv6), "IPv6");
}

TEST(IpFamily, HasOneOther) {
  EXPECT_EQ(other(IpFamily::IPv4), IpFamily::IPv6);
  EXPECT_EQ(other(IpFamily::IPv6), IpFamily::IPv4);
}

TEST(IpFamily, KnowsItsLoopback) {
  EXPECT_EQ(IpAddress::loopback(IpFamily::IPv4), ip("127.0.0.1"));
  EXPECT_EQ(IpAddress::loopback(IpFamily::IPv6), ip("::1"));
}

}  // namespace
}  // namespace wherry
