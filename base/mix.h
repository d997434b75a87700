#pragma once

#include <cstdint>

/// What SplitMix64 is made of (Steele, Lea and Flood, 2014). Not for secrets.
namespace wherry {

/// Spreads a number over 64 bits, one to one. Not against an adversary.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// 2^64 divided by the golden ratio. Its multiples fall into the largest gap that the ones before
/// have left, so that a count times this is an even sequence of fractions.
inline constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;

}  // namespace wherry
