#pragma once

#include "balancer/backend_table.h"

#include <vector>

namespace wherry::balancer {

/// What changed between two tables, by service port.
struct TableDiff {
  std::vector<ServicePortId> added;
  std::vector<ServicePortId> changed;
  std::vector<ServicePortId> removed;

  [[nodiscard]] bool empty() const noexcept {
    return added.empty() && changed.empty() && removed.empty();
  }
};

/// Pure. The cost follows what changed where `next` was made out of `old`.
[[nodiscard]] TableDiff diff(const BackendTable& old, const BackendTable& next);

}  // namespace wherry::balancer
