#include "balancer/picker/client_affinity.h"

#include "balancer/picker/round_robin.h"
#include "tests/balancer/picker/picking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <set>

namespace wherry::balancer {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// Backends 0 to 3 behind round robin, and a clock.
class ClientAffinityTest : public ::testing::Test {
 protected:
  /// A picker over these backends, with the clients that are known.
  [[nodiscard]] std::unique_ptr<ClientAffinity> over(const std::vector<std::size_t>& numbers,
                                                     std::size_t start = 0) {
    std::vector<std::uint64_t> hashes;
    hashes.reserve(numbers.size());  // what is read behind them is found
    for (const std::size_t number : numbers) hashes.push_back(hash_of(backend_address(number)));
    return std::make_unique<ClientAffinity>(std::make_shared<RoundRobin>(numbers.size(), start),
                                            table_, 100s, std::move(hashes));
  }
  std::optional<std::size_t> pick(std::size_t client, const Positions& tried = {}) {
    PickContext context;
    context.client = client_hash(client);
    context.now = now_;
    context.tried = tried;
    return picker_->pick(context);
  }

  std::shared_ptr<AffinityTable> table_ = std::make_shared<AffinityTable>();
  std::unique_ptr<ClientAffinity> picker_ = over({0, 1, 2, 3});
  TimePoint now_{1h};
};

TEST_F(ClientAffinityTest, L2_AClientStaysAndOthersTakeTurns) {
  EXPECT_EQ(pick(1), 0u);
  EXPECT_EQ(pick(2), 1u);
  EXPECT_EQ(pick(1), 0u);
  EXPECT_EQ(pick(3), 2u);
  EXPECT_EQ(pick(2), 1u);
}

TEST_F(ClientAffinityTest, L2_TheTimeoutBeginsAnewWithEachConnection) {
  EXPECT_EQ(pick(1), 0u);
  for (int i = 0; i < 5; ++i) {
    now_ += 100s;
    EXPECT_EQ(pick(1), 0u);
  }
}

TEST_F(ClientAffinityTest, L2_AClientIsChosenForAnewAfterTheTimeout) {
  EXPECT_EQ(pick(1), 0u);

  now_ += 100s + 1ns;

  EXPECT_EQ(pick(1), 1u);
  EXPECT_EQ(pick(1), 1u);
}

TEST_F(ClientAffinityTest, L3_AClientIsChosenForAnewWhenItsBackendIsGone) {
  EXPECT_EQ(pick(1), 0u);
  EXPECT_EQ(pick(2), 1u);

  picker_ = over({1, 2, 3}, 1);

  EXPECT_EQ(pick(1), 1u) << "backend 2";
  EXPECT_EQ(pick(1), 1u);
  EXPECT_EQ(pick(2), 0u) << "still backend 1, which stands elsewhere now";
}

// Wherever it stands among the others: they are looked for by their hashes.
TEST_F(ClientAffinityTest, L3_WhicheverBackendGoesItsClientTakesItsTurn) {
  for (std::size_t gone = 0; gone < 4; ++gone) {
    std::vector<std::size_t> others{0, 1, 2, 3};
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(gone));
    for (std::size_t turn = 0; turn < others.size(); ++turn) {
      table_ = std::make_shared<AffinityTable>();
      picker_ = over({0, 1, 2, 3}, gone);
      ASSERT_EQ(pick(1), gone);

      picker_ = over(others, turn);

      EXPECT_EQ(pick(1), turn) << "backend " << gone << " is gone";
    }
  }
}

TEST_F(ClientAffinityTest, L3_ABackendThatComesTakesNoClientFromAnother) {
  picker_ = over({2, 3});
  EXPECT_EQ(pick(1), 0u);

  picker_ = over({0, 1, 2, 3});

  EXPECT_EQ(pick(1), 2u);
}

TEST_F(ClientAffinityTest, L4_AClientMovesWhenItsBackendCantBeReachedAndStaysThere) {
  EXPECT_EQ(pick(1), 0u);

  const auto other = pick(1, {0});

  ASSERT_TRUE(other);
  EXPECT_NE(*other, 0u);
  EXPECT_EQ(pick(1), other);
}

TEST_F(ClientAffinityTest, L4_AConnectionThatFailsToFollowsOneThatHasMovedAlready) {
  EXPECT_EQ(pick(1), 0u);
  EXPECT_EQ(pick(1), 0u);

  const auto other = pick(1, {0});

  EXPECT_EQ(pick(1, {0}), other);
}

