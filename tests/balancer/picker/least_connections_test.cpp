#include "balancer/picker/least_connections.h"

#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace wherry::balancer {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

using States = std::vector<std::shared_ptr<BackendState>>;

/// Connections that stay: each pick is one more session of who was picked.
auto stay(const States& states) {
  return [&states](std::size_t position) {
    states[position]->load.fetch_add(1, std::memory_order_relaxed);
  };
}

TEST(LeastConnections, TakesTheOneWithTheFewestSessionsAndDials) {
  const States states = make_states(3);
  states[0]->load = 2;
  states[1]->load = 1;
  states[2]->load = 3;
  LeastConnections picker(states, {});

  EXPECT_EQ(picker.pick({}), 1u);
}

TEST(LeastConnections, FillsUpEvenly) {
  const States states = make_states(5);
  states[3]->load = 100;
  LeastConnections picker(states, {});

  (void)count_by_chance(picker, 5, 400, {}, stay(states));

  for (const auto& state : states) EXPECT_EQ(state->load.load(), 100u);
}

TEST(LeastConnections, ChoosesAmongEqualsEachAsOften) {
  const States states = make_states(6);
  states[2]->load = 1;  // whoever stands after it gets no more for that
  LeastConnections picker(states, {});

  EXPECT_THAT(count_by_chance(picker, 6, 50'000),
              ElementsAre(IsCloseTo(10'000, 450), IsCloseTo(10'000, 450), 0, IsCloseTo(10'000, 450),
                          IsCloseTo(10'000, 450), IsCloseTo(10'000, 450)));
}

TEST(LeastConnections, CountsASessionByWeight) {
  const States states = make_states(3);
  LeastConnections picker(states, {1, 2, 7});

  (void)count_by_chance(picker, 3, 1'000, {}, stay(states));

  EXPECT_THAT(states[0]->load.load(), IsCloseTo(100, 1));
  EXPECT_THAT(states[1]->load.load(), IsCloseTo(200, 1));
  EXPECT_THAT(states[2]->load.load(), IsCloseTo(700, 1));
}

TEST(LeastConnections, OfManyStaysCloseToTheFewest) {
  const States states = make_states(250);
  LeastConnections picker(states, {});

  (void)count_by_chance(picker, 250, 25'000, {}, stay(states));

  for (const auto& state : states) EXPECT_THAT(state->load.load(), AllOf(Ge(96u), Le(102u)));
}

TEST(LeastConnections, OfManyCountsASessionByWeight) {
  const States states = make_states(100);
  std::vector<std::uint32_t> weights(100, 1);
  weights[40] = 101;  // half of all
  LeastConnections picker(states, weights);

  (void)count_by_chance(picker, 100, 20'000, {}, stay(states));

  EXPECT_THAT(states[40]->load.load(), AllOf(Ge(9'500u), Le(10'600u)));
}

TEST(LeastConnections, OfManyIdleOnesChoosesEachAsOften) {
  LeastConnections picker(make_states(50), {});

  EXPECT_THAT(count_by_chance(picker, 50, 100'000), Each(IsCloseTo(2'000, 225)));
}

class LeastConnectionsSecondChoice : public ::testing::TestWithParam<std::size_t> {};

TEST_P(LeastConnectionsSecondChoice, IsNeverATriedOneAndAlwaysThereWhileThereIsOne) {
  const std::size_t size = GetParam();
  LeastConnections picker(make_states(size), {});
  Positions tried(size - 1);
  std::iota(tried.begin(), tried.end(), std::size_t{0});

  EXPECT_EQ(picker.pick(after(tried)), size - 1);
  tried.push_back(size - 1);
  EXPECT_EQ(picker.pick(after(tried)), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LeastConnectionsSecondChoice, ::testing::Values(1, 2, 16, 17, 120));

TEST(LeastConnections, FillsUpEvenlyFromManyThreads) {
  const States states = make_states(8);
  LeastConnections picker(states, {});

  const Positions counts = count_picks_by_chance(picker, 8, 10'000, stay(states));

  // Between a choice and its count the other threads may choose the same.
  EXPECT_THAT(counts, Each(IsCloseTo(5'000, 100)));
}

}  // namespace
}  // namespace wherry::balancer
