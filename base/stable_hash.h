#pragma once

#include <cstdint>
#include <string_view>

namespace wherry {

/// FNV-1a, 64 bits: the same on every machine and in every release, which std::hash does not
/// promise. For choices that must agree between processes; not against an adversary.
[[nodiscard]] constexpr std::uint64_t stable_hash(std::string_view text,
                                                  std::uint64_t seed = 0) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace wherry
