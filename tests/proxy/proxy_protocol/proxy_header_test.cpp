#include "proxy/proxy_protocol/proxy_header.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace wherry::proxy_protocol {
namespace {

using balancer::ProxyProtocol;
using test::at;
using State = ProxyHeader::State;

ProxyHeader read(std::string_view text) {
  return read_proxy_header(std::as_bytes(std::span(text)));
}

ProxiedConnection from_to(const char* source, const char* destination) {
  return {at(source), at(destination)};
}

/// A header of version 2: its second byte of the fixed part on, and what follows the length.
std::string v2(std::string_view version_and_family, std::string_view rest,
               std::optional<std::size_t> length = std::nullopt) {
  const std::size_t size = length.value_or(rest.size());
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += version_and_family;
  header += static_cast<char>(size >> 8);
  header += static_cast<char>(size & 0xff);
  return header + std::string(rest);
}

const std::string kAddresses4("\xcb\x00\x71\x09\xc6\x33\x64\x01\x9c\x40\x01\xbb", 12);
const std::string kTcp4 = "\x21\x11";

struct WholeCase {
  const char* name;
  std::string text;
  std::optional<ProxiedConnection> connection;
};
std::ostream& operator<<(std::ostream& out, const WholeCase& each) { return out << each.name; }

class AWholeHeader : public ::testing::TestWithParam<WholeCase> {};

TEST_P(AWholeHeader, SaysWhoConnectsWhereAndEndsBeforeTheFirstByteOfTheClient) {
  const ProxyHeader header = read(GetParam().text + "GET / HTTP/1.1\r\n");

  ASSERT_EQ(header.state, State::Whole) << header.wrong;
  EXPECT_EQ(header.size, GetParam().text.size());
  EXPECT_EQ(header.connection, GetParam().connection);
}

TEST_P(AWholeHeader, IsWaitedForUntilItsLastByte) {
  for (std::size_t size = 0; size < GetParam().text.size(); ++size) {
    const ProxyHeader header = read(GetParam().text.substr(0, size));
    ASSERT_EQ(header.state, State::Incomplete) << "after " << size << " bytes: " << header.wrong;
    EXPECT_GT(header.size, size);
    EXPECT_LE(header.size, GetParam().text.size());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Headers, AWholeHeader,
    ::testing::Values(
        WholeCase{"V1Tcp4", "PROXY TCP4 203.0.113.9 198.51.100.1 40000 443\r\n",
                  from_to("203.0.113.9:40000", "198.51.100.1:443")},
        WholeCase{"V1Tcp6", "PROXY TCP6 2001:db8::9 2001:DB8:0:0:0:0:0:1 1 65535\r\n",
                  from_to("[2001:db8::9]:1", "[2001:db8::1]:65535")},
        WholeCase{"V1Tcp6Mapped", "PROXY TCP6 ::ffff:203.0.113.9 2001:db8::1 5 6\r\n",
                  from_to("203.0.113.9:5", "[2001:db8::1]:6")},
        WholeCase{"V1Unknown", "PROXY UNKNOWN\r\n", std::nullopt},
        WholeCase{"V1UnknownWithRest", "PROXY UNKNOWN what ever 0 -1\r\n", std::nullopt},
        WholeCase{"V1Longest",
                  "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff " + std::string(59, '6') + "\r\n",
                  std::nullopt},
        WholeCase{"V2Tcp4", v2(kTcp4, kAddresses4),
                  from_to("203.0.113.9:40000", "198.51.100.1:443")},
        WholeCase{"V2Tcp6",
                  v2("\x21\x21", std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16) +
                                     std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
                                     std::string("\0\x01\xff\xff", 4)),
                  from_to("[2001:db8::9]:1", "[2001:db8::1]:65535")},
        WholeCase{"V2WithTlvs", v2(kTcp4, kAddresses4 + std::string("\x04\0\0\x02\0\x02h2", 8)),
                  from_to("203.0.113.9:40000", "198.51.100.1:443")},
        WholeCase{"V2Local", v2(std::string("\x20\x00", 2), ""), std::nullopt},
        WholeCase{"V2LocalWithWhatIsToBeSkipped", v2("\x20\xff", "\x03\xff"), std::nullopt},
        WholeCase{"V2Unspecified", v2(std::string("\x21\x00", 2), ""), std::nullopt},
        WholeCase{"V2Udp", v2("\x21\x12", kAddresses4), std::nullopt},
        WholeCase{"V2Unix", v2("\x21\x31", std::string(216, '/')), std::nullopt}),
    [](const auto& row) { return row.param.name; });

struct WrongCase {
  const char* name;
  std::string text;
  const char* wrong;
};
std::ostream& operator<<(std::ostream& out, const WrongCase& each) { return out << each.name; }

class AWrongHeader : public ::testing::TestWithParam<WrongCase> {};

TEST_P(AWrongHeader, IsRefusedWhateverFollows) {
  for (const char* more : {"", "\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n"}) {
    const ProxyHeader header = read(GetParam().text + more);
    EXPECT_EQ(header.state, State::Wrong);
    EXPECT_EQ(header.wrong, GetParam().wrong);
  }
}

constexpr const char* kWords =
    "a PROXY line that has not two addresses and two ports, with one space between";
constexpr const char* kBadAddress = "a PROXY line with a bad address";
constexpr const char* kBadPort = "a PROXY line with a bad port";
constexpr const char* kTlv = "a PROXY header with a TLV that breaks off";

INSTANTIATE_TEST_SUITE_P(
    Headers, AWrongHeader,
    ::testing::Values(
        WrongCase{"Http", "GET / HTTP/1.1\r\n", "no PROXY header"},
        WrongCase{"Tls", "\x16\x03\x01", "no PROXY header"},
        WrongCase{"SmallLetters", "proxy ", "no PROXY header"},
        WrongCase{"AlmostV2", "\r\n\r\n\r", "no PROXY header"},
        WrongCase{"V1TooLong", "PROXY UNKNOWN " + std::string(93, 'x'),
                  "a PROXY line of more than 107 bytes"},
        WrongCase{"V1NoCr", "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\n",
                  "a PROXY line that does not end with CR LF"},
        WrongCase{"V1Udp", "PROXY UDP4 1.2.3.4 5.6.7.8 9 10\r\n",
                  "a PROXY line of a protocol other than TCP4, TCP6 and UNKNOWN"},
        WrongCase{"V1NoProtocol", "PROXY \r\n",
                  "a PROXY line of a protocol other than TCP4, TCP6 and UNKNOWN"},
        WrongCase{"V1TwoSpaces", "PROXY TCP4 1.2.3.4  5.6.7.8 9 10\r\n", kWords},
        WrongCase{"V1TooFew", "PROXY TCP4 1.2.3.4 5.6.7.8 9\r\n", kWords},
        WrongCase{"V1TooMany", "PROXY TCP4 1.2.3.4 5.6.7.8 9 10 11\r\n", kWords},
        WrongCase{"V1SpaceAtTheEnd", "PROXY TCP4 1.2.3.4 5.6.7.8 9 10 \r\n", kWords},
        WrongCase{"V1NothingAtAll", "PROXY TCP4\r\n", kWords},
        WrongCase{"V1ZeroInFront", "PROXY TCP4 010.2.3.4 5.6.7.8 9 10\r\n", kBadAddress},
        WrongCase{"V1OtherFamily", "PROXY TCP4 ::1 ::2 9 10\r\n", kBadAddress},
        WrongCase{"V1OtherFamilyIn6", "PROXY TCP6 1.2.3.4 ::2 9 10\r\n", kBadAddress},
        WrongCase{"V1Zone", "PROXY TCP6 fe80::1%eth0 ::2 9 10\r\n", kBadAddress},
        WrongCase{"V1PortTooLarge", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 10\r\n", kBadPort},
        WrongCase{"V1PortWithSign", "PROXY TCP4 1.2.3.4 5.6.7.8 +9 10\r\n", kBadPort},
        WrongCase{"V1PortWithZero", "PROXY TCP4 1.2.3.4 5.6.7.8 9 010\r\n", kBadPort},
        WrongCase{"V2Version", v2("\x11\x11", kAddresses4), "a PROXY header of an unknown version"},
        WrongCase{"V2Command", v2("\x22\x11", kAddresses4),
                  "a PROXY header with an unknown command"},
        WrongCase{"V2Family", v2("\x21\x41", kAddresses4),
                  "a PROXY header of an unknown family or protocol"},
        WrongCase{"V2Protocol", v2("\x21\x13", kAddresses4),
                  "a PROXY header of an unknown family or protocol"},
        WrongCase{"V2Short", v2(kTcp4, kAddresses4.substr(1)),
                  "a PROXY header shorter than its addresses"},
        WrongCase{"V2TooLong", v2(kTcp4, "", 16384 - 15),
                  "a PROXY header of more than 16384 bytes"},
        WrongCase{"V2TlvHead", v2(kTcp4, kAddresses4 + std::string("\x04\0", 2)), kTlv},
        WrongCase{"V2TlvValue", v2(kTcp4, kAddresses4 + std::string("\x04\0\x02x", 4)), kTlv},
        WrongCase{"V2Checksum", v2(kTcp4, kAddresses4 + std::string("\x03\0\x04\0\0\0\0", 7)),
                  "a PROXY header whose checksum is not right"},
        WrongCase{"V2ChecksumSize", v2(kTcp4, kAddresses4 + std::string("\x03\0\x02\0\0", 5)),
                  "a PROXY header with a checksum that has not four bytes"}),
    [](const auto& row) { return row.param.name; });

TEST(ProxyHeader, AChecksumThatIsRightIsTaken) {
  // CRC-32C of this header with four zeros in the checksum's place, computed apart (bit by bit,
  // from RFC 3720's polynomial).
  const std::string text =
      v2(kTcp4, kAddresses4 + std::string("\x03\0\x04", 3) + std::string("\xed\xf5\x7f\xf3", 4));
  EXPECT_EQ(read(text).state, State::Whole) << read(text).wrong;
}

TEST(ProxyHeader, TheLongestIsTaken) {
  const std::size_t value = kLongestProxyHeader - 16 - 12 - 3;
  std::string tlv("\x04", 1);
  tlv += static_cast<char>(value >> 8);
  tlv += static_cast<char>(value & 0xff);
  const std::string text = v2(kTcp4, kAddresses4 + tlv + std::string(value, 'x'));

  EXPECT_EQ(read(text).state, State::Whole) << read(text).wrong;
  EXPECT_EQ(read(text).size, kLongestProxyHeader);
}

TEST(WriteProxyHeader, WritesWhatTheSpecificationShows) {
  EXPECT_EQ(write_proxy_header(ProxyProtocol::V1, from_to("203.0.113.9:40000", "198.51.100.1:443")),
            "PROXY TCP4 203.0.113.9 198.51.100.1 40000 443\r\n");
  EXPECT_EQ(write_proxy_header(ProxyProtocol::V1, from_to("[2001:db8::9]:1", "[2001:db8::1]:2")),
            "PROXY TCP6 2001:db8::9 2001:db8::1 1 2\r\n");
  EXPECT_EQ(write_proxy_header(ProxyProtocol::V2, from_to("203.0.113.9:40000", "198.51.100.1:443")),
            v2(kTcp4, kAddresses4));
}

TEST(WriteDatagramProxyHeader, SaysThatItIsUdp) {
  EXPECT_EQ(write_datagram_proxy_header(from_to("203.0.113.9:40000", "198.51.100.1:443")),
            v2("\x21\x12", kAddresses4));
  const std::string v6 = write_datagram_proxy_header(from_to("[2001:db8::9]:1", "[2001:db8::1]:2"));
  EXPECT_EQ(v6.size(), 52u);
  EXPECT_EQ(v6.substr(12, 4), std::string("\x21\x22\0\x24", 4));
  EXPECT_EQ(v6.substr(48), std::string("\0\1\0\2", 4));
}

TEST(WriteProxyHeader, IsReadAsItWasMeantAlsoWithTwoFamilies) {
  for (const auto version : {ProxyProtocol::V1, ProxyProtocol::V2}) {
    for (const auto& connection :
         {from_to("203.0.113.9:40000", "198.51.100.1:443"), from_to("[fd00::9]:0", "[::1]:65535"),
          from_to("203.0.113.9:1", "[fd00::1]:2"), from_to("[fd00::1]:2", "203.0.113.9:1")}) {
      const std::string text = write_proxy_header(version, connection);
      const ProxyHeader header = read(text);
      ASSERT_EQ(header.state, State::Whole) << header.wrong;
      EXPECT_EQ(header.size, text.size());
      EXPECT_EQ(header.connection, connection);
    }
  }
}

}  // namespace
}  // namespace wherry::proxy_protocol
