#include "base/backoff.h"

#include "tests/support/fixed_random.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace wherry {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, A14_DoublesFrom800MillisecondsTo30Seconds) {
  test::ManualClock clock;
  test::FixedRandom random(0);
  Backoff backoff(clock, random);

  for (const Duration expected :
       {800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30000ms, 30000ms}) {
    EXPECT_EQ(backoff.next(), expected);
  }
}

TEST(Backoff, A14_PutsUpToAsMuchAgainOnTop) {
  test::ManualClock clock;
  test::FixedRandom random(0.5);
  Backoff backoff(clock, random);

  EXPECT_EQ(backoff.next(), 1200ms);
  for (int i = 0; i < 10; ++i) (void)backoff.next();
  EXPECT_EQ(backoff.next(), 45s);
}

TEST(Backoff, A14_BeginsAgainAfterTwoMinutesWithoutNeed) {
  test::ManualClock clock;
  test::FixedRandom random(0);
  Backoff backoff(clock, random);
  (void)backoff.next();
  (void)backoff.next();

  clock.advance(2min);
  EXPECT_EQ(backoff.next(), 3200ms);
  clock.advance(2min + 1ms);
  EXPECT_EQ(backoff.next(), 800ms);
}

TEST(Backoff, BeginsAgainWhenItIsReset) {
  test::ManualClock clock;
  test::FixedRandom random(0);
  Backoff backoff(clock, random);
  (void)backoff.next();
  (void)backoff.next();

  backoff.reset();

  EXPECT_EQ(backoff.next(), 800ms);
}

TEST(SystemRandom, StaysBelowItsBound) {
  SystemRandom random;

  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.next_below(3), 3u);
    const double unit = random.next_unit();
    EXPECT_GE(unit, 0);
    EXPECT_LT(unit, 1);
  }
}

}  // namespace
}  // namespace wherry
