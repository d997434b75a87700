#pragma once

#include "balancer/picker/picker.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace wherry::balancer {

/// One after the other, exactly: any n·k picks in a row give each of k backends n, whatever threads
/// they came from. With weights, any full cycle of turn_order() gives each what it weighs.
///
/// When the list changes the successor starts where this one stands; workers that still hold the
/// old table go on using this one, so that neither list's turns are disturbed by the other's.
///
/// Second choices take turns of their own: if they took first choices' turns, the backend after a
/// dead one would get its connections and the dead one's.
class RoundRobin final : public Picker {
 public:
  /// `start` is the position that has the first turn. Precondition: size > 0.
  RoundRobin(std::size_t size, std::size_t start, std::vector<std::uint32_t> weights = {});

  [[nodiscard]] std::optional<std::size_t> pick(const PickContext& context) noexcept override;
  [[nodiscard]] std::optional<std::size_t> next_position() const noexcept override;

 private:
  [[nodiscard]] std::size_t at(std::uint64_t turn) const noexcept;
  [[nodiscard]] std::optional<std::size_t> pick_another(
      std::span<const std::size_t> tried) noexcept;

  const std::size_t size_;
  const std::vector<std::uint32_t> order_;       ///< empty: one turn each
  alignas(64) std::atomic<std::uint64_t> turn_;  ///< written by every connection
  alignas(64) std::atomic<std::uint64_t> second_turn_{0};
};

}  // namespace wherry::balancer
