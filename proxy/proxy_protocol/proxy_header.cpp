#include "proxy/proxy_protocol/proxy_header.h"

#include "base/assert.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace wherry::proxy_protocol {
namespace {

using Bytes = std::span<const std::byte>;
using State = ProxyHeader::State;

constexpr std::string_view kPrefixV1 = "PROXY ";
constexpr std::size_t kLongestV1 = 107;

constexpr std::string_view kSignatureV2{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixedV2 = 16;  // the signature, version and command, family, length
constexpr std::uint8_t kVersion2 = 0x20;
constexpr std::uint8_t kCommandLocal = 0x0;
constexpr std::uint8_t kCommandProxy = 0x1;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;
constexpr std::uint8_t kUdp4 = 0x12;
constexpr std::uint8_t kUdp6 = 0x22;
constexpr std::size_t kTlvHead = 3;  // type, length
constexpr std::uint8_t kTlvChecksum = 0x03;

std::uint8_t at(Bytes bytes, std::size_t index) {
  return std::to_integer<std::uint8_t>(bytes[index]);
}

std::uint16_t u16(Bytes bytes, std::size_t index) {
  return static_cast<std::uint16_t>(at(bytes, index) << 8 | at(bytes, index + 1));
}

ProxyHeader wrong(std::string_view what) { return {State::Wrong, 0, std::nullopt, what}; }
ProxyHeader incomplete(std::size_t needed) { return {State::Incomplete, needed, std::nullopt, {}}; }
ProxyHeader whole(std::size_t size, std::optional<ProxiedConnection> connection) {
  return {State::Whole, size, connection, {}};
}

/// Of as many as both have.
bool begins_alike(std::string_view text, std::string_view prefix) {
  const std::size_t common = std::min(text.size(), prefix.size());
  return text.substr(0, common) == prefix.substr(0, common);
}

// Version 1: one line of text.

/// Takes the word off the front, and the one space after it.
std::optional<std::string_view> next_word(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  const std::size_t space = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(std::min(space + 1, rest.size()));
  if (word.empty()) return std::nullopt;
  return word;
}

std::optional<IpAddress> strict_address(std::string_view word, IpFamily family) {
  const bool has_colon = word.find(':') != std::string_view::npos;
  if (has_colon != (family == IpFamily::IPv6)) return std::nullopt;
  const auto address = IpAddress::parse(word);
  // Zeros in front of a number are forbidden: some take it for octal.
  if (family == IpFamily::IPv4 && address && address->to_string() != word) return std::nullopt;
  return address;
}

std::optional<std::uint16_t> strict_port(std::string_view word) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  const bool has_zero_in_front = word.size() > 1 && word.front() == '0';
  if (error != std::errc() || end != word.data() + word.size() || has_zero_in_front) {
    return std::nullopt;
  }
  return port;
}

ProxyHeader read_line(std::string_view line, std::size_t size) {
  std::string_view rest = line.substr(kPrefixV1.size());
  const std::string_view protocol = rest.substr(0, rest.find(' '));
  // What follows is to be ignored.
  if (protocol == "UNKNOWN") return whole(size, std::nullopt);
  if (protocol != "TCP4" && protocol != "TCP6") {
    return wrong("a PROXY line of a protocol other than TCP4, TCP6 and UNKNOWN");
  }
  const IpFamily family = protocol == "TCP4" ? IpFamily::IPv4 : IpFamily::IPv6;
  rest.remove_prefix(std::min(protocol.size() + 1, rest.size()));
  std::array<std::optional<std::string_view>, 4> words;
  for (auto& word : words) word = next_word(rest);
  if (!words[3] || !rest.empty() || line.ends_with(' ')) {
    return wrong("a PROXY line that has not two addresses and two ports, with one space between");
  }
  const auto source = strict_address(*words[0], family);
  const auto destination = strict_address(*words[1], family);
  if (!source || !destination) return wrong("a PROXY line with a bad address");
  const auto source_port = strict_port(*words[2]);
  const auto destination_port = strict_port(*words[3]);
  if (!source_port || !destination_port) return wrong("a PROXY line with a bad port");
  return whole(size, ProxiedConnection{{*source, *source_port}, {*destination, *destination_port}});
}

ProxyHeader read_v1(std::string_view text) {
  text = text.substr(0, kLongestV1);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    if (text.size() == kLongestV1) return wrong("a PROXY line of more than 107 bytes");
    return incomplete(text.size() + 1);
  }
  if (text[end - 1] != '\r') return wrong("a PROXY line that does not end with CR LF");
  return read_line(text.substr(0, end - 1), end + 1);
}

// Version 2: binary.

/// CRC-32C (RFC 3720, appendix B.4), reflected.
constexpr std::array<std::uint32_t, 256> kChecksumTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? value >> 1 ^ 0x82f63b78 : value >> 1;
    }
    table[i] = value;
  }
  return table;
}();

/// Of the header as it was before the four bytes at `hole` were written.
std::uint32_t checksum(Bytes header, std::size_t hole) {
  std::uint32_t value = 0xffffffff;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::uint8_t byte = i >= hole && i < hole + 4 ? 0 : at(header, i);
    value = kChecksumTable[(value ^ byte) & 0xff] ^ value >> 8;
  }
  return ~value;
}

/// What is wrong with what follows the addresses; empty if nothing is.
std::string_view wrong_with_tlvs(Bytes header, std::size_t begin) {
  while (begin < header.size()) {
    if (header.size() - begin < kTlvHead) return "a PROXY header with a TLV that breaks off";
    const std::size_t value = begin + kTlvHead;
    const std::size_t length = u16(header, begin + 1);
    if (header.size() - value < length) return "a PROXY header with a TLV that breaks off";
    if (at(header, begin) == kTlvChecksum) {
      if (length != 4) return "a PROXY header with a checksum that has not four bytes";
      const std::uint32_t said =
          std::uint32_t{u16(header, value)} << 16 | std::uint32_t{u16(header, value + 2)};
      if (said != checksum(header, value)) return "a PROXY header whose checksum is not right";
    }
    begin = value + length;
  }
  return {};
}

