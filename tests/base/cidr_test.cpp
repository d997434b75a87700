#include "base/cidr.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

Cidr block(std::string_view text) { return Cidr::parse(text).value(); }
IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

struct TextCase {
  const char* name;
  std::string_view text;
  std::string_view canonical;
  bool has_host_bits;
};
std::ostream& operator<<(std::ostream& out, const TextCase& each) { return out << each.text; }

class CidrText : public ::testing::TestWithParam<TextCase> {};

TEST_P(CidrText, ClearsHostBitsAndSaysSo) {
  const auto cidr = Cidr::parse(GetParam().text);

  ASSERT_TRUE(cidr);
  EXPECT_EQ(cidr->to_string(), GetParam().canonical);
  EXPECT_EQ(cidr->has_host_bits(), GetParam().has_host_bits);
}

INSTANTIATE_TEST_SUITE_P(
    Accepted, CidrText,
    ::testing::Values(TextCase{"V4", "10.96.0.0/12", "10.96.0.0/12", false},
                      TextCase{"V4HostBits", "10.0.0.7/8", "10.0.0.0/8", true},
                      TextCase{"V4HostBitsInsideAByte", "10.111.0.0/12", "10.96.0.0/12", true},
                      TextCase{"V4OneAddress", "10.0.0.1/32", "10.0.0.1/32", false},
                      TextCase{"V4All", "0.0.0.0/0", "0.0.0.0/0", false},
                      TextCase{"V6", "fd00:96::/112", "fd00:96::/112", false},
                      TextCase{"V6HostBits", "fd00::1/64", "fd00::/64", true},
                      TextCase{"V6OneAddress", "::1/128", "::1/128", false},
                      TextCase{"V6All", "::/0", "::/0", false},
                      TextCase{"Mapped", "::ffff:10.0.0.0/104", "10.0.0.0/8", false},
                      TextCase{"MappedOneAddress", "::ffff:10.0.0.1/128", "10.0.0.1/32", false}),
    test::CaseName{});

class CidrRefusal : public ::testing::TestWithParam<TextCase> {};

TEST_P(CidrRefusal, IsNoBlock) { EXPECT_FALSE(Cidr::parse(GetParam().text)); }

INSTANTIATE_TEST_SUITE_P(
    Refused, CidrRefusal,
    ::testing::Values(TextCase{"Empty", "", "", false}, TextCase{"NoPrefix", "10.0.0.0", "", false},
                      TextCase{"EmptyPrefix", "10.0.0.0/", "", false},
                      TextCase{"EmptyAddress", "/8", "", false},
                      TextCase{"V4TooLong", "10.0.0.0/33", "", false},
                      TextCase{"V6TooLong", "::/129", "", false},
                      TextCase{"Negative", "10.0.0.0/-1", "", false},
                      TextCase{"NegativeZero", "10.0.0.0/-0", "", false},
                      TextCase{"Plus", "10.0.0.0/+8", "", false},
                      TextCase{"Huge", "10.0.0.0/99999999999", "", false},
                      TextCase{"Mask", "10.0.0.0/255.0.0.0", "", false},
                      TextCase{"TrailingSpace", "10.0.0.0/8 ", "", false},
                      TextCase{"TwoSlashes", "10.0.0.0/8/8", "", false},
                      TextCase{"MappedShorterThanItsPrefix", "::ffff:10.0.0.0/8", "", false},
                      TextCase{"BadAddress", "10.0.0/8", "", false}),
    test::CaseName{});

struct ContainsCase {
  const char* name;
  std::string_view block;
  std::string_view address;
  bool inside;
};
std::ostream& operator<<(std::ostream& out, const ContainsCase& each) {
  return out << each.block << ' ' << each.address;
}

class CidrContains : public ::testing::TestWithParam<ContainsCase> {};

TEST_P(CidrContains, FollowsTheTable) {
  EXPECT_EQ(block(GetParam().block).contains(ip(GetParam().address)), GetParam().inside);
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, CidrContains,
    ::testing::Values(ContainsCase{"First", "10.96.0.0/12", "10.96.0.0", true},
                      ContainsCase{"Last", "10.96.0.0/12", "10.111.255.255", true},
                      ContainsCase{"Before", "10.96.0.0/12", "10.95.255.255", false},
                      ContainsCase{"After", "10.96.0.0/12", "10.112.0.0", false},
                      ContainsCase{"ItselfAlone", "10.0.0.1/32", "10.0.0.1", true},
                      ContainsCase{"NextToItself", "10.0.0.1/32", "10.0.0.2", false},
                      ContainsCase{"V6Last", "fd00::/64", "fd00::ffff:ffff:ffff:ffff", true},
                      ContainsCase{"V6After", "fd00::/64", "fd00:0:0:1::", false},
                      ContainsCase{"AllV4HoldsNoV6", "0.0.0.0/0", "::1", false},
                      ContainsCase{"AllV6HoldsNoV4", "::/0", "10.0.0.1", false},
                      ContainsCase{"AllV6HoldsNoMappedV4", "::/0", "::ffff:10.0.0.1", false}),
    test::CaseName{});

TEST(Cidr, CountsItsAddresses) {
  EXPECT_EQ(block("10.0.0.1/32").size(), 1u);
  EXPECT_EQ(block("10.0.0.0/24").size(), 256u);
  EXPECT_EQ(block("0.0.0.0/0").size(), std::uint64_t{1} << 32);
  EXPECT_EQ(block("fd00::/112").size(), 65536u);
}

TEST(Cidr, CountsNoMoreThanTwoToThePowerOf63) {
  EXPECT_EQ(block("fd00::/65").size(), std::uint64_t{1} << 63);
  EXPECT_EQ(block("fd00::/64").size(), std::uint64_t{1} << 63);
  EXPECT_EQ(block("::/0").size(), std::uint64_t{1} << 63);
}

TEST(Cidr, NumbersItsAddressesFromTheFirst) {
  EXPECT_EQ(block("10.96.0.0/12").at(0), ip("10.96.0.0"));
  EXPECT_EQ(block("10.96.0.0/12").at(257), ip("10.96.1.1"));
  EXPECT_EQ(block("10.96.0.0/12").at(block("10.96.0.0/12").size() - 1), ip("10.111.255.255"));
  EXPECT_EQ(block("fd00:96::/112").at(0x1234), ip("fd00:96::1234"));
}

TEST(CidrDeathTest, HasNoAddressPastItsLast) {
  EXPECT_DEATH((void)block("10.0.0.0/24").at(256), "n < size\\(\\)");
}

TEST(Cidr, OneOfSeveralBlocksIsEnough) {
  const std::vector<Cidr> blocks{block("10.0.0.0/8"), block("fd00::/8")};

  EXPECT_TRUE(is_in_any(ip("10.1.2.3"), blocks));
  EXPECT_TRUE(is_in_any(ip("fd00::1"), blocks));
  EXPECT_FALSE(is_in_any(ip("192.0.2.1"), blocks));
  EXPECT_FALSE(is_in_any(ip("10.1.2.3"), {}));
}

TEST(Cidr, ComparesWithoutTheHostBits) {
  EXPECT_EQ(block("10.0.0.7/8"), block("10.0.0.0/8"));
  EXPECT_FALSE(block("10.0.0.0/8") == block("10.0.0.0/9"));
}

}  // namespace
}  // namespace wherry
