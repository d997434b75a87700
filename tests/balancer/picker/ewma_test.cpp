#include "balancer/picker/ewma.h"

#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace wherry::balancer {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

constexpr TimePoint kNow{1h};

PickContext now() {
  PickContext context;
  context.now = kNow;
  return context;
}

TEST(Ewma, OfTwoTakesTheOneThatAcceptsSooner) {
  const auto states = make_states(2);
  states[0]->connect_latency.record(kNow, 3ms);
  states[1]->connect_latency.record(kNow, 1ms);
  Ewma picker(states, {});

  EXPECT_THAT(count_by_chance(picker, 2, 100, now()), ElementsAre(0, 100));
}

TEST(Ewma, OfTwoThatAreAsQuickTakesTheOneWithLessToDo) {
  const auto states = make_states(2);
  for (const auto& state : states) state->connect_latency.record(kNow, 1ms);
  states[0]->load = 5;
  Ewma picker(states, {});

  EXPECT_THAT(count_by_chance(picker, 2, 100, now()), ElementsAre(0, 100));
}

TEST(Ewma, OfManyNeverTakesTheWorst) {
  const auto states = make_states(20);
  for (const auto& state : states) state->connect_latency.record(kNow, 1ms);
  states[7]->connect_latency.record(kNow, 900ms);
  Ewma picker(states, {});

  const Positions counts = count_by_chance(picker, 20, 20'000, now());

  EXPECT_EQ(counts[7], 0u);
}

TEST(Ewma, OfEqualsChoosesEachAsOften) {
  Ewma picker(make_states(10), {});

  EXPECT_THAT(count_by_chance(picker, 10, 50'000, now()), Each(IsCloseTo(5'000, 350)));
}

TEST(Ewma, TakesASlowOneAgainOnceThatIsLongAgo) {
  const auto states = make_states(2);
  states[0]->connect_latency.record_failure(kNow, 3s);
  Ewma picker(states, {});
  PickContext later = now();
  later.now += 2min;

  EXPECT_THAT(count_by_chance(picker, 2, 100, now()), ElementsAre(0, 100));
  EXPECT_THAT(count_by_chance(picker, 2, 100, later), ElementsAre(Ge(20u), Ge(20u)));
}

TEST(Ewma, CountsASessionByWeight) {
  const auto states = make_states(4);
  Ewma picker(states, {1, 1, 1, 3});

  (void)count_by_chance(picker, 4, 6'000, now(),
                        [&states](std::size_t position) { ++states[position]->load; });

  EXPECT_THAT(states[0]->load.load(), IsCloseTo(1'000, 60));
  EXPECT_THAT(states[3]->load.load(), IsCloseTo(3'000, 60));
}

TEST(Ewma, ASecondChoiceIsTheBetterOfTheOthers) {
  const auto states = make_states(3);
  states[1]->connect_latency.record(kNow, 500ms);
  Ewma picker(states, {});
  const Positions first{0};
  const Positions two{0, 2};
  const Positions all{0, 2, 1};
  PickContext context = now();
  context.tried = first;

  const Positions counts = count_by_chance(picker, 3, 1'000, context);
  EXPECT_EQ(counts[0], 0u);
  EXPECT_GE(counts[2], 600u);  // it is always better, where the two that are drawn differ
  EXPECT_EQ(picker.pick(after(two)), 1u);
  EXPECT_EQ(picker.pick(after(all)), std::nullopt);
}

TEST(Ewma, OneBackendIsTheChoice) {
  Ewma picker(make_states(1), {});

  EXPECT_THAT(count_by_chance(picker, 1, 10, now()), ElementsAre(10));
}

TEST(Ewma, ManyThreadsChooseAndReportAtOnce) {
  const auto states = make_states(6);
  Ewma picker(states, {});

  const Positions counts =
      count_picks_by_chance(picker, 6, 10'000, [&states](std::size_t position) {
        states[position]->load.fetch_add(1, std::memory_order_relaxed);
        states[position]->connect_latency.record(kNow, position == 2 ? 20ms : 1ms);
        states[position]->load.fetch_sub(1, std::memory_order_relaxed);
      });

  EXPECT_LE(counts[2], 40u);  // known as slow from its first answer on
}

}  // namespace
}  // namespace wherry::balancer
