#include "proxy/app/sync_progress.h"

#include "tests/support/manual_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace wherry::app {
namespace {

using namespace std::chrono_literals;
using balancer::Trigger;

const model::ObjectKey kWeb{"default", "web"};

class SyncProgressTest : public ::testing::Test {
 protected:
  [[nodiscard]] MetricFamily family(const std::string& name) const {
    MetricFamilies all;
    progress_.collect(all);
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
    if (found == all.end()) throw std::runtime_error("no metric " + name);
    return *found;
  }
  /// How many observations a family's IPv4 sample has, at most `bound` large.
  [[nodiscard]] std::uint64_t count(const std::string& name, double bound,
                                    std::size_t sample = 0) const {
    const MetricFamily found = family(name);
    for (const auto& bucket : found.samples.at(sample).buckets) {
      if (bucket.bound >= bound) return bucket.count;
    }
    return 0;
  }
  [[nodiscard]] std::vector<double> bounds(const std::string& name) const {
    std::vector<double> all;
    const MetricFamily found = family(name);
    for (const auto& bucket : found.samples.at(0).buckets) all.push_back(bucket.bound);
    all.pop_back();  // infinity
    return all;
  }

  test::ManualClock clock_;
  SyncProgress progress_{clock_, {IpFamily::IPv4, IpFamily::IPv6}, 30s};
};

TEST_F(SyncProgressTest, M1_ARunLastsUntilItsTableIsLive) {
  progress_.queued();
  const SyncProgress::Run run = progress_.begin();
  clock_.advance(3ms);

  progress_.done(run, {});

  EXPECT_EQ(count("kubeproxy_sync_proxy_rules_duration_seconds", 0.002), 0);
  EXPECT_EQ(count("kubeproxy_sync_proxy_rules_duration_seconds", 0.004), 1);
  EXPECT_EQ(count("kubeproxy_sync_proxy_rules_duration_seconds", 0.004, 1), 1);
}

TEST_F(SyncProgressTest, M1_HasKubeProxysBucketsForEachFamily) {
  std::vector<double> expected;
  for (int k = 0; k < 15; ++k) expected.push_back(0.001 * (1 << k));

  EXPECT_EQ(bounds("kubeproxy_sync_proxy_rules_duration_seconds"), expected);
  EXPECT_EQ(family("kubeproxy_sync_proxy_rules_duration_seconds").samples.at(0).labels,
            (MetricLabels{{"ip_family", "IPv4"}}));
  EXPECT_EQ(family("kubeproxy_sync_proxy_rules_duration_seconds").samples.at(1).labels,
            (MetricLabels{{"ip_family", "IPv6"}}));
}

TEST_F(SyncProgressTest, M2_HasKubeProxysBuckets) {
  std::vector<double> expected = {0, .25, .5};
  for (int s = 1; s <= 59; ++s) expected.push_back(s);
  for (const double s : {60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115}) expected.push_back(s);
  for (const double s : {120, 150, 180, 210, 240, 270, 300}) expected.push_back(s);

  EXPECT_EQ(bounds("kubeproxy_network_programming_duration_seconds"), expected);
}

TEST_F(SyncProgressTest, M2_TheFineBucketsTellAHundredMicrosecondsApart) {
  const std::vector<double> fine = bounds("wherry_network_programming_duration_seconds");

  for (std::size_t i = 0; i < 20; ++i) EXPECT_DOUBLE_EQ(fine.at(i), double(i + 1) * 0.0001);
  EXPECT_TRUE(std::is_sorted(fine.begin(), fine.end()));
}

TEST_F(SyncProgressTest, M2_ATriggerIsObservedWhenItsTableIsLiveInItsFamily) {
  clock_.advance(1s);
  const WallTime trigger = clock_.wall();
  clock_.advance(300ms);
  progress_.queued();
  const SyncProgress::Run run = progress_.begin();
  clock_.advance(400ms);

  progress_.done(run, {{kWeb, IpFamily::IPv6, trigger}, {kWeb, IpFamily::IPv6, trigger}});

  for (const char* name : {"kubeproxy_network_programming_duration_seconds",
                           "wherry_network_programming_duration_seconds"}) {
    EXPECT_EQ(count(name, 1, 0), 0) << name;
    EXPECT_EQ(count(name, 0.5, 1), 0) << name;
    EXPECT_EQ(count(name, 1, 1), 2) << name;
    EXPECT_DOUBLE_EQ(family(name).samples.at(1).value, 1.4) << name;
  }
}

TEST_F(SyncProgressTest, M2_WhatWasTriggeredBeforeTheStartIsPassedOver) {
  const WallTime start = clock_.wall();
  clock_.advance(1s);
  const SyncProgress::Run run = progress_.begin();

  progress_.done(run, {{kWeb, IpFamily::IPv4, start}, {kWeb, IpFamily::IPv4, start - 1h}});

  EXPECT_EQ(count("kubeproxy_network_programming_duration_seconds", 300), 0);
}

TEST_F(SyncProgressTest, M3_TheFirstRunIsFullTheOthersArePartial) {
  progress_.done(progress_.begin(), {});
  progress_.done(progress_.begin(), {});
  progress_.done(progress_.begin(), {});

  EXPECT_EQ(count("kubeproxy_sync_full_proxy_rules_duration_seconds", 0.001), 1);
  EXPECT_EQ(count("kubeproxy_sync_partial_proxy_rules_duration_seconds", 0.001), 2);
}

TEST_F(SyncProgressTest, M4_SaysWhenTheLastChangeWasQueuedAndWhenItWasDone) {
  const auto value = [this](const std::string& name) { return family(name).samples.at(1).value; };
  const char* const queued = "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds";
  const char* const done = "kubeproxy_sync_proxy_rules_last_timestamp_seconds";
  EXPECT_EQ(value(queued), 1767225600);
  EXPECT_EQ(value(done), 0);

  clock_.advance(10s);
  progress_.queued();
  clock_.advance(5s);
  progress_.done(progress_.begin(), {});

  EXPECT_EQ(value(queued), 1767225610);
  EXPECT_EQ(value(done), 1767225615);
}

TEST_F(SyncProgressTest, H1_IsLateAfterTwiceTheSyncPeriod) {
  progress_.queued();
  clock_.advance(60s - 1ms);
  EXPECT_TRUE(progress_.health().healthy());
  clock_.advance(1ms);
  EXPECT_FALSE(progress_.health().healthy());

  progress_.done(progress_.begin(), {});

  EXPECT_TRUE(progress_.health().healthy());
}

}  // namespace
}  // namespace wherry::app
