#include "base/ip_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace wherry {
namespace {

std::optional<IpAddress> parse_v4(std::string_view text) noexcept {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    const std::string_view part = text.substr(0, dot);
    // The cap keeps "0000…1" from growing without bound; Go's parser reads any length, but nobody
    // writes more than three digits.
    if (part.size() > 3) return std::nullopt;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), bytes[i]);
    if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    text.remove_prefix(i < 3 ? dot + 1 : dot);
  }
  return IpAddress::from_bytes(bytes);
}

std::optional<IpAddress> parse_v6(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  // inet_pton() would stop at a NUL and never see what follows it.
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET6, terminated.data(), bytes.data()) != 1) return std::nullopt;
  return IpAddress::from_bytes(bytes);
}

/// RFC 5952. Not inet_ntop(): that writes ::1:2 as "::0.1.0.2", which Kubernetes never does.
std::string v6_text(std::span<const std::uint8_t> bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i] = bytes[2 * i] * 256u + bytes[2 * i + 1];

  std::size_t longest_at = 0;
  std::size_t longest = 1;  // a single zero group is written out
  for (std::size_t i = 0, run = 0; i < groups.size(); ++i) {
    run = groups[i] == 0 ? run + 1 : 0;
    if (run > longest) {
      longest = run;
      longest_at = i + 1 - run;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (longest > 1 && i == longest_at) {
      text += "::";
      i += longest - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), groups[i], 16).ptr;
    text.append(digits.begin(), end);
  }
  return text;
}

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::string_view to_string(IpFamily family) noexcept {
  return family == IpFamily::IPv4 ? "IPv4" : "IPv6";
}

IpFamily other(IpFamily family) noexcept {
  return family == IpFamily::IPv4 ? IpFamily::IPv6 : IpFamily::IPv4;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

IpAddress IpAddress::from_bytes(std::span<const std::uint8_t> bytes) noexcept {
  IpAddress address;
  if (bytes.size() == 16) {
    if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) {
      bytes = bytes.subspan(12);
    } else {
      address.family_ = IpFamily::IPv6;
    }
  }
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::any(IpFamily family) noexcept {
  IpAddress address;
  address.family_ = family;
  return address;
}

IpAddress IpAddress::loopback(IpFamily family) noexcept {
  IpAddress address = any(family);
  if (family == IpFamily::IPv4) {
    address.bytes_[0] = 127;
    address.bytes_[3] = 1;
  } else {
    address.bytes_[15] = 1;
  }
  return address;
}

bool IpAddress::is_unspecified() const noexcept { return *this == any(family_); }

bool IpAddress::is_loopback() const noexcept {
  return family_ == IpFamily::IPv4 ? bytes_[0] == 127 : *this == loopback(IpFamily::IPv6);
}

bool IpAddress::is_multicast() const noexcept {
  return family_ == IpFamily::IPv4 ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

std::string IpAddress::to_string() const {
  if (family_ == IpFamily::IPv6) return v6_text(bytes());
  std::string text = std::to_string(bytes_[0]);
  for (std::size_t i = 1; i < 4; ++i) text += '.' + std::to_string(bytes_[i]);
  return text;
}

bool is_among(const IpAddress& address, std::span<const IpAddress> addresses) noexcept {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

}  // namespace wherry

std::size_t std::hash<wherry::IpAddress>::operator()(
    const wherry::IpAddress& address) const noexcept {
  const auto bytes = address.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
