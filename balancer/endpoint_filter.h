#pragma once

#include "balancer/backend.h"
#include "balancer/reason.h"

#include <cstdint>
#include <span>
#include <vector>

namespace wherry::balancer {

/// A backend that gets no connections, by its index among a service port's backends, and why.
struct Excluded {
  std::uint32_t backend = 0;
  Reason reason = Reason::NotReady;

  friend bool operator==(const Excluded&, const Excluded&) = default;
};

/// The backends of a service port, sorted into those that may serve and those that may not.
struct Eligible {
  std::vector<std::uint32_t> cluster;  ///< the cluster set, by index, in the order given
  std::vector<Excluded> excluded;

  friend bool operator==(const Eligible&, const Eligible&) = default;
};

/// Ready endpoints may serve; what is not ready or terminating may not. Pure.
[[nodiscard]] Eligible filter_endpoints(std::span<const Backend> backends);

}  // namespace wherry::balancer
