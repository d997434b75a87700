#pragma once

#include "base/clock.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace wherry::balancer {

/// What a choice may depend on besides the backends. Made by the worker for each connection.
struct PickContext {
  std::uint64_t client = 0;  ///< hash_of() the client's address, without port
  std::uint64_t chance = 0;  ///< 64 random bits, new for every choice
  TimePoint now{};           ///< when the client was accepted, or later
  /// Sessions and dials of the whole service port. pick_backend() fills it in.
  std::uint32_t load = 0;
  /// Positions that failed for this client already, each once. pick_backend() fills it in.
  std::span<const std::size_t> tried{};
};

/// An algorithm that chooses among the eligible backends of one decision.
///
/// Shared by all workers: pick() may be called from any thread at any time. A picker belongs to one
/// list of backends with one set of weights; another list gets another picker.
class Picker {
 public:
  /// `weights` as reduce_weights() gives them: empty where all backends weigh the same.
  explicit Picker(std::vector<std::uint32_t> weights) noexcept : weights_(std::move(weights)) {}
  virtual ~Picker() = default;
  Picker(const Picker&) = delete;
  Picker& operator=(const Picker&) = delete;

  /// The position of the chosen backend within the decision's list; with `tried`, of another one
  /// than those. Nothing if there is no other, and only then. Does not allocate (but for what
  /// affinity keeps of new clients).
  [[nodiscard]] virtual std::optional<std::size_t> pick(const PickContext& context) noexcept = 0;

  /// Where a picker that takes turns goes next, so that a successor over other backends can
  /// continue there; nothing for one that has no turns.
  [[nodiscard]] virtual std::optional<std::size_t> next_position() const noexcept {
    return std::nullopt;
  }

  /// What each backend weighs against the others, without common divisor; empty: all the same.
  [[nodiscard]] std::span<const std::uint32_t> weights() const noexcept { return weights_; }

 private:
  const std::vector<std::uint32_t> weights_;
};

}  // namespace wherry::balancer
