#include "balancer/slow_start.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// Backends that are named by the UIDs of their pods; the window is 20 s, a step a second.
class SlowStartTest : public ::testing::Test {
 protected:
  static std::vector<Backend> backends(const std::vector<std::string>& uids) {
    std::vector<Backend> all;
    for (const std::string& uid : uids) {
      auto endpoint = std::make_shared<model::Endpoint>();
      endpoint->pod_uid = uid;
      const std::string address = "10.1.0." + std::to_string(all.size() + 1) + ":80";
      all.push_back({test::at(address), std::move(endpoint), std::make_shared<BackendState>()});
    }
    return all;
  }
  SlowStart::Shares update(const std::vector<std::string>& uids) {
    const std::vector<Backend> all = backends(uids);
    std::vector<std::uint32_t> eligible(all.size());
    std::iota(eligible.begin(), eligible.end(), 0u);
    return slow_start_.update(all, eligible, 20s, now_);
  }

  SlowStart slow_start_;
  TimePoint now_{1h};
};

TEST_F(SlowStartTest, WhoeverIsThereFirstHasItsWholeShare) {
  const auto shares = update({"a", "b"});

  EXPECT_THAT(shares.steps, ElementsAre(20, 20));
  EXPECT_EQ(shares.next, std::nullopt);
}

TEST_F(SlowStartTest, ANewOneBeginsWithAStepAndGainsOneAtATime) {
  (void)update({"a"});

  const auto first = update({"a", "b"});
  EXPECT_THAT(first.steps, ElementsAre(20, 1));
  EXPECT_EQ(first.next, now_ + 1s);

  now_ += 999ms;
  EXPECT_THAT(update({"a", "b"}).steps, ElementsAre(20, 1));
  now_ += 1ms;
  EXPECT_THAT(update({"a", "b"}).steps, ElementsAre(20, 2));
  now_ += 9s;
  const auto half = update({"a", "b"});
  EXPECT_THAT(half.steps, ElementsAre(20, 11));
  EXPECT_EQ(half.next, now_ + 1s);
}

TEST_F(SlowStartTest, IsOverWithTheLastStep) {
  (void)update({"a"});
  (void)update({"a", "b"});

  now_ += 19s;
  const auto shares = update({"a", "b"});

  EXPECT_THAT(shares.steps, ElementsAre(20, 20));
  EXPECT_EQ(shares.next, std::nullopt);
}

TEST_F(SlowStartTest, SaysWhenTheFirstOfSeveralGainsNext) {
  (void)update({"a"});
  (void)update({"a", "b"});
  now_ += 400ms;

  const auto shares = update({"a", "b", "c"});

  EXPECT_THAT(shares.steps, ElementsAre(20, 1, 1));
  EXPECT_EQ(shares.next, now_ + 600ms);
}

TEST_F(SlowStartTest, ANewPodUnderAnOldAddressIsNew) {
  (void)update({"a", "b"});

  EXPECT_THAT(update({"a", "c"}).steps, ElementsAre(20, 1));
}

TEST_F(SlowStartTest, APodThatMovesInTheListIsNotNew) {
  (void)update({"a", "b"});

  EXPECT_THAT(update({"b"}).steps, ElementsAre(20));
}

TEST_F(SlowStartTest, BeginsWhenThePodMayServeAndOnlyOnce) {
  const auto all = backends({"a", "b"});
  (void)slow_start_.update(all, std::vector<std::uint32_t>{0}, 20s, now_);
  now_ += 1min;

  EXPECT_THAT(update({"a", "b"}).steps, ElementsAre(20, 1)) << "b became ready just now";
  now_ += 10s;
  (void)slow_start_.update(all, std::vector<std::uint32_t>{0}, 20s, now_);
  now_ += 1min;
  EXPECT_THAT(update({"a", "b"}).steps, ElementsAre(20, 20)) << "b was ready before";
}

TEST_F(SlowStartTest, WhenAllAreGoneTheNextOnesAreTheFirstAgain) {
  (void)update({"a"});
  (void)update({});

  EXPECT_THAT(update({"b", "c"}).steps, ElementsAre(20, 20));
}

TEST_F(SlowStartTest, EndpointsWithoutUidAreKnownByAddress) {
  (void)update({""});

  EXPECT_THAT(update({"", ""}).steps, ElementsAre(20, 1));
}

TEST_F(SlowStartTest, AnEndpointThatIsNamedTwiceAsEligibleCountsOnce) {
  const auto all = backends({"a", "b"});
  (void)slow_start_.update(all, std::vector<std::uint32_t>{0, 0}, 20s, now_);

  const auto shares = slow_start_.update(all, std::vector<std::uint32_t>{0, 1, 0, 1}, 20s, now_);

  EXPECT_THAT(shares.steps, ElementsAre(20, 1));
}

}  // namespace
}  // namespace wherry::balancer
