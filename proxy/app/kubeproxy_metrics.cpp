#include "proxy/app/kubeproxy_metrics.h"

#include <string>
#include <string_view>
#include <utility>

namespace wherry::app {
namespace {

/// Whether this kind of traffic is dropped although there are endpoints: only a Local policy does
/// that to a whole service port.
bool has_no_local(const balancer::Decision& decision) {
  return decision.verdict == balancer::Verdict::Drop;
}

/// The n-th number of a version "1.2.3"; empty where it has fewer.
std::string_view part_of(std::string_view version, int n) {
  for (; n > 0; --n) {
    const std::size_t dot = version.find('.');
    if (dot == std::string_view::npos) return {};
    version.remove_prefix(dot + 1);
  }
  return version.substr(0, version.find('.'));
}

constexpr std::string_view kPlatform =
#if defined(__x86_64__)
    "linux/amd64";
#elif defined(__aarch64__)
    "linux/arm64";
#else
    "linux";
#endif

}  // namespace

NoLocalEndpoints count_no_local_endpoints(const balancer::BackendTable& table, IpFamily family) {
  NoLocalEndpoints count;
  table.for_each([&](const balancer::ServicePortEntry& entry) {
    if (entry.service_port.key.family != family) return;
    if (has_no_local(entry.internal)) ++count.internal;
    if (entry.external && has_no_local(*entry.external)) ++count.external;
  });
  return count;
}

void collect_no_local_endpoints(const balancer::BackendTable& table,
                                const std::vector<IpFamily>& families, MetricFamilies& into) {
  MetricFamily family{"kubeproxy_sync_proxy_rules_no_local_endpoints_total",
                      "Number of services with a Local traffic policy and no endpoints",
                      MetricKind::Gauge,
                      {}};
  for (const IpFamily each : families) {
    const NoLocalEndpoints count = count_no_local_endpoints(table, each);
    const std::string name(to_string(each));
    family.samples.push_back({{{"traffic_policy", "internal"}, {"ip_family", name}},
                              static_cast<double>(count.internal)});
    family.samples.push_back({{{"traffic_policy", "external"}, {"ip_family", name}},
                              static_cast<double>(count.external)});
  }
  into.push_back(std::move(family));
}

void collect_changes(const balancer::ServiceTracker& services, const balancer::SliceTracker& slices,
                     MetricFamilies& into) {
  using enum MetricKind;
  into.push_back(single_metric("kubeproxy_sync_proxy_rules_service_changes_pending",
                               "Pending proxy rules Service changes", Gauge,
                               static_cast<double>(services.pending())));
  into.push_back(single_metric("kubeproxy_sync_proxy_rules_service_changes_total",
                               "Cumulative proxy rules Service changes", Counter,
                               static_cast<double>(services.seen())));
  into.push_back(single_metric("kubeproxy_sync_proxy_rules_endpoint_changes_pending",
                               "Pending proxy rules Endpoint changes", Gauge,
                               static_cast<double>(slices.pending())));
  into.push_back(single_metric("kubeproxy_sync_proxy_rules_endpoint_changes_total",
                               "Cumulative proxy rules Endpoint changes", Counter,
                               static_cast<double>(slices.seen())));
}

void collect_build_info(std::string_view version, MetricFamilies& into) {
  MetricLabels labels = {{"major", std::string(part_of(version, 0))},
                         {"minor", std::string(part_of(version, 1))},
                         {"git_version", 'v' + std::string(version)},
                         {"git_commit", ""},
                         {"git_tree_state", ""},
                         {"build_date", ""},
                         {"go_version", ""},
                         {"compiler", "gcc"},
                         {"platform", std::string(kPlatform)}};
  into.push_back({"kubernetes_build_info",
                  "The version that runs, under the name that components of Kubernetes use.",
                  MetricKind::Gauge,
                  {{std::move(labels), 1}}});
}

}  // namespace wherry::app
