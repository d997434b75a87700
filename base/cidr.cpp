#include "base/cidr.h"

#include "base/assert.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace wherry {
namespace {

IpAddress with_cleared_host_bits(const IpAddress& address, int prefix_length) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  std::copy(from.begin(), from.end(), bytes.begin());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const int kept = std::clamp(prefix_length - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff << (8 - kept)));
  }
  return IpAddress::from_bytes({bytes.data(), from.size()});
}

}  // namespace

std::optional<Cidr> Cidr::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;

  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-') {
    return std::nullopt;
  }
  // An IPv4-mapped block counts the 96 bits that all mapped addresses begin with.
  const bool is_mapped = address->family() == IpFamily::IPv4 &&
                         text.substr(0, slash).find(':') != std::string_view::npos;
  if (is_mapped) length -= 96;
  if (length < 0 || length > static_cast<int>(address->bytes().size()) * 8) return std::nullopt;

  Cidr cidr;
  cidr.base_ = with_cleared_host_bits(*address, length);
  cidr.prefix_length_ = length;
  cidr.has_host_bits_ = cidr.base_ != *address;
  return cidr;
}

Cidr Cidr::of(const IpAddress& address) noexcept {
  Cidr cidr;
  cidr.base_ = address;
  cidr.prefix_length_ = static_cast<int>(address.bytes().size()) * 8;
  return cidr;
}

bool Cidr::contains(const IpAddress& address) const noexcept {
  return address.family() == family() && with_cleared_host_bits(address, prefix_length_) == base_;
}

std::uint64_t Cidr::size() const noexcept {
  const int host_bits = static_cast<int>(base_.bytes().size()) * 8 - prefix_length_;
  return std::uint64_t{1} << std::min(host_bits, 63);
}

IpAddress Cidr::at(std::uint64_t n) const noexcept {
  WHERRY_ASSERT(n < size());
  std::array<std::uint8_t, 16> bytes{};
  const auto from = base_.bytes();
  std::copy(from.begin(), from.end(), bytes.begin());
  for (std::size_t i = from.size(); i-- > 0 && n > 0; n >>= 8) {
    bytes[i] = static_cast<std::uint8_t>(bytes[i] | (n & 0xff));
  }
  return IpAddress::from_bytes({bytes.data(), from.size()});
}

std::string Cidr::to_string() const {
  return base_.to_string() + '/' + std::to_string(prefix_length_);
}

bool is_in_any(const IpAddress& address, std::span<const Cidr> blocks) noexcept {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&address](const Cidr& block) { return block.contains(address); });
}

}  // namespace wherry
