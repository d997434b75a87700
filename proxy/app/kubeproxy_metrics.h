#pragma once

#include "balancer/backend_table.h"
#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "base/ip_address.h"
#include "base/metrics.h"

#include <cstddef>
#include <string_view>
#include <vector>

/// Metrics under kube-proxy's names that are no times (those are SyncProgress's). Control thread.
namespace wherry::app {

/// Service ports of one family that have endpoints, none of which a Local policy lets serve.
struct NoLocalEndpoints {
  std::size_t internal = 0;  ///< internalTrafficPolicy Local (E6)
  std::size_t external = 0;  ///< externalTrafficPolicy Local (E7)

  friend bool operator==(const NoLocalEndpoints&, const NoLocalEndpoints&) = default;
};

/// Pure.
[[nodiscard]] NoLocalEndpoints count_no_local_endpoints(const balancer::BackendTable& table,
                                                        IpFamily family);

/// kubeproxy_sync_proxy_rules_no_local_endpoints_total (M6).
void collect_no_local_endpoints(const balancer::BackendTable& table,
                                const std::vector<IpFamily>& families, MetricFamilies& into);

/// kubeproxy_sync_proxy_rules_{service,endpoint}_changes_{pending,total} (M5). An endpoint change
/// is one of a slice.
void collect_changes(const balancer::ServiceTracker& services, const balancer::SliceTracker& slices,
                     MetricFamilies& into);

/// kubernetes_build_info (M12), with wherry's own version.
void collect_build_info(std::string_view version, MetricFamilies& into);

}  // namespace wherry::app
