#pragma once

#include "base/ip_address.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wherry {

/// A block of addresses: "10.96.0.0/12", "fd00:96::/112".
class Cidr {
 public:
  /// Needs a prefix length; accepts set host bits (see has_host_bits()).
  [[nodiscard]] static std::optional<Cidr> parse(std::string_view text) noexcept;

  /// The block that holds this address alone.
  [[nodiscard]] static Cidr of(const IpAddress& address) noexcept;

  [[nodiscard]] const IpAddress& base() const noexcept { return base_; }  ///< host bits cleared
  [[nodiscard]] int prefix_length() const noexcept { return prefix_length_; }
  [[nodiscard]] IpFamily family() const noexcept { return base_.family(); }
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;

  /// Whether the text named an address inside the block and not the block's first address:
  /// "10.0.0.7/8". Mostly a slip of whoever wrote it.
  [[nodiscard]] bool has_host_bits() const noexcept { return has_host_bits_; }

  /// How many addresses there are; blocks of 2^63 and more count as 2^63.
  [[nodiscard]] std::uint64_t size() const noexcept;

  /// The n-th address, from 0. Precondition: n < size().
  [[nodiscard]] IpAddress at(std::uint64_t n) const noexcept;

  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Cidr& a, const Cidr& b) noexcept {
    return a.base_ == b.base_ && a.prefix_length_ == b.prefix_length_;
  }

 private:
  IpAddress base_;
  int prefix_length_ = 0;
  bool has_host_bits_ = false;
};

/// Whether one of the blocks has the address in it.
[[nodiscard]] bool is_in_any(const IpAddress& address, std::span<const Cidr> blocks) noexcept;

}  // namespace wherry
