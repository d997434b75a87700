#pragma once

#include "balancer/endpoint_filter.h"
#include "balancer/picker/picker.h"
#include "balancer/reason.h"
#include "balancer/service_port.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace wherry::balancer {

enum class Verdict : std::uint8_t {
  Forward,  ///< a picker chooses among the eligible backends
  Reject,   ///< the client is refused at once
  Drop,     ///< silence
};

/// "forward", "reject" or "drop".
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

/// How one kind of traffic to a service port is treated on this node.
struct Decision {
  Verdict verdict = Verdict::Reject;
  Reason reason = Reason::NoEndpoints;
  std::vector<std::uint32_t> backends;  ///< eligible, by index among the service port's backends
  std::shared_ptr<Picker> picker;       ///< over `backends`; null unless the verdict is Forward
};

/// The verdicts of one service port, without pickers.
struct Decisions {
  Decision internal;                 ///< traffic to the clusterIP
  std::optional<Decision> external;  ///< to NodePort, external and load balancer addresses, if any
};

/// Which verdict each kind of traffic gets: forward where a backend may serve, else reject (E9).
/// Pure.
[[nodiscard]] Decisions decide(const ServicePort& service_port, const Eligible& eligible);

}  // namespace wherry::balancer
