#pragma once

#include "balancer/backend.h"
#include "base/clock.h"
#include "base/duration.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace wherry::balancer {

/// Lets the share of a pod that is new among others grow over a while (annotation
/// wherry.io/slow-start): in 20 steps, from 5 % of its weight on, so never from nothing.
///
/// A pod is known by its UID; an endpoint without one by its address. It is new from the moment
/// when it first may serve, and only if others were there before: nobody is spared when all begin
/// together. A pod that loses and regains its readiness is not new again.
///
/// Control thread only. One for each service port; outlives tables.
class SlowStart {
 public:
  static constexpr std::uint32_t kSteps = 20;

  struct Shares {
    std::vector<std::uint32_t> steps;  ///< of each backend: 1 to kSteps, of kSteps
    std::optional<TimePoint> next;     ///< when the next of them changes; nothing: never
  };

  /// `backends` are all of the service port; `eligible` those that may serve, by index, in any
  /// order. `window` is how long it takes. Precondition: window > 0.
  [[nodiscard]] Shares update(std::span<const Backend> backends,
                              std::span<const std::uint32_t> eligible, Duration window,
                              TimePoint now);
  /// Nobody is new any more.
  void clear() noexcept { since_.clear(); }

 private:
  /// Since when a pod serves; nothing for one that was there first.
  std::map<std::string, std::optional<TimePoint>> since_;
};

}  // namespace wherry::balancer
