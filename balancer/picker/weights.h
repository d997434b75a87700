#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace wherry::balancer {

/// Weights without their common divisor; empty where all are the same. Precondition: none is 0.
[[nodiscard]] std::vector<std::uint32_t> reduce_weights(std::vector<std::uint32_t> weights);

/// A cycle of turns, as positions, in which each has as many as it weighs and they stand as far
/// apart as they can: 2 and 1 give 0 1 0.
///
/// A cycle holds at most 65,536 turns, or 4 for each position if that is more. Where weights add up
/// to more, they are scaled down to that, and none below 1: shares are then right to about a turn.
[[nodiscard]] std::vector<std::uint32_t> turn_order(std::span<const std::uint32_t> weights);

[[nodiscard]] bool is_among(std::span<const std::size_t> positions, std::size_t position) noexcept;

/// One of `size` positions that was not tried; nothing if all were. `weights` may be empty.
/// `point`, of 2^64, is where on the scale of the shares of the others the choice falls: evenly
/// spread points give each other its share.
[[nodiscard]] std::optional<std::size_t> choose_untried(std::span<const std::uint32_t> weights,
                                                        std::size_t size,
                                                        std::span<const std::size_t> tried,
                                                        std::uint64_t point) noexcept;

/// The n-th of the positions that were not tried, counted from 0. Precondition: there are so many.
[[nodiscard]] std::size_t nth_untried(std::size_t n, std::span<const std::size_t> tried) noexcept;

/// Chooses positions by weight in constant time (Walker's alias method, as Vose builds it).
class AliasTable {
 public:
  /// Precondition: there are weights, and none is 0.
  explicit AliasTable(std::span<const std::uint32_t> weights);

  /// `bits`: 64 random ones.
  [[nodiscard]] std::size_t pick(std::uint64_t bits) const noexcept;

 private:
  struct Column {
    std::uint32_t own = UINT32_MAX;  ///< of 2^32, the share of the column's own position
    std::uint32_t other = 0;         ///< who has the rest
  };
  std::vector<Column> columns_;
};

}  // namespace wherry::balancer
