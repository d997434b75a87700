#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wherry {

enum class IpFamily : std::uint8_t { IPv4, IPv6 };

/// "IPv4" or "IPv6", as Kubernetes spells them.
[[nodiscard]] std::string_view to_string(IpFamily family) noexcept;
[[nodiscard]] IpFamily other(IpFamily family) noexcept;

/// An IPv4 or IPv6 address, without zone. IPv4-mapped IPv6 addresses are IPv4, as Go's net.IP and
/// with it all of Kubernetes treats them. Ordered: IPv4 before IPv6, then by value.
class IpAddress {
 public:
  /// 0.0.0.0
  constexpr IpAddress() noexcept = default;

  /// Tolerates leading zeros in IPv4 ("010.0.0.1" is 10.0.0.1), as Kubernetes does for addresses
  /// that old releases stored (T6).
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text) noexcept;

  /// `bytes` holds 4 or 16 bytes in network order.
  [[nodiscard]] static IpAddress from_bytes(std::span<const std::uint8_t> bytes) noexcept;

  [[nodiscard]] static IpAddress any(IpFamily family) noexcept;
  [[nodiscard]] static IpAddress loopback(IpFamily family) noexcept;

  [[nodiscard]] IpFamily family() const noexcept { return family_; }
  /// 4 or 16 bytes in network order.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return {bytes_.data(), family_ == IpFamily::IPv4 ? std::size_t{4} : std::size_t{16}};
  }

  [[nodiscard]] bool is_unspecified() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_multicast() const noexcept;

  /// Canonical text (RFC 5952 for IPv6).
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;

 private:
  IpFamily family_ = IpFamily::IPv4;
  std::array<std::uint8_t, 16> bytes_{};  ///< IPv4 uses the first four; the rest stays zero
};

[[nodiscard]] bool is_among(const IpAddress& address,
                            std::span<const IpAddress> addresses) noexcept;

}  // namespace wherry

template <>
struct std::hash<wherry::IpAddress> {
  std::size_t operator()(const wherry::IpAddress& address) const noexcept;
};
