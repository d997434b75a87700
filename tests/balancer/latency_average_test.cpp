#include "balancer/latency_average.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace wherry::balancer {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1h};

TEST(LatencyAverage, ABackendThatWasNeverHeardOfIsAsGoodAsTheBest) {
  const LatencyAverage average;

  EXPECT_DOUBLE_EQ(average.seconds_at(kNow), 50e-6);
}

TEST(LatencyAverage, FollowsARiseAtOnce) {
  LatencyAverage average;
  average.record(kNow, 1ms);

  average.record(kNow, 20ms);

  EXPECT_NEAR(average.seconds_at(kNow), 20e-3, 1e-6);
}

TEST(LatencyAverage, FollowsAFallSlowly) {
  LatencyAverage average;
  average.record(kNow, 20ms);

  average.record(kNow + 5s, 1ms);

  // What is left of the old after kDecay is 1/e.
  EXPECT_NEAR(average.seconds_at(kNow + 5s), 20e-3 * 0.3679 + 1e-3 * 0.6321, 1e-5);
}

TEST(LatencyAverage, SinksWhileNothingIsHeard) {
  LatencyAverage average;
  average.record(kNow, 100ms);

  EXPECT_NEAR(average.seconds_at(kNow + 5s), 100e-3 * 0.3679, 1e-5);
  EXPECT_DOUBLE_EQ(average.seconds_at(kNow + 1min), 50e-6);
}

TEST(LatencyAverage, AFailureThatIsSoonIsNoQuickAnswer) {
  LatencyAverage refused;
  LatencyAverage timed_out;

  refused.record_failure(kNow, 30us);
  timed_out.record_failure(kNow, 3s);

  EXPECT_NEAR(refused.seconds_at(kNow), 0.25, 1e-6);
  EXPECT_NEAR(timed_out.seconds_at(kNow), 3, 1e-6);
}

TEST(LatencyAverage, AClockThatWasReadALittleEarlierElsewhereDoesNoHarm) {
  LatencyAverage average;
  average.record(kNow, 10ms);

  EXPECT_NEAR(average.seconds_at(kNow - 20ms), 10e-3, 1e-6);
  average.record(kNow - 20ms, 1ms);
  EXPECT_NEAR(average.seconds_at(kNow - 20ms), 10e-3, 1e-6);
}

TEST(LatencyAverage, ThreadsThatRecordAtOnceLeaveOneOfTheirValues) {
  LatencyAverage average;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&average] {
      for (int i = 0; i < 10'000; ++i) {
        average.record(kNow + std::chrono::milliseconds(i / 100), 2ms);
        const double now = average.seconds_at(kNow + std::chrono::milliseconds(i / 100));
        EXPECT_GE(now, 1.9e-3);
        EXPECT_LE(now, 2.1e-3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace wherry::balancer
