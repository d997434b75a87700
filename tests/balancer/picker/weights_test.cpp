#include "balancer/picker/weights.h"

#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace wherry::balancer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Weights = std::vector<std::uint32_t>;

Positions counts_in(const std::vector<std::uint32_t>& order, std::size_t positions) {
  Positions counts(positions);
  for (const std::uint32_t position : order) ++counts.at(position);
  return counts;
}

TEST(ReduceWeights, TakesTheCommonDivisorOut) {
  EXPECT_THAT(reduce_weights({100, 50, 250}), ElementsAre(2, 1, 5));
}

TEST(ReduceWeights, EqualWeightsAreNone) {
  EXPECT_THAT(reduce_weights({100, 100, 100}), IsEmpty());
  EXPECT_THAT(reduce_weights({7}), IsEmpty());
}

TEST(TurnOrder, GivesEachWhatItWeighs) {
  EXPECT_THAT(counts_in(turn_order(Weights{5, 1, 3}), 3), ElementsAre(5, 1, 3));
}

TEST(TurnOrder, SpreadsTurnsOverTheCycle) {
  EXPECT_THAT(turn_order(Weights{2, 1}), ElementsAre(0, 1, 0));
  EXPECT_THAT(turn_order(Weights{3, 2, 1}), ElementsAre(0, 1, 0, 2, 1, 0));
}

TEST(TurnOrder, NoTurnIsFartherFromItsPlaceThanAllOthersOnce) {
  const Weights weights{100, 10, 37, 1, 52};
  const auto order = turn_order(weights);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);

  Positions counts(weights.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double due = weights[order[i]] * static_cast<double>(i) / sum;
    EXPECT_NEAR(static_cast<double>(counts[order[i]]), due, 2.0) << "turn " << i;
    ++counts[order[i]];
  }
}

TEST(TurnOrder, ScalesDownWhatIsTooLongAndLeavesNobodyOut) {
  Weights weights(300, 1'000);
  weights[7] = 1;
  weights[8] = 500;

  const auto order = turn_order(weights);
  const Positions counts = counts_in(order, weights.size());

  EXPECT_LE(order.size(), 66'000u);
  EXPECT_EQ(counts[7], 1u);
  EXPECT_THAT(counts[8], IsCloseTo(counts[0] / 2, 1));
}

TEST(TurnOrder, WithoutWeightsThereIsNone) { EXPECT_THAT(turn_order(Weights()), IsEmpty()); }

TEST(NthUntried, CountsOverWhatWasTried) {
  const Positions tried{4, 0, 1};

  EXPECT_EQ(nth_untried(0, tried), 2u);
  EXPECT_EQ(nth_untried(1, tried), 3u);
  EXPECT_EQ(nth_untried(2, tried), 5u);
}

TEST(ChooseUntried, FollowsThePointOverTheSharesOfTheOthers) {
  const Weights weights{1, 5, 3};
  const Positions tried{1};
  constexpr std::uint64_t kQuarter = std::uint64_t{1} << 62;

  EXPECT_EQ(choose_untried(weights, 3, tried, 0), 0u);
  EXPECT_EQ(choose_untried(weights, 3, tried, kQuarter - 1), 0u);
  EXPECT_EQ(choose_untried(weights, 3, tried, kQuarter), 2u);
  EXPECT_EQ(choose_untried(weights, 3, tried, UINT64_MAX), 2u);
}

TEST(ChooseUntried, WithoutWeightsTheOthersHaveTheSameShare) {
  const Positions tried{1};
  constexpr std::uint64_t kThird = UINT64_MAX / 3;

  EXPECT_EQ(choose_untried({}, 4, tried, 0), 0u);
  EXPECT_EQ(choose_untried({}, 4, tried, kThird - 1), 0u);
  EXPECT_EQ(choose_untried({}, 4, tried, kThird + 1), 2u);
  EXPECT_EQ(choose_untried({}, 4, tried, 2 * kThird + 2), 3u);
  EXPECT_EQ(choose_untried({}, 4, tried, UINT64_MAX), 3u);
}

TEST(ChooseUntried, HasNothingLeftWhenAllWereTried) {
  EXPECT_EQ(choose_untried({}, 2, Positions{1, 0}, 0), std::nullopt);
  EXPECT_EQ(choose_untried(Weights{1, 2}, 2, Positions{1, 0}, 0), std::nullopt);
}

TEST(AliasTable, GivesEachItsShareOfEvenlySpreadBits) {
  const Weights weights{1, 1'000, 99, 500, 400};
  const AliasTable table(weights);
  Positions counts(weights.size());

  constexpr std::uint64_t kPicks = 2'000'000;
  for (std::uint64_t i = 0; i < kPicks; ++i) ++counts[table.pick(i * (UINT64_MAX / kPicks))];

  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_THAT(counts[i], IsCloseTo(weights[i] * 1'000, 20)) << i;
  }
}

TEST(AliasTable, OfEqualWeightsEachIsItsOwn) {
  const AliasTable table(Weights{3, 3, 3, 3});
  Positions counts(4);

  for (std::uint64_t i = 0; i < 400; ++i) ++counts[table.pick(i * (UINT64_MAX / 400))];

  EXPECT_THAT(counts, Each(IsCloseTo(100, 1)));
}

// While the table is made the last but one of them comes to have exactly its column's share.
TEST(AliasTable, WhoHasExactlyAShareLeftKeepsIt) {
  const AliasTable table(Weights{1, 3, 1, 3});
  constexpr std::size_t kPicks = 8'000;

  Positions counts(4);
  for (std::size_t i = 0; i < kPicks; ++i) ++counts[table.pick(i * (~std::uint64_t{0} / kPicks))];

  EXPECT_THAT(counts, ElementsAre(IsCloseTo(1'000, 5), IsCloseTo(3'000, 5), IsCloseTo(1'000, 5),
                                  IsCloseTo(3'000, 5)));
}

}  // namespace
}  // namespace wherry::balancer
