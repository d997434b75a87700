#include "base/backoff.h"

#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace wherry {
namespace {

using namespace std::chrono_literals;

/// The same choice every time.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(double unit) : unit_(unit) {}
  std::uint64_t next_below(std::uint64_t n) override {
    return static_cast<std::uint64_t>(unit_ * static_cast<double>(n));
  }

 private:
  double unit_;
};

TEST(Backoff, A14_DoublesFrom800MillisecondsTo30Seconds) {
  test::ManualClock clock;
  FixedRandom random(0);
  Backoff backoff(clock, random);

  for (const Duration expected :
       {800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30000ms, 30000ms}) {
    EXPECT_EQ(backoff.next(), expected);
  }
}

TEST(Backoff, A14_PutsUpToAsMuchAgainOnTop) {
  test::ManualClock clock;
  FixedRandom random(0.5);
  Backoff backoff(clock, random);

  EXPECT_EQ(backoff.next(), 1200ms);
  for (int i = 0; i < 10; ++i) (void)backoff.next();
  EXPECT_EQ(backoff.next(), 45s);
}

TEST(Backoff, A14_BeginsAgainAfterTwoMinutesWithoutNeed) {
  test::ManualClock clock;
  FixedRandom random(0);
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
  FixedRandom random(0);
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
