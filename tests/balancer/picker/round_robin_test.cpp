#include "balancer/picker/round_robin.h"

#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

namespace wherry::balancer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

Positions pick(RoundRobin& picker, int count) {
  Positions picked;
  for (int i = 0; i < count; ++i) picked.push_back(picker.pick({}).value());
  return picked;
}

TEST(RoundRobin, TakesOneAfterTheOther) {
  RoundRobin picker(3, 0);

  EXPECT_THAT(pick(picker, 7), ElementsAre(0, 1, 2, 0, 1, 2, 0));
}

TEST(RoundRobin, BeginsWhereItIsTold) {
  RoundRobin picker(3, 2);

  EXPECT_THAT(pick(picker, 4), ElementsAre(2, 0, 1, 2));
}

TEST(RoundRobin, BeginsInsideTheListWhateverItIsTold) {
  RoundRobin picker(3, 7);

  EXPECT_THAT(pick(picker, 2), ElementsAre(1, 2));
}

TEST(RoundRobin, TellsWhereItGoesNextAndStaysThere) {
  RoundRobin picker(3, 1);
  EXPECT_EQ(picker.next_position(), 1u);

  (void)pick(picker, 2);

  EXPECT_EQ(picker.next_position(), 0u);
  EXPECT_EQ(picker.next_position(), 0u);
}

TEST(RoundRobin, IsExactlyEvenOverThreads) {
  RoundRobin picker(7, 5);

  EXPECT_THAT(count_picks(7, [&picker](std::size_t) { return picker.pick({}).value(); }),
              Each(kThreads * kPicksOfAThread / 7));
}

struct TriedCase {
  const char* name;
  std::size_t size;
  Positions tried;
  Positions others;
};
std::ostream& operator<<(std::ostream& out, const TriedCase& each) { return out << each.name; }

class RoundRobinSecondChoice : public ::testing::TestWithParam<TriedCase> {};

TEST_P(RoundRobinSecondChoice, IsEvenAmongTheOthersAndNeverATriedOne) {
  RoundRobin picker(GetParam().size, 0);
  constexpr std::size_t kRounds = 5;

  std::map<std::size_t, std::size_t> counts;
  for (std::size_t i = 0; i < kRounds * GetParam().others.size(); ++i) {
    const auto another = picker.pick(after(GetParam().tried));
    ASSERT_TRUE(another);
    ++counts[*another];
  }

  std::map<std::size_t, std::size_t> expected;
  for (const std::size_t position : GetParam().others) expected[position] = kRounds;
  EXPECT_EQ(counts, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Tried, RoundRobinSecondChoice,
    ::testing::Values(TriedCase{"OfTwoTheFirst", 2, {0}, {1}},
                      TriedCase{"OfTwoTheLast", 2, {1}, {0}},
                      TriedCase{"TheFirst", 4, {0}, {1, 2, 3}},
                      TriedCase{"TheMiddle", 4, {2}, {0, 1, 3}},
                      TriedCase{"TheLast", 4, {3}, {0, 1, 2}},
                      TriedCase{"NeighboursAtTheStart", 5, {0, 1}, {2, 3, 4}},
                      TriedCase{"NeighboursInTheMiddle", 5, {1, 2, 3}, {0, 4}},
                      TriedCase{"NeighboursAtTheEnd", 5, {3, 4}, {0, 1, 2}},
                      TriedCase{"EverySecond", 6, {0, 2, 4}, {1, 3, 5}},
                      TriedCase{"TheOrderOfTryingDoesNotMatter", 6, {4, 0, 2}, {1, 3, 5}},
                      TriedCase{"FarApart", 7, {5, 0, 6}, {1, 2, 3, 4}},
                      TriedCase{"AllButOne", 4, {3, 1, 0}, {2}}),
    [](const auto& row) { return row.param.name; });

TEST(RoundRobin, HasNoOtherChoiceWhenAllWereTried) {
  RoundRobin one(1, 0);
  RoundRobin three(3, 0);

  EXPECT_EQ(one.pick(after(Positions{0})), std::nullopt);
  EXPECT_EQ(three.pick(after(Positions{2, 0, 1})), std::nullopt);
}

TEST(RoundRobin, SecondChoicesDoNotTakeFirstChoicesTurns) {
  RoundRobin picker(3, 0);
  (void)pick(picker, 1);

  (void)picker.pick(after(Positions{0}));
  (void)picker.pick(after(Positions{0}));

  EXPECT_THAT(pick(picker, 3), ElementsAre(1, 2, 0));
}

TEST(RoundRobin, SecondChoicesAreExactlyEvenOverThreads) {
  RoundRobin picker(4, 0);
  const Positions tried{1};
  constexpr std::size_t kShare = kThreads * kPicksOfAThread / 3;

  EXPECT_THAT(count_picks(4, [&](std::size_t) { return picker.pick(after(tried)).value(); }),
              ElementsAre(kShare, 0, kShare, kShare));
}

TEST(RoundRobin, GivesEachItsWeightOverACycleWhateverThreadsTakeTurns) {
  RoundRobin picker(3, 0, {3, 1, 2});

  EXPECT_THAT(count_picks(3, [&picker](std::size_t) { return picker.pick({}).value(); }),
              ElementsAre(kThreads * kPicksOfAThread / 2, kThreads * kPicksOfAThread / 6,
                          kThreads * kPicksOfAThread / 3));
}

TEST(RoundRobin, DoesNotGiveAHeavyOneAllItsTurnsAtOnce) {
  RoundRobin picker(3, 0, {4, 1, 1});

  EXPECT_THAT(pick(picker, 6), ElementsAre(0, 0, 1, 2, 0, 0));
}

TEST(RoundRobin, WithWeightsBeginsWhereItIsTold) {
  RoundRobin picker(3, 1, {4, 1, 1});

  EXPECT_EQ(picker.next_position(), 1u);
  EXPECT_THAT(pick(picker, 3), ElementsAre(1, 2, 0));
}

TEST(RoundRobin, SecondChoicesHaveTheSharesOfTheOthers) {
  RoundRobin picker(4, 0, {5, 1, 2, 4});
  const Positions tried{3};
  Positions counts(4);

  for (int i = 0; i < 8'000; ++i) ++counts[picker.pick(after(tried)).value()];

  EXPECT_THAT(counts,
              ElementsAre(IsCloseTo(5'000, 5), IsCloseTo(1'000, 5), IsCloseTo(2'000, 5), 0));
}

TEST(RoundRobinDeathTest, ThereIsNothingToPickFromNone) {
  EXPECT_DEATH(RoundRobin(0, 0), "size > 0");
}

}  // namespace
}  // namespace wherry::balancer
