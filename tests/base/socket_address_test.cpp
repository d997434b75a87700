#include "base/socket_address.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace wherry {
namespace {

struct TextCase {
  const char* name;
  std::string_view text;
  std::string_view canonical;
};
std::ostream& operator<<(std::ostream& out, const TextCase& each) { return out << each.text; }

class SocketAddressText : public ::testing::TestWithParam<TextCase> {};

TEST_P(SocketAddressText, ReadsAndWritesTheCanonicalForm) {
  const auto address = SocketAddress::parse(GetParam().text);

  ASSERT_TRUE(address);
  EXPECT_EQ(address->to_string(), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(Accepted, SocketAddressText,
                         ::testing::Values(TextCase{"V4", "127.0.0.1:80", "127.0.0.1:80"},
                                           TextCase{"V6", "[::1]:80", "[::1]:80"},
                                           TextCase{"PortZero", "10.0.0.1:0", "10.0.0.1:0"},
                                           TextCase{"LastPort", "10.0.0.1:65535", "10.0.0.1:65535"},
                                           TextCase{"MappedIsV4", "[::ffff:10.0.0.1]:53",
                                                    "10.0.0.1:53"}),
                         test::CaseName{});

class SocketAddressRefusal : public ::testing::TestWithParam<TextCase> {};

TEST_P(SocketAddressRefusal, IsNoSocketAddress) {
  EXPECT_FALSE(SocketAddress::parse(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Refused, SocketAddressRefusal,
    ::testing::Values(
        TextCase{"Empty", "", ""}, TextCase{"NoPort", "127.0.0.1", ""},
        TextCase{"EmptyPort", "127.0.0.1:", ""}, TextCase{"NoHost", ":80", ""},
        TextCase{"EmptyBrackets", "[]:80", ""}, TextCase{"BareV6", "::1:80", ""},
        TextCase{"V6WithoutPort", "[::1]", ""}, TextCase{"V4InBrackets", "[10.0.0.1]:80", ""},
        TextCase{"OpenBracket", "[::1:80", ""}, TextCase{"JunkAfterBracket", "[::1]x:80", ""},
        TextCase{"Name", "localhost:80", ""}, TextCase{"PortTooLarge", "10.0.0.1:65536", ""},
        TextCase{"NegativePort", "10.0.0.1:-1", ""}, TextCase{"PortPlus", "10.0.0.1:+1", ""},
        TextCase{"PortSpace", "10.0.0.1: 80", ""}, TextCase{"PortHex", "10.0.0.1:0x50", ""},
        TextCase{"PortName", "10.0.0.1:http", ""}),
    test::CaseName{});

TEST(SocketAddress, OrdersByAddressThenPort) {
  const auto low = SocketAddress::parse("10.0.0.1:443");
  const auto high = SocketAddress::parse("10.0.0.2:80");

  EXPECT_LT(low, high);
  EXPECT_LT(SocketAddress::parse("10.0.0.1:80"), low);
}

TEST(SocketAddress, HashesPortsApart) {
  std::unordered_set<std::size_t> hashes;
  for (std::uint16_t port = 0; port < 1000; ++port) {
    hashes.insert(std::hash<SocketAddress>{}({IpAddress{}, port}));
  }

  EXPECT_EQ(hashes.size(), 1000u);
}

TEST(Protocol, ReadsWhatItWrites) {
  for (const Protocol protocol : {Protocol::TCP, Protocol::UDP, Protocol::SCTP}) {
    EXPECT_EQ(parse_protocol(to_string(protocol)), protocol);
  }
}

TEST(Protocol, IsSpelledInCapitals) {
  EXPECT_EQ(parse_protocol("tcp"), std::nullopt);
  EXPECT_EQ(parse_protocol(""), std::nullopt);
}

}  // namespace
}  // namespace wherry
