#include "balancer/picker/random_choice.h"

#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::balancer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

// Bounds are 5 standard deviations of a binomial; seeds are fixed.

TEST(RandomChoice, L1_ChoosesEachAsOften) {
  RandomChoice picker(8, {});

  EXPECT_THAT(count_by_chance(picker, 8, 80'000), Each(IsCloseTo(10'000, 470)));
}

TEST(RandomChoice, L1_ChoosesByWeight) {
  RandomChoice picker(3, {1, 6, 3});

  EXPECT_THAT(count_by_chance(picker, 3, 100'000),
              ElementsAre(IsCloseTo(10'000, 475), IsCloseTo(60'000, 775), IsCloseTo(30'000, 725)));
}

TEST(RandomChoice, SecondChoicesAreAsFairAmongTheOthers) {
  RandomChoice equal(4, {});
  RandomChoice weighted(4, {1, 6, 3, 10});
  const Positions tried{3, 1};

  EXPECT_THAT(count_by_chance(equal, 4, 40'000, after(tried)),
              ElementsAre(IsCloseTo(20'000, 500), 0, IsCloseTo(20'000, 500), 0));
  EXPECT_THAT(count_by_chance(weighted, 4, 40'000, after(tried)),
              ElementsAre(IsCloseTo(10'000, 433), 0, IsCloseTo(30'000, 433), 0));
}

TEST(RandomChoice, HasNoOtherChoiceWhenAllWereTried) {
  RandomChoice picker(2, {});

  EXPECT_EQ(picker.pick(after(Positions{0, 1})), std::nullopt);
}

TEST(RandomChoice, IsAsFairOverThreads) {
  RandomChoice picker(4, {1, 1, 1, 2});

  EXPECT_THAT(count_picks_by_chance(picker, 4, 25'000),
              ElementsAre(IsCloseTo(20'000, 635), IsCloseTo(20'000, 635), IsCloseTo(20'000, 635),
                          IsCloseTo(40'000, 775)));
}

}  // namespace
}  // namespace wherry::balancer