TEST_F(ClientAffinityTest, L4_WithNoBackendLeftTheClientKeepsItsOwn) {
  EXPECT_EQ(pick(1), 0u);

  EXPECT_EQ(pick(1, {0, 1, 2, 3}), std::nullopt);

  EXPECT_EQ(pick(1), 0u);
}

TEST_F(ClientAffinityTest, TakesItsTurnsWhereTheInnerOneStands) {
  (void)pick(1);
  (void)pick(2);

  EXPECT_EQ(picker_->next_position(), 2u);
}

TEST_F(ClientAffinityTest, L2_TwoConnectionsThatComeAtOnceGoToOneBackend) {
  constexpr std::size_t kClients = 500;
  std::vector<std::atomic<std::size_t>> next(kThreads);
  std::vector<std::atomic<unsigned>> chosen(kClients);  ///< a bit for each backend

  (void)count_picks(
      4,
      [&](std::size_t thread) {
        const std::size_t client = next[thread]++ % kClients;
        const std::size_t position = pick(client).value();
        chosen[client].fetch_or(1u << position);
        return position;
      },
      4'000);

  for (const auto& each : chosen) EXPECT_TRUE(std::has_single_bit(each.load()));
}

TEST(AffinityTable, HoldsSoManyClientsAndThenForgetsTheOneSeenLeastRecently) {
  AffinityTable::Shard shard;
  constexpr TimePoint kNever{};
  TimePoint now{1h};
  for (std::uint64_t hash = 1; hash <= AffinityTable::kMostOfShard; ++hash) {
    shard.touch(shard.add(hash, kNever), now += 1s);
  }
  shard.touch(*shard.find(1), now += 1s);

  shard.touch(shard.add(1'000'000, kNever), now += 1s);

  EXPECT_EQ(shard.size(), AffinityTable::kMostOfShard);
  EXPECT_EQ(shard.find(2), nullptr);
  EXPECT_NE(shard.find(1), nullptr);
  EXPECT_NE(shard.find(3), nullptr);
  EXPECT_NE(shard.find(1'000'000), nullptr);
}

TEST(AffinityTable, AnExpiredClientMakesRoomBeforeMoreIsTaken) {
  AffinityTable::Shard shard;
  const TimePoint now{1h};
  shard.touch(shard.add(1, {}), now);
  shard.touch(shard.add(2, {}), now + 10s);

  shard.touch(shard.add(3, now + 5s), now + 20s);

  EXPECT_EQ(shard.size(), 2u);
  EXPECT_EQ(shard.find(1), nullptr);
  EXPECT_NE(shard.find(2), nullptr);
}

TEST(AffinityTable, FindsEveryClientWhateverCameAndWent) {
  AffinityTable::Shard shard;
  RandomBits bits(3);
  std::vector<std::uint64_t> added;
  for (std::size_t i = 0; i < 3 * AffinityTable::kMostOfShard; ++i) {
    added.push_back(bits.next());
    AffinityTable::Client& client = shard.add(added.back(), {});
    client.backend = added.back() + 1;
    shard.touch(client, TimePoint{std::chrono::seconds(i + 1)});
    // What was seen lately stays.
    for (std::size_t back = 0; back < 3 && back < added.size(); ++back) {
      const std::uint64_t hash = added[added.size() - 1 - back];
      ASSERT_NE(shard.find(hash), nullptr);
      ASSERT_EQ(shard.find(hash)->backend, hash + 1);
    }
  }

  for (std::size_t i = 0; i < added.size(); ++i) {
    EXPECT_EQ(shard.find(added[i]) != nullptr, i >= 2 * AffinityTable::kMostOfShard) << i;
  }
}

TEST(AffinityTable, TimeThatAnotherWorkerReadEarlierTakesNothingBack) {
  AffinityTable::Shard shard;
  const TimePoint now{1h};
  AffinityTable::Client& client = shard.add(1, {});
  shard.touch(client, now);

  shard.touch(client, now - 1s);

  EXPECT_EQ(client.seen, now);
}

TEST(AffinityTable, CountsTheClientsOfAllItsShards) {
  AffinityTable table;
  EXPECT_EQ(table.size(), 0u);

  (void)table.shard_of(0).add(1, {});
  (void)table.shard_of(0).add(2, {});
  (void)table.shard_of(UINT64_MAX).add(3, {});

  EXPECT_EQ(table.size(), 3u);
}

TEST(AffinityTable, SpreadsClientsOverItsShards) {
  AffinityTable table;
  std::set<AffinityTable::Shard*> used;

  for (std::size_t client = 0; client < 200; ++client)
    used.insert(&table.shard_of(client_hash(client)));

  EXPECT_EQ(used.size(), AffinityTable::kShards);
}

}  // namespace
}  // namespace wherry::balancer
