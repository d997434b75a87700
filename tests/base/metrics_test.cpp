#include "base/metrics.h"

#include <gtest/gtest.h>

#include <limits>

namespace wherry {
namespace {

TEST(SingleMetric, HasOneSampleWithoutLabels) {
  const MetricFamily family = single_metric("wherry_x_total", "How many.", MetricKind::Gauge, 2.5);

  EXPECT_EQ(family.name, "wherry_x_total");
  EXPECT_EQ(family.help, "How many.");
  EXPECT_EQ(family.kind, MetricKind::Gauge);
  ASSERT_EQ(family.samples.size(), 1u);
  EXPECT_TRUE(family.samples[0].labels.empty());
  EXPECT_EQ(family.samples[0].value, 2.5);
}

TEST(Histogram, CountsWhatIsAtMostAsLargeAsEachBound) {
  Histogram histogram({0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 1.0, 7.0}) histogram.observe(value);

  const MetricSample sample = histogram.sample({{"verb", "GET"}});
  ASSERT_EQ(sample.buckets.size(), 3u);
  EXPECT_EQ(sample.buckets[0].count, 2u);
  EXPECT_EQ(sample.buckets[1].count, 4u);
  EXPECT_EQ(sample.buckets[2].count, 5u);
  EXPECT_EQ(sample.buckets[2].bound, std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(sample.value, 8.65);
  EXPECT_EQ(sample.labels.size(), 1u);
}

}  // namespace
}  // namespace wherry
