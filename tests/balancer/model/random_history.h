#pragma once

#include "tests/balancer/model/history.h"

#include <cstdint>

namespace wherry::balancer {

/// A small cluster in which everything happens that decisions depend on: Services of all types,
/// policies and families that come, change into each other and go; slices with every condition,
/// hint and port, several for a Service, with duplicates, in every order; a Node that changes its
/// zone; relists, repeated events, changes that are taken back. The same seed gives the same
/// history on every machine.
[[nodiscard]] History random_history(std::uint64_t seed);

}  // namespace wherry::balancer
