#include "proxy/app/kubeproxy_metrics.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace wherry::app {
namespace {

using balancer::Decision;
using balancer::Verdict;
using test::service;
using test::slice;

/// A table whose one service port decides so.
std::shared_ptr<const balancer::BackendTable> table_of(Verdict internal,
                                                       std::optional<Verdict> external,
                                                       IpFamily family = IpFamily::IPv4) {
  auto entry = std::make_shared<balancer::ServicePortEntry>();
  entry->service_port.key.family = family;
  entry->internal.verdict = internal;
  if (external) {
    entry->external.emplace();
    entry->external->verdict = *external;
  }
  balancer::TableDraft draft{balancer::BackendTable()};
  draft.set(0, std::move(entry));
  return draft.finish();
}

TEST(CountNoLocalEndpoints, M6_CountsWhatALocalPolicyDrops) {
  const auto table = table_of(Verdict::Drop, Verdict::Drop);

  EXPECT_EQ(count_no_local_endpoints(*table, IpFamily::IPv4), (NoLocalEndpoints{1, 1}));
  EXPECT_EQ(count_no_local_endpoints(*table, IpFamily::IPv6), (NoLocalEndpoints{0, 0}));
}

TEST(CountNoLocalEndpoints, M6_CountsEachPolicyForItself) {
  EXPECT_EQ(count_no_local_endpoints(*table_of(Verdict::Drop, std::nullopt), IpFamily::IPv4),
            (NoLocalEndpoints{1, 0}));
  EXPECT_EQ(count_no_local_endpoints(*table_of(Verdict::Forward, Verdict::Drop), IpFamily::IPv4),
            (NoLocalEndpoints{0, 1}));
}

TEST(CountNoLocalEndpoints, M6_AServiceWithoutAnyEndpointIsRejectedAndDoesNotCount) {
  EXPECT_EQ(count_no_local_endpoints(*table_of(Verdict::Reject, Verdict::Reject), IpFamily::IPv4),
            (NoLocalEndpoints{0, 0}));
}

TEST(CollectNoLocalEndpoints, M6_HasASampleForEachPolicyAndFamily) {
  MetricFamilies families;
  collect_no_local_endpoints(*table_of(Verdict::Drop, Verdict::Forward, IpFamily::IPv6),
                             {IpFamily::IPv4, IpFamily::IPv6}, families);

  ASSERT_EQ(families.size(), 1);
  EXPECT_EQ(families[0].name, "kubeproxy_sync_proxy_rules_no_local_endpoints_total");
  EXPECT_EQ(families[0].kind, MetricKind::Gauge);
  ASSERT_EQ(families[0].samples.size(), 4);
  EXPECT_EQ(families[0].samples[2].labels,
            (MetricLabels{{"traffic_policy", "internal"}, {"ip_family", "IPv6"}}));
  EXPECT_EQ(families[0].samples[2].value, 1);
  EXPECT_EQ(families[0].samples[3].labels,
            (MetricLabels{{"traffic_policy", "external"}, {"ip_family", "IPv6"}}));
  EXPECT_EQ(families[0].samples[3].value, 0);
}

TEST(CollectChanges, M5_SaysWhatWaitsAndWhatWasSeen) {
  balancer::Tables tables;
  tables.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));
  (void)tables.build();
  tables.services.upsert(service("api").cluster_ip("10.0.0.2").port("http", 80));
  tables.slices.upsert(slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1"));
  MetricFamilies families;

  collect_changes(tables.services, tables.slices, families);

  const std::vector<std::pair<std::string, double>> expected = {
      {"kubeproxy_sync_proxy_rules_service_changes_pending", 1},
      {"kubeproxy_sync_proxy_rules_service_changes_total", 2},
      {"kubeproxy_sync_proxy_rules_endpoint_changes_pending", 1},
      {"kubeproxy_sync_proxy_rules_endpoint_changes_total", 1}};
  ASSERT_EQ(families.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(families[i].name, expected[i].first);
    EXPECT_EQ(families[i].samples.at(0).value, expected[i].second) << expected[i].first;
  }
}

TEST(CollectBuildInfo, M12_NamesTheVersionUnderKubernetesName) {
  MetricFamilies families;
  collect_build_info("1.2.3", families);

  EXPECT_EQ(families.at(0).name, "kubernetes_build_info");
  const MetricLabels& labels = families.at(0).samples.at(0).labels;
  EXPECT_THAT(labels, ::testing::IsSupersetOf(
                          MetricLabels{{"major", "1"}, {"minor", "2"}, {"git_version", "v1.2.3"}}));
  EXPECT_EQ(labels.size(), 9);
}

}  // namespace
}  // namespace wherry::app
