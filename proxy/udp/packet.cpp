#include "proxy/udp/packet.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>

namespace wherry::udp {
namespace {

constexpr std::uint8_t kTtl = 64;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIcmpHeader = 8;

void put8(std::vector<std::byte>& into, unsigned value) {
  into.push_back(static_cast<std::byte>(value));
}

void put16(std::vector<std::byte>& into, std::size_t value) {
  put8(into, static_cast<unsigned>(value >> 8 & 0xff));
  put8(into, static_cast<unsigned>(value & 0xff));
}

void put(std::vector<std::byte>& into, const IpAddress& address) {
  for (const std::uint8_t byte : address.bytes()) put8(into, byte);
}

void set16(std::vector<std::byte>& in, std::size_t at, std::uint16_t value) {
  in[at] = static_cast<std::byte>(value >> 8);
  in[at + 1] = static_cast<std::byte>(value & 0xff);
}

void add(Checksum& sum, const IpAddress& address) {
  const auto bytes = address.bytes();
  sum.add(std::as_bytes(bytes));
}

void put_ipv4_header(std::vector<std::byte>& into, const IpAddress& from, const IpAddress& to,
                     std::size_t payload) {
  const std::size_t begin = into.size();
  put16(into, 0x4500);  // version 4, five words, no class of service
  put16(into, std::min<std::size_t>(kIpv4Header + payload, 0xffff));
  put16(into, 0);  // identification
  put16(into, 0);  // no fragment
  put8(into, kTtl);
  put8(into, IPPROTO_UDP);
  put16(into, 0);
  put(into, from);
  put(into, to);
  Checksum sum;
  sum.add({into.data() + begin, kIpv4Header});
  set16(into, begin + 10, sum.finish());
}

void put_ipv6_header(std::vector<std::byte>& into, const IpAddress& from, const IpAddress& to,
                     std::size_t payload) {
  put16(into, 0x6000);  // version 6
  put16(into, 0);
  put16(into, std::min<std::size_t>(payload, 0xffff));
  put8(into, IPPROTO_UDP);
  put8(into, kTtl);
  put(into, from);
  put(into, to);
}

}  // namespace

void Checksum::add(std::span<const std::byte> bytes) noexcept {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 2; left -= 2, at += 2) {
    sum_ += std::to_integer<std::uint64_t>(at[0]) << 8 | std::to_integer<std::uint64_t>(at[1]);
  }
  if (left == 1) sum_ += std::to_integer<std::uint64_t>(at[0]) << 8;
}

std::uint16_t Checksum::finish() const noexcept {
  std::uint64_t sum = sum_;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

std::array<std::byte, kUdpHeader> udp_header(const SocketAddress& from, const SocketAddress& to,
                                             std::span<const std::byte> payload) {
  const auto length = static_cast<std::uint16_t>(kUdpHeader + payload.size());
  Checksum sum;
  add(sum, from.ip);
  add(sum, to.ip);
  sum.add(std::uint16_t{IPPROTO_UDP});
  sum.add(length);
  sum.add(from.port);
  sum.add(to.port);
  sum.add(length);
  sum.add(payload);
  std::uint16_t checksum = sum.finish();
  if (checksum == 0) checksum = 0xffff;  // 0 says that there is none
  const std::array<std::uint16_t, 4> words{from.port, to.port, length, checksum};
  std::array<std::byte, kUdpHeader> header{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    header[2 * i] = static_cast<std::byte>(words[i] >> 8);
    header[2 * i + 1] = static_cast<std::byte>(words[i] & 0xff);
  }
  return header;
}

std::vector<std::byte> unreachable_message(Unreachable what, const SocketAddress& client,
                                           const SocketAddress& asked, std::size_t size) {
  const bool is_v4 = client.ip.family() == IpFamily::IPv4;
  std::vector<std::byte> message;
  if (is_v4) {
    put8(message, 3);
    put8(message, what == Unreachable::Port ? 3 : 1);
  } else {
    put8(message, 1);
    put8(message, what == Unreachable::Port ? 4 : 3);
  }
  while (message.size() < kIcmpHeader) put8(message, 0);
  const std::size_t length = kUdpHeader + size;
  (is_v4 ? put_ipv4_header : put_ipv6_header)(message, client.ip, asked.ip, length);
  put16(message, client.port);
  put16(message, asked.port);
  put16(message, length);
  put16(message, 0);
  if (is_v4) {
    Checksum sum;
    sum.add(message);
    set16(message, 2, sum.finish());
  }
  return message;
}

}  // namespace wherry::udp
