#include "balancer/verdict.h"

namespace wherry::balancer {
namespace {

Decision over(const std::vector<std::uint32_t>& backends) {
  Decision decision;
  decision.backends = backends;
  if (!backends.empty()) {
    decision.verdict = Verdict::Forward;
    decision.reason = Reason::ReadyEndpoints;
  }
  return decision;
}

}  // namespace

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

Decisions decide(const ServicePort& service_port, const Eligible& eligible) {
  Decisions decisions;
  decisions.internal = over(eligible.cluster);
  if (service_port.has_external_address()) decisions.external = over(eligible.cluster);
  return decisions;
}

}  // namespace wherry::balancer
