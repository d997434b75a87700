#include "balancer/reason.h"

namespace wherry::balancer {

std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::ReadyEndpoints:
      return "ready_endpoints";
    case Reason::NoEndpoints:
      return "no_endpoints";
    case Reason::TooManyEndpoints:
      return "too_many_endpoints";
    case Reason::NotReady:
      return "not_ready";
    case Reason::Terminating:
      return "terminating";
  }
  return "?";
}

}  // namespace wherry::balancer
