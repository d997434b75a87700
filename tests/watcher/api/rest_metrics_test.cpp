#include "watcher/api/rest_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

/// Names, labels and buckets are client-go's (component-base/metrics/prometheus/restclient).
TEST(RestMetrics, M11_CountsUnderTheNamesOfClientGo) {
  RestMetrics metrics("api.test:6443");
  metrics.count_answer(200);
  metrics.count_answer(200);
  metrics.count_answer(0);
  metrics.count_retry(429);
  metrics.observe(300ms);
  MetricFamilies families;
  metrics.collect(families);

  ASSERT_EQ(families.size(), 3u);
  const MetricFamily& requests = families[0];
  EXPECT_EQ(requests.name, "rest_client_requests_total");
  EXPECT_EQ(requests.kind, MetricKind::Counter);
  ASSERT_EQ(requests.samples.size(), 2u);
  EXPECT_THAT(
      requests.samples[0].labels,
      ElementsAre(Pair("code", "<error>"), Pair("method", "GET"), Pair("host", "api.test:6443")));
  EXPECT_EQ(requests.samples[0].value, 1);
  EXPECT_THAT(requests.samples[1].labels, ElementsAre(Pair("code", "200"), Pair("method", "GET"),
                                                      Pair("host", "api.test:6443")));
  EXPECT_EQ(requests.samples[1].value, 2);

  const MetricFamily& durations = families[1];
  EXPECT_EQ(durations.name, "rest_client_request_duration_seconds");
  EXPECT_EQ(durations.kind, MetricKind::Histogram);
  ASSERT_EQ(durations.samples.size(), 1u);
  EXPECT_THAT(durations.samples[0].labels,
              ElementsAre(Pair("verb", "GET"), Pair("host", "api.test:6443")));
  std::vector<double> bounds;
  for (const auto& bucket : durations.samples[0].buckets) bounds.push_back(bucket.bound);
  bounds.pop_back();  // infinity
  EXPECT_THAT(bounds, ElementsAre(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60));
  EXPECT_DOUBLE_EQ(durations.samples[0].value, 0.3);

  const MetricFamily& retries = families[2];
  EXPECT_EQ(retries.name, "rest_client_request_retries_total");
  ASSERT_EQ(retries.samples.size(), 1u);
  EXPECT_THAT(retries.samples[0].labels,
              ElementsAre(Pair("code", "429"), Pair("verb", "GET"), Pair("host", "api.test:6443")));
}

}  // namespace
}  // namespace wherry::api
