#include "balancer/reason.h"

#include <algorithm>

namespace wherry::balancer {
namespace {

struct Words {
  Reason reason;
  std::string_view word;
  std::string_view rule;
};

constexpr std::array kWords = {
    Words{Reason::ReadyEndpoints, "ready_endpoints",
          "Connections go to the endpoints that are ready."},
    Words{Reason::ServingTerminating, "serving_terminating",
          "No endpoint is ready, so those that end but still serve get the connections."},
    Words{Reason::NoEndpoints, "no_endpoints",
          "No endpoint of the service port is ready or still serves, on any node: clients are "
          "refused."},
    Words{Reason::NoLocalEndpoints, "no_local_endpoints",
          "The traffic policy is Local and no endpoint on this node may serve: connections are "
          "dropped, so that load balancers turn to other nodes."},
    Words{Reason::SourceRanges, "source_ranges",
          "The client is in none of the Service's loadBalancerSourceRanges: its connections are "
          "dropped."},
    Words{Reason::TooManyEndpoints, "too_many_endpoints",
          "The table has no room for the endpoints of this service port: clients are refused."},
    Words{Reason::WrongPort, "wrong_port",
          "The address belongs to a Service that has no such port: clients are refused."},
    Words{Reason::FreeAddress, "free_address",
          "The address is one that the cluster may give to a Service, and none has it: connections "
          "are dropped."},
    Words{Reason::NotReady, "not_ready", "The endpoint is not ready."},
    Words{Reason::Terminating, "terminating",
          "The endpoint is being deleted, and others may serve in its place."},
    Words{Reason::OtherNode, "other_node",
          "The endpoint is on another node, or is meant for clients on other nodes."},
    Words{Reason::OtherZone, "other_zone", "The endpoint is meant for clients in other zones."},
};
static_assert(kWords.size() == kReasons.size());

const Words* words_of(Reason reason) noexcept {
  const auto found = std::find_if(kWords.begin(), kWords.end(),
                                  [reason](const Words& each) { return each.reason == reason; });
  return found == kWords.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(Reason reason) noexcept {
  const Words* words = words_of(reason);
  return words == nullptr ? "?" : words->word;
}

std::string_view rule_text(Reason reason) noexcept {
  const Words* words = words_of(reason);
  return words == nullptr ? "?" : words->rule;
}

}  // namespace wherry::balancer
