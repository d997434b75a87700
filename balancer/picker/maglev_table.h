#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace wherry::balancer {

/// Which backend each of a prime number of slots belongs to, so that the loss of one of N backends
/// moves hardly more than its own slots (Maglev, NSDI 2016, section 3.4). The same backends give
/// the same table, on every node.
///
/// Immutable. Backends stand at positions; what decides is their hashes.
class MaglevTable {
 public:
  /// One hash for each backend; `weights` as reduce_weights() gives them. Precondition: there is a
  /// backend.
  MaglevTable(std::span<const std::uint64_t> hashes, std::span<const std::uint32_t> weights);

  /// The backend of 64 evenly spread bits.
  [[nodiscard]] std::size_t at(std::uint64_t bits) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept {
    return narrow_.empty() ? wide_.size() : narrow_.size();
  }
  /// The backend of one slot. Precondition: slot < size().
  [[nodiscard]] std::size_t slot(std::size_t slot) const noexcept {
    return narrow_.empty() ? wide_[slot] : narrow_[slot];
  }

  /// How many slots so many backends get: a prime, at least 100 for each, which keeps shares within
  /// about 1 %. Sizes go in steps, because another size moves every client. From 10,001 backends on
  /// it is 1,000,003 (2 MB; 4 MB from 65,537 on), with fewer slots for each.
  [[nodiscard]] static std::size_t size_for(std::size_t backends) noexcept;

 private:
  // One of the two: a table that is half as large is more often in a core's cache.
  std::vector<std::uint16_t> narrow_;  ///< up to 65,536 backends
  std::vector<std::uint32_t> wide_;    ///< more
};

}  // namespace wherry::balancer
