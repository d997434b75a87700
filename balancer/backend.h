#pragma once

#include "balancer/latency_average.h"
#include "base/socket_address.h"
#include "watcher/model/endpoint_slice.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace wherry::balancer {

/// What is counted about one backend of one service port. Outlives the tables that point to it:
/// sessions hold it as long as they run. Workers count, anybody reads.
struct BackendState {
  std::atomic<std::uint32_t> sessions{0};  ///< established now
  std::atomic<std::uint32_t> load{0};      ///< the same and dials under way
  LatencyAverage connect_latency;          ///< of dials
};

/// One address and port that can serve a service port.
struct Backend {
  SocketAddress address;
  std::shared_ptr<const model::Endpoint> endpoint;  ///< conditions, node, pod; never null
  std::shared_ptr<BackendState> state;              ///< never null in a table

  /// Whether nothing that a decision or a person looks at differs; counts are not compared.
  [[nodiscard]] bool same_as(const Backend& other) const {
    return address == other.address && *endpoint == *other.endpoint && state == other.state;
  }
};

}  // namespace wherry::balancer
