#include "proxy/tcp/session_quota.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace wherry::tcp {
namespace {

TEST(SessionQuota, GivesAsManyPermitsAsItsLimit) {
  SessionQuota quota(2, [] {});

  const auto first = quota.try_acquire();
  const auto second = quota.try_acquire();
  const auto third = quota.try_acquire();

  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(third);
  EXPECT_EQ(quota.used(), 2u);
}

TEST(SessionQuota, TakesAPermitBackWhenItIsDestroyed) {
  SessionQuota quota(1, [] {});

  {
    const auto permit = quota.try_acquire();
  }

  EXPECT_EQ(quota.used(), 0u);
  EXPECT_TRUE(quota.try_acquire());
}

TEST(SessionQuota, MovesAPermitWithoutCountingItTwice) {
  SessionQuota quota(1, [] {});
  auto permit = quota.try_acquire();

  const SessionQuota::Permit moved = std::move(permit);

  EXPECT_EQ(quota.used(), 1u);
}

TEST(SessionQuota, TellsOnceThatAPlaceIsFreeAfterOneWasDenied) {
  int told = 0;
  SessionQuota quota(1, [&told] { ++told; });
  auto held = quota.try_acquire();
  EXPECT_FALSE(quota.try_acquire());
  EXPECT_FALSE(quota.try_acquire());

  held.give_back();
  {
    const auto again = quota.try_acquire();
  }

  EXPECT_EQ(told, 1);
}

TEST(SessionQuota, TellsNobodyWhereNobodyWasDenied) {
  int told = 0;
  SessionQuota quota(1, [&told] { ++told; });

  {
    const auto permit = quota.try_acquire();
  }

  EXPECT_EQ(told, 0);
}

TEST(SessionQuota, TellsWhenTheLimitIsRaised) {
  int told = 0;
  SessionQuota quota(0, [&told] { ++told; });
  EXPECT_FALSE(quota.try_acquire());

  quota.set_limit(1);

  EXPECT_EQ(told, 1);
  EXPECT_TRUE(quota.try_acquire());
}

TEST(SessionQuota, LosesNoPermitAndNoNewsAmongThreads) {
  std::atomic<int> told{0};
  std::atomic<int> denied{0};
  SessionQuota quota(3, [&told] { ++told; });

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const auto permit = quota.try_acquire();
        if (!permit) ++denied;
        EXPECT_LE(quota.used(), 3u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(quota.used(), 0u);
  if (denied > 0) {
    EXPECT_GT(told, 0);
  }
}

TEST(SessionQuota, WakesEveryoneWhoWasDenied) {
  // Each thread waits, once denied, until it is told; the last one could wait for ever if news were
  // lost.
  std::atomic<std::uint64_t> news{0};
  SessionQuota quota(1, [&news] {
    news.fetch_add(1);
    news.notify_all();
  });

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000;) {
        const std::uint64_t heard = news.load();
        if (const auto permit = quota.try_acquire()) {
          ++i;
        } else {
          news.wait(heard);
        }
      }
      // Whoever waits now, waits for one that may have come just before.
      news.fetch_add(1);
      news.notify_all();
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(quota.used(), 0u);
}

}  // namespace
}  // namespace wherry::tcp
