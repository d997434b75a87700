#pragma once

#include "balancer/endpoint_filter.h"
#include "balancer/picker/picker.h"
#include "balancer/reason.h"
#include "balancer/service_port.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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
  model::TrafficPolicy policy = model::TrafficPolicy::Cluster;  ///< which set `backends` is
};

/// The verdicts of one service port, without pickers.
struct Decisions {
  Decision internal;                 ///< traffic to the clusterIP
  std::optional<Decision> external;  ///< to NodePort, external and load balancer addresses, if any
  /// To the same addresses from this node and its pods, where that differs from `external`: with
  /// externalTrafficPolicy Local they get the cluster set (E8).
  std::optional<Decision> external_from_node;
};

/// Which verdict each kind of traffic gets: forward where a backend of the policy's set may serve;
/// drop where only others may (E6, E7); reject where nobody may, whatever the policy (E9). Pure.
[[nodiscard]] Decisions decide(const ServicePort& service_port, const Eligible& eligible,
                               std::span<const Backend> backends);

}  // namespace wherry::balancer
