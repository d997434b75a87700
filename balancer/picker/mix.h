#pragma once

#include "base/mix.h"
#include "base/socket_address.h"
#include "base/stable_hash.h"

#include <cstdint>

namespace wherry::balancer {

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
