#include "balancer/picker/maglev.h"

#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace wherry::balancer {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;

Positions slots_of(const MaglevTable& table, std::size_t backends) {
  Positions counts(backends);
  for (std::size_t i = 0; i < table.size(); ++i) ++counts.at(table.slot(i));
  return counts;
}

bool is_prime(std::size_t n) {
  for (std::size_t i = 2; i * i <= n; ++i) {
    if (n % i == 0) return false;
  }
  return n > 1;
}

TEST(MaglevTable, HasAPrimeNumberOfSlotsAndAHundredForEach) {
  for (const std::size_t backends : {1u, 2u, 3u, 5u, 10u, 25u, 50u, 100u, 250u, 500u, 655u, 656u,
                                     1'000u, 2'000u, 3'000u, 5'000u, 7'500u, 10'000u}) {
    const std::size_t size = MaglevTable::size_for(backends);
    EXPECT_TRUE(is_prime(size)) << size;
    EXPECT_GE(size, 100 * backends);
  }
  EXPECT_EQ(MaglevTable::size_for(400'000), 1'000'003u);
}

TEST(MaglevTable, GivesEachTheSameNumberOfSlotsOrOneMore) {
  const MaglevTable table(make_hashes(30), {});

  EXPECT_THAT(slots_of(table, 30), Each(AllOf(Ge(5'003u / 30), Le(5'003u / 30 + 1))));
}

TEST(MaglevTable, TheSameBackendsGiveTheSameTable) {
  const MaglevTable one(make_hashes(12), {});
  const MaglevTable other(make_hashes(12), {});

  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_EQ(one.slot(i), other.slot(i)) << i;
}

TEST(MaglevTable, KnowsBackendsPastTheNumbersOf16Bits) {
  constexpr std::size_t kBackends = 65'600;
  const Positions counts = slots_of(MaglevTable(make_hashes(kBackends), {}), kBackends);

  EXPECT_THAT(counts, Each(AllOf(Ge(1'000'003u / kBackends), Le(1'000'003u / kBackends + 1))));
}

TEST(MaglevTable, GivesSlotsByWeight) {
  const std::vector<std::uint32_t> weights{1, 2, 7};

  const Positions counts = slots_of(MaglevTable(make_hashes(3), weights), 3);

  EXPECT_THAT(counts[0], IsCloseTo(50, 1));
  EXPECT_THAT(counts[1], IsCloseTo(100, 2));
  EXPECT_THAT(counts[2], IsCloseTo(352, 3));
}

/// Of the slots that belong to those who stay, how many change hands when one leaves.
double moved_by_loss(std::size_t backends, std::size_t leaver) {
  const auto hashes = make_hashes(backends);
  auto fewer = hashes;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(leaver));
  const MaglevTable before(hashes, {});
  const MaglevTable after(fewer, {});
  constexpr std::size_t kClients = 50'000;
  std::size_t moved = 0;
  for (std::size_t client = 0; client < kClients; ++client) {
    const std::uint64_t was = hashes[before.at(client_hash(client))];
    const std::uint64_t is = fewer[after.at(client_hash(client))];
    if (was != is) ++moved;
  }
  return static_cast<double>(moved) / kClients;
}

TEST(MaglevTable, L1_TheLossOfOneOfNMovesAboutOneNthOfTheClients) {
  for (const auto& [backends, leaver] :
       {std::pair<std::size_t, std::size_t>{10, 4}, {20, 0}, {50, 49}, {100, 31}, {250, 100}}) {
    const double share = 1.0 / static_cast<double>(backends);
    const double moved = moved_by_loss(backends, leaver);
    EXPECT_GE(moved, share * 0.8) << backends;
    EXPECT_LE(moved, share + 0.025) << backends;
  }
}

PickContext of_client(std::size_t client, std::uint32_t load = 0) {
  PickContext context;
  context.client = client_hash(client);
  context.load = load;
  return context;
}

TEST(Maglev, AClientAlwaysGoesToTheSame) {
  Maglev picker(make_hashes(20), make_states(20), {});

  for (std::size_t client = 0; client < 100; ++client) {
    EXPECT_EQ(picker.pick(of_client(client)), picker.pick(of_client(client)));
  }
}

TEST(Maglev, ClientsSpreadByWeight) {
  Maglev picker(make_hashes(3), make_states(3), {1, 1, 2});
  Positions counts(3);

  for (std::size_t client = 0; client < 40'000; ++client) {
    ++counts[picker.pick(of_client(client)).value()];
  }

  EXPECT_THAT(counts[0], IsCloseTo(10'000, 600));
  EXPECT_THAT(counts[1], IsCloseTo(10'000, 600));
  EXPECT_THAT(counts[2], IsCloseTo(20'000, 700));
}

TEST(Maglev, NobodyGetsMoreThanAQuarterAboveItsShare) {
  const auto states = make_states(10);
  Maglev picker(make_hashes(10), states, {});
  RandomBits bits(7);

  // Half of all connections come from one client.
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    PickContext context = of_client(i % 2 == 0 ? 1 : bits.next() % 50'000, i);
    ++states[picker.pick(context).value()]->load;
  }

  for (const auto& state : states) EXPECT_LE(state->load.load(), 1'251u);
}

TEST(Maglev, TheBoundFollowsWeights) {
  const auto states = make_states(3);
  Maglev picker(make_hashes(3), states, {1, 1, 8});

  for (std::uint32_t i = 0; i < 10'000; ++i) ++states[picker.pick(of_client(5, i)).value()]->load;

  EXPECT_LE(states[0]->load.load(), 1'251u);
  EXPECT_LE(states[1]->load.load(), 1'251u);
  EXPECT_LE(states[2]->load.load(), 10'000u);
  EXPECT_GE(states[2]->load.load(), 7'400u);
}

TEST(Maglev, AClientWhoseBackendIsFullGoesToOneOtherAsLongAsThatHasRoom) {
  const auto states = make_states(10);
  Maglev picker(make_hashes(10), states, {});
  const std::size_t own = picker.pick(of_client(1)).value();
  states[own]->load = 500;

  const std::size_t other = picker.pick(of_client(1, 500)).value();

  EXPECT_NE(other, own);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(picker.pick(of_client(1, 500)), other);
}

// Not all to the next one, which would be full at once.
TEST(Maglev, ClientsOfAFullBackendSpreadOverAllOthers) {
  const auto states = make_states(10);
  Maglev picker(make_hashes(10), states, {});
  states[0]->load = 500;

  Positions counts(10);
  std::size_t moved = 0;
  for (std::size_t client = 0; moved < 9'000; ++client) {
    if (picker.pick(of_client(client, 1'000'000)) != 0u) continue;
    ++counts[picker.pick(of_client(client, 500)).value()];
    ++moved;
  }

  EXPECT_EQ(counts[0], 0u);
  counts.erase(counts.begin());
  EXPECT_THAT(counts, Each(IsCloseTo(1'000, 200)));
}

// 1.25 times an equal share of the 80 sessions that there are with this one.
TEST(Maglev, AtTheBoundABackendIsFullAndOneBelowItIsNot) {
  const auto states = make_states(4);
  Maglev picker(make_hashes(4), states, {});
  const std::size_t own = picker.pick(of_client(1)).value();

  states[own]->load = 24;
  EXPECT_EQ(picker.pick(of_client(1, 79)), own);
  states[own]->load = 25;
  EXPECT_NE(picker.pick(of_client(1, 79)), own);
}

TEST(Maglev, TheFirstSessionPastTheFewThatAlwaysHaveRoomIsBound) {
  const auto states = make_states(10);
  Maglev picker(make_hashes(10), states, {});
  const std::size_t own = picker.pick(of_client(1)).value();

  states[own]->load = Maglev::kAlwaysRoom;

  EXPECT_NE(picker.pick(of_client(1, Maglev::kAlwaysRoom)), own);
}

TEST(Maglev, AFewSessionsNeverMakeABackendFull) {
  const auto states = make_states(10);
  Maglev picker(make_hashes(10), states, {});
  const std::size_t own = picker.pick(of_client(1)).value();

  states[own]->load = Maglev::kAlwaysRoom - 1;

  EXPECT_EQ(picker.pick(of_client(1, Maglev::kAlwaysRoom - 1)), own);
}

TEST(Maglev, ASecondChoiceIsTheSameEachTimeAndNeverATriedOne) {
  Maglev picker(make_hashes(4), make_states(4), {});
  Positions tried;

  for (int i = 0; i < 4; ++i) {
    PickContext context = of_client(3);
    context.tried = tried;
    const auto next = picker.pick(context);
    ASSERT_TRUE(next);
    EXPECT_EQ(picker.pick(context), next);
    EXPECT_THAT(tried, ::testing::Not(::testing::Contains(*next)));
    tried.push_back(*next);
  }
  PickContext context = of_client(3);
  context.tried = tried;
  EXPECT_EQ(picker.pick(context), std::nullopt);
}

TEST(Maglev, SomebodyIsChosenThoughAllAreFull) {
  const auto states = make_states(3);
  for (const auto& state : states) state->load = 1'000;
  Maglev picker(make_hashes(3), states, {});

  EXPECT_TRUE(picker.pick(of_client(1, 10)));
}

TEST(Maglev, HoldsTheBoundFromManyThreads) {
  const auto states = make_states(8);
  Maglev picker(make_hashes(8), states, {});
  std::atomic<std::uint32_t> load{0};

  const Positions counts = count_picks(
      8,
      [&](std::size_t) {
        const std::size_t position =
            picker.pick(of_client(1, load.load(std::memory_order_relaxed))).value();
        states[position]->load.fetch_add(1, std::memory_order_relaxed);
        load.fetch_add(1, std::memory_order_relaxed);
        return position;
      },
      10'000);

  EXPECT_THAT(counts, Each(Le(5'000u * 5 / 4 + 50)));
}

}  // namespace
}  // namespace wherry::balancer
