#include "proxy/bpf/map_image.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

namespace wherry::bpf {
namespace {

using test::ip;

// Elements of the kernel's hash tables come in sizes of 96 and 128 bytes; 48 of them are the
// kernel's own, 8 its allocator's.
TEST(LbTypes, ElementsOfTheLargeMapsFitInto96Bytes) {
  EXPECT_LE(48 + 8 + sizeof(lb_address) + sizeof(lb_vip), 96u);
  EXPECT_LE(48 + 8 + (sizeof(lb_port_key) + 7) / 8 * 8 + sizeof(lb_target), 96u);
}

TEST(MapImage, AnIpv4AddressIsMappedAndComesBackAsIpv4) {
  const lb_address mapped = to_lb(ip("10.96.0.1"));

  EXPECT_EQ(bytes_of(mapped), std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x60\0\x01", 16));
  EXPECT_EQ(from_lb(mapped), ip("10.96.0.1"));
  EXPECT_EQ(from_lb(to_lb(ip("fd00::1"))), ip("fd00::1"));
}

TEST(MapImage, BlocksOfBothFamiliesKeepApartAndComeBack) {
  for (const char* text : {"10.96.0.0/12", "0.0.0.0/0", "10.0.0.1/32", "fd00::/8", "::/0"}) {
    EXPECT_EQ(block_of(to_lb(Cidr::parse(text).value(), 5))->to_string(), text);
  }
  EXPECT_EQ(to_lb(Cidr::parse("10.96.0.0/12").value(), 5).length, 32u + 96 + 12);
  EXPECT_NE(to_lb(Cidr::parse("10.96.0.0/12").value(), 5).list,
            to_lb(Cidr::parse("::/0").value(), 5).list);
}

TEST(MapImage, ABlockWithoutSenseIsNone) {
  lb_prefix prefix = to_lb(Cidr::parse("10.96.0.0/12").value(), 1);
  prefix.length = 40;  // shorter than an IPv4 block's can be

  EXPECT_FALSE(block_of(prefix));
}

TEST(MapStep, SaysWhatItIsAbout) {
  lb_port_key key{};
  key.address = to_lb(ip("fd00::1"));
  key.port = 53;
  key.flags = LB_UDP;

  EXPECT_EQ(to_string({MapId::Ports, bytes_of(key), {}}), "ports UDP [fd00::1]:53");
  EXPECT_EQ(to_string({MapId::Interfaces, bytes_of(std::uint32_t{7}), {}}), "interfaces 7");
}

}  // namespace
}  // namespace wherry::bpf