/// How many bytes the addresses of a family have; nothing for what version 2 forbids.
std::optional<std::size_t> addresses_size(std::uint8_t family_and_protocol) {
  if ((family_and_protocol & 0x0f) > 2) return std::nullopt;
  switch (family_and_protocol >> 4) {
    case 0:  // unspecified
      return 0;
    case 1:  // IPv4
      return 12;
    case 2:  // IPv6
      return 36;
    case 3:  // Unix
      return 216;
    default:
      return std::nullopt;
  }
}

SocketAddress endpoint(Bytes addresses, std::size_t ip, std::size_t ip_size, std::size_t port) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < ip_size; ++i) bytes[i] = at(addresses, ip + i);
  return {IpAddress::from_bytes(std::span(bytes).first(ip_size)), u16(addresses, port)};
}

ProxyHeader read_v2(Bytes bytes) {
  if (bytes.size() < kFixedV2) return incomplete(kFixedV2);
  const std::size_t size = kFixedV2 + u16(bytes, 14);
  if (size > kLongestProxyHeader) return wrong("a PROXY header of more than 16384 bytes");
  if ((at(bytes, 12) & 0xf0) != kVersion2) return wrong("a PROXY header of an unknown version");
  const std::uint8_t command = at(bytes, 12) & 0x0f;
  if (command != kCommandLocal && command != kCommandProxy) {
    return wrong("a PROXY header with an unknown command");
  }
  const auto addresses = addresses_size(at(bytes, 13));
  if (command == kCommandProxy) {
    if (!addresses) return wrong("a PROXY header of an unknown family or protocol");
    if (size < kFixedV2 + *addresses) return wrong("a PROXY header shorter than its addresses");
  }
  if (bytes.size() < size) return incomplete(size);
  // Of the proxy's own commands nothing else is to be looked at.
  if (command == kCommandLocal) return whole(size, std::nullopt);
  const Bytes header = bytes.first(size);
  const std::string_view bad = wrong_with_tlvs(header, kFixedV2 + *addresses);
  if (!bad.empty()) return wrong(bad);
  const Bytes body = header.subspan(kFixedV2);
  switch (at(bytes, 13)) {
    case kTcp4:
      return whole(size, ProxiedConnection{endpoint(body, 0, 4, 8), endpoint(body, 4, 4, 10)});
    case kTcp6:
      return whole(size, ProxiedConnection{endpoint(body, 0, 16, 32), endpoint(body, 16, 16, 34)});
    default:
      return whole(size, std::nullopt);
  }
}

// Writing.

bool is_v4(const ProxiedConnection& connection) {
  return connection.source.ip.family() == IpFamily::IPv4 &&
         connection.destination.ip.family() == IpFamily::IPv4;
}

std::string line(const ProxiedConnection& connection) {
  const bool v4 = is_v4(connection);
  const auto text = [v4](const IpAddress& address) {
    const bool mapped = !v4 && address.family() == IpFamily::IPv4;
    return (mapped ? "::ffff:" : "") + address.to_string();
  };
  return std::string(kPrefixV1) + (v4 ? "TCP4 " : "TCP6 ") + text(connection.source.ip) + ' ' +
         text(connection.destination.ip) + ' ' + std::to_string(connection.source.port) + ' ' +
         std::to_string(connection.destination.port) + "\r\n";
}

void append_u16(std::string& to, std::size_t value) {
  to += static_cast<char>(value >> 8);
  to += static_cast<char>(value & 0xff);
}

void append_address(std::string& to, const IpAddress& address, bool v4) {
  if (!v4 && address.family() == IpFamily::IPv4) to += std::string(10, '\0') + "\xff\xff";
  for (const std::uint8_t byte : address.bytes()) to += static_cast<char>(byte);
}

std::string binary(const ProxiedConnection& connection, Protocol protocol) {
  const bool v4 = is_v4(connection);
  const bool tcp = protocol == Protocol::TCP;
  std::string header(kSignatureV2);
  header += static_cast<char>(kVersion2 | kCommandProxy);
  header += static_cast<char>(v4 ? (tcp ? kTcp4 : kUdp4) : (tcp ? kTcp6 : kUdp6));
  append_u16(header, v4 ? 12 : 36);
  append_address(header, connection.source.ip, v4);
  append_address(header, connection.destination.ip, v4);
  append_u16(header, connection.source.port);
  append_u16(header, connection.destination.port);
  return header;
}

}  // namespace

ProxyHeader read_proxy_header(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.empty()) return incomplete(1);
  if (begins_alike(text, kSignatureV2)) {
    return text.size() < kSignatureV2.size() ? incomplete(kFixedV2) : read_v2(bytes);
  }
  if (!begins_alike(text, kPrefixV1)) return wrong("no PROXY header");
  return text.size() < kPrefixV1.size() ? incomplete(text.size() + 1) : read_v1(text);
}

std::string write_proxy_header(balancer::ProxyProtocol version,
                               const ProxiedConnection& connection) {
  WHERRY_ASSERT(version != balancer::ProxyProtocol::None);
  return version == balancer::ProxyProtocol::V1 ? line(connection)
                                                : binary(connection, Protocol::TCP);
}

std::string write_datagram_proxy_header(const ProxiedConnection& connection) {
  return binary(connection, Protocol::UDP);
}

}  // namespace wherry::proxy_protocol
