#include "balancer/verdict.h"

namespace wherry::balancer {

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::Forward:
      return "forward";
    case Verdict::Reject:
      return "reject";
    case Verdict::Drop:
      return "drop";
  }
  return "?";
}

namespace {

using model::TrafficPolicy;

Decision over(TrafficPolicy policy, const Eligible& eligible, std::span<const Backend> backends) {
  Decision decision;
  decision.policy = policy;
  if (!eligible.any()) return decision;  // rejected (E9)
  decision.backends = policy == TrafficPolicy::Local ? eligible.local : eligible.cluster;
  if (decision.backends.empty()) {
    decision.verdict = Verdict::Drop;
    decision.reason = Reason::NoLocalEndpoints;
    return decision;
  }
  decision.verdict = Verdict::Forward;
  // A set is ready as a whole, or not at all.
  decision.reason = backends[decision.backends.front()].endpoint->ready
                        ? Reason::ReadyEndpoints
                        : Reason::ServingTerminating;
  return decision;
}

}  // namespace

Decisions decide(const ServicePort& service_port, const Eligible& eligible,
                 std::span<const Backend> backends) {
  Decisions decisions;
  decisions.internal = over(service_port.internal_policy, eligible, backends);
  if (!service_port.has_external_address()) return decisions;
  decisions.external = over(service_port.external_policy, eligible, backends);
  if (service_port.external_policy == TrafficPolicy::Local) {
    decisions.external_from_node = over(TrafficPolicy::Cluster, eligible, backends);
  }
  return decisions;
}

}  // namespace wherry::balancer
