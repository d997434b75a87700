#include "proxy/udp/packet.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::udp {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

/// What a receiver does: over everything, the checksum included, the sum is 0.
std::uint16_t sum_at_receiver(const SocketAddress& from, const SocketAddress& to,
                              std::string_view payload) {
  const auto header = udp_header(from, to, bytes_of(payload));
  Checksum sum;
  sum.add(std::as_bytes(from.ip.bytes()));
  sum.add(std::as_bytes(to.ip.bytes()));
  sum.add(std::uint16_t{17});
  sum.add(static_cast<std::uint16_t>(kUdpHeader + payload.size()));
  sum.add(header);
  sum.add(bytes_of(payload));
  return sum.finish();
}

TEST(Checksum, IsThatOfRfc1071) {
  // The example of RFC 1071, section 3: 0001 f203 f4f5 f6f7 sum up to ddf2.
  Checksum sum;
  sum.add(bytes_of(std::string_view("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8)));

  EXPECT_EQ(sum.finish(), 0xffff - 0xddf2);
}

TEST(Checksum, TakesAnOddByteAsTheHighOne) {
  Checksum sum;
  sum.add(bytes_of("\x01"));

  EXPECT_EQ(sum.finish(), 0xffff - 0x0100);
}

TEST(UdpHeader, HasPortsLengthAndChecksum) {
  // By hand: pseudo header 7f00 0001 7f00 0001 0011 000a, header 0035 1388 000a 0000, "hi" 6869.
  EXPECT_EQ(hex(udp_header(test::at("127.0.0.1:53"), test::at("127.0.0.1:5000"), bytes_of("hi"))),
            "00351388000a85b1");
}

TEST(UdpHeader, IsFoundRightByAReceiver) {
  for (const std::string_view payload : {"", "x", "answer", "seven by"}) {
    EXPECT_EQ(sum_at_receiver(test::at("10.0.0.1:53"), test::at("192.0.2.9:40000"), payload), 0)
        << payload;
    EXPECT_EQ(sum_at_receiver(test::at("[fd00::1]:53"), test::at("[fd00::2]:40000"), payload), 0)
        << payload;
  }
}

TEST(UdpHeader, NeverSaysThatThereIsNoChecksum) {
  // A payload that makes the sum come out as 0, which would mean that there is none.
  const SocketAddress from = test::at("10.0.0.1:53");
  const SocketAddress to = test::at("10.0.0.2:40000");
  const auto plain = udp_header(from, to, bytes_of(std::string_view("\0\0", 2)));
  const std::string fill{static_cast<char>(plain[6]), static_cast<char>(plain[7])};

  const auto header = udp_header(from, to, bytes_of(fill));

  EXPECT_EQ(hex(std::span(header).subspan(6)), "ffff");
}

TEST(UnreachableMessage, OfIPv4CarriesTheHeadersOfWhatWasSent) {
  const auto message = unreachable_message(Unreachable::Port, test::at("192.0.2.9:40000"),
                                           test::at("10.0.0.10:53"), 5);

  ASSERT_EQ(message.size(), 36u);
  EXPECT_EQ(hex(std::span(message).first(2)), "0303");
  EXPECT_EQ(hex(std::span(message).subspan(8, 10)), "45000021000000004011");
  EXPECT_EQ(hex(std::span(message).subspan(20)), "c00002090a00000a9c400035000d0000");
  Checksum whole;
  whole.add(message);
  EXPECT_EQ(whole.finish(), 0);
  Checksum inner;
  inner.add(std::span(message).subspan(8, 20));
  EXPECT_EQ(inner.finish(), 0);
}

TEST(UnreachableMessage, OfIPv6LeavesTheChecksumToTheKernel) {
  const auto message = unreachable_message(Unreachable::Port, test::at("[fd00::9]:40000"),
                                           test::at("[fd00::10]:53"), 5);

  ASSERT_EQ(message.size(), 56u);
  EXPECT_EQ(hex(std::span(message).first(8)), "0104000000000000");
  EXPECT_EQ(hex(std::span(message).subspan(8, 8)), "60000000000d1140");
  EXPECT_EQ(hex(std::span(message).subspan(48)), "9c400035000d0000");
}

TEST(UnreachableMessage, SaysOfAHostThatThereIsNoWay) {
  const auto four =
      unreachable_message(Unreachable::Host, test::at("192.0.2.9:1"), test::at("10.0.0.10:53"), 5);
  const auto six =
      unreachable_message(Unreachable::Host, test::at("[fd00::9]:1"), test::at("[fd00::10]:53"), 5);

  EXPECT_EQ(hex(std::span(four).first(2)), "0301");
  EXPECT_EQ(hex(std::span(six).first(2)), "0103");
}

}  // namespace
}  // namespace wherry::udp
