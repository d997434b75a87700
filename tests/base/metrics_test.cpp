#include "base/metrics.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace wherry
