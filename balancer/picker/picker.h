#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace wherry::balancer {

/// An algorithm that chooses among the eligible backends of one decision.
///
/// Shared by all workers: pick() may be called from any thread at any time.
class Picker {
 public:
  virtual ~Picker() = default;

  /// The position of the chosen backend within the decision's list.
  [[nodiscard]] virtual std::size_t pick() noexcept = 0;

  /// A second choice, after those at `tried` failed; nothing if there is no other. `tried` holds
  /// positions, at least one.
  [[nodiscard]] virtual std::optional<std::size_t> pick_another(
      std::span<const std::size_t> tried) noexcept = 0;

  /// Where pick() would go next, so that a successor over other backends can continue there.
  [[nodiscard]] virtual std::size_t next_position() const noexcept = 0;
};

}  // namespace wherry::balancer
