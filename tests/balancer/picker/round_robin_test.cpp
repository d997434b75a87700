#include "balancer/picker/round_robin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <latch>
#include <map>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

namespace wherry::balancer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

using Positions = std::vector<std::size_t>;

Positions pick(RoundRobin& picker, int count) {
  Positions picked;
  for (int i = 0; i < count; ++i) picked.push_back(picker.pick());
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

constexpr std::size_t kThreads = 4;
constexpr std::size_t kPicksOfAThread = 42'000;  // enough for threads to get in each other's way

/// How often each of `positions` is chosen by threads that choose all at once.
Positions count_picks(std::size_t positions, const std::function<std::size_t()>& choose) {
  std::latch ready(kThreads);
  std::vector<Positions> counts(kThreads, Positions(positions));
  std::vector<std::thread> threads;
  for (Positions& own : counts) {
    threads.emplace_back([&] {
      ready.arrive_and_wait();
      for (std::size_t i = 0; i < kPicksOfAThread; ++i) ++own[choose()];
    });
  }
  for (std::thread& thread : threads) thread.join();

  Positions total(positions);
  for (const Positions& own : counts) {
    for (std::size_t i = 0; i < positions; ++i) total[i] += own[i];
  }
  return total;
}

TEST(RoundRobin, IsExactlyEvenOverThreads) {
  RoundRobin picker(7, 5);

  EXPECT_THAT(count_picks(7, [&picker] { return picker.pick(); }),
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
    const auto another = picker.pick_another(GetParam().tried);
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

  EXPECT_EQ(one.pick_another(Positions{0}), std::nullopt);
  EXPECT_EQ(three.pick_another(Positions{2, 0, 1}), std::nullopt);
}

TEST(RoundRobin, SecondChoicesDoNotTakeFirstChoicesTurns) {
  RoundRobin picker(3, 0);
  (void)picker.pick();

  (void)picker.pick_another(Positions{0});
  (void)picker.pick_another(Positions{0});

  EXPECT_THAT(pick(picker, 3), ElementsAre(1, 2, 0));
}

TEST(RoundRobin, SecondChoicesAreExactlyEvenOverThreads) {
  RoundRobin picker(4, 0);
  const Positions tried{1};
  constexpr std::size_t kShare = kThreads * kPicksOfAThread / 3;

  EXPECT_THAT(count_picks(4, [&] { return picker.pick_another(tried).value(); }),
              ElementsAre(kShare, 0, kShare, kShare));
}

TEST(RoundRobinDeathTest, ThereIsNothingToPickFromNone) {
  EXPECT_DEATH(RoundRobin(0, 0), "size > 0");
}

}  // namespace
}  // namespace wherry::balancer
