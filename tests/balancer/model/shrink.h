#pragma once

#include "tests/balancer/model/history.h"

#include <functional>

namespace wherry::balancer {

/// A smaller history that fails too: without the events, and within objects without the list
/// elements and members, that the failure does not need. `fails` is asked many times.
[[nodiscard]] History shrink(History history, const std::function<bool(const History&)>& fails);

}  // namespace wherry::balancer
