#pragma once

#include <cstdint>
#include <string_view>

namespace wherry::balancer {

/// Why a decision is what it is, and why a backend is left out: a closed list. The same words stand
/// in tables, metrics, logs and documentation.
enum class Reason : std::uint8_t {
  ReadyEndpoints,    ///< forward: to the endpoints that are ready
  NoEndpoints,       ///< reject: no endpoint may serve (E9)
  TooManyEndpoints,  ///< reject: the table's limit leaves no room for its endpoints
  NotReady,          ///< left out: its conditions say that it is not ready
  Terminating,       ///< left out: it is being deleted
};

/// "no_endpoints", "not_ready", ...
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;

}  // namespace wherry::balancer
