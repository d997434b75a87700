#pragma once

#include "base/socket_address.h"
#include "base/stable_hash.h"

#include <cstdint>
#include <string_view>

namespace wherry::balancer {

/// Spreads a number over 64 bits, one to one: what SplitMix64 ends with. Not against an adversary.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// 2^64 divided by the golden ratio. Its multiples fall into the largest gap that the ones before
/// have left, so that a count times this is an even sequence of fractions.
inline constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;

__extension__ using Uint128 = unsigned __int128;

/// 64 evenly spread bits as one of 0 to n - 1, each as likely as the others to within n / 2^64.
/// Precondition: n > 0.
[[nodiscard]] constexpr std::uint64_t scale(std::uint64_t bits, std::uint64_t n) noexcept {
  return static_cast<std::uint64_t>((static_cast<Uint128>(bits) * n) >> 64);
}

/// The same on every node and in every release, so that nodes agree about a client's backend.
[[nodiscard]] inline std::uint64_t hash_of(const IpAddress& address) noexcept {
  const auto bytes = address.bytes();
  // char may look at anything.
  return mix(stable_hash({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

[[nodiscard]] inline std::uint64_t hash_of(const SocketAddress& address) noexcept {
  return mix(hash_of(address.ip) + address.port * kGolden);
}

}  // namespace wherry::balancer
