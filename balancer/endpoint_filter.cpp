#include "balancer/endpoint_filter.h"

namespace wherry::balancer {

Eligible filter_endpoints(std::span<const Backend> backends) {
  Eligible eligible;
  for (std::uint32_t i = 0; i < backends.size(); ++i) {
    const model::Endpoint& endpoint = *backends[i].endpoint;
    if (endpoint.ready) {
      eligible.cluster.push_back(i);
    } else {
      eligible.excluded.push_back(
          {i, endpoint.terminating ? Reason::Terminating : Reason::NotReady});
    }
  }
  return eligible;
}

}  // namespace wherry::balancer
