#pragma once

#include "balancer/backend.h"
#include "balancer/picker/mix.h"
#include "balancer/picker/picker.h"
#include "base/random.h"

#include <gmock/gmock.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace wherry::balancer {

using Positions = std::vector<std::size_t>;

/// A context in which these were tried. They must outlive it.
inline PickContext after(const Positions& tried) {
  PickContext context;
  context.tried = tried;
  return context;
}

inline std::vector<std::shared_ptr<BackendState>> make_states(std::size_t count) {
  std::vector<std::shared_ptr<BackendState>> states;
  for (std::size_t i = 0; i < count; ++i) states.push_back(std::make_shared<BackendState>());
  return states;
}

/// 10.2.0.0:8080 and those that follow.
inline SocketAddress backend_address(std::size_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(2 + (number >> 16)),
                                          static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number)};
  return {IpAddress::from_bytes(bytes), 8080};
}

inline std::vector<std::uint64_t> make_hashes(std::size_t count) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < count; ++i) hashes.push_back(hash_of(backend_address(i)));
  return hashes;
}

/// Those of clients 10.9.0.0 and on.
inline std::uint64_t client_hash(std::size_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(9 + (number >> 16)),
                                          static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number)};
  return hash_of(IpAddress::from_bytes(bytes));
}

/// How often each of `positions` is chosen in so many picks by chance. `each` may change the
/// context, and is told what was picked.
inline Positions count_by_chance(Picker& picker, std::size_t positions, std::size_t picks,
                                 PickContext context = {},
                                 const std::function<void(std::size_t)>& picked = {}) {
  RandomBits bits(20'261'128);
  Positions counts(positions);
  for (std::size_t i = 0; i < picks; ++i) {
    context.chance = bits.next();
    context.client = bits.next();
    const std::size_t position = picker.pick(context).value();
    ++counts.at(position);
    if (picked) picked(position);
  }
  return counts;
}

constexpr std::size_t kThreads = 4;
constexpr std::size_t kPicksOfAThread = 42'000;  // enough for threads to get in each other's way

/// How often each of `positions` is chosen by threads that choose all at once. `choose` is told
/// the thread's number.
inline Positions count_picks(std::size_t positions,
                             const std::function<std::size_t(std::size_t)>& choose,
                             std::size_t picks = kPicksOfAThread) {
  std::latch ready(kThreads);
  std::vector<Positions> counts(kThreads, Positions(positions));
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      ready.arrive_and_wait();
      for (std::size_t i = 0; i < picks; ++i) ++counts[thread].at(choose(thread));
    });
  }
  for (std::thread& thread : threads) thread.join();

  Positions total(positions);
  for (const Positions& own : counts) {
    for (std::size_t i = 0; i < positions; ++i) total[i] += own[i];
  }
  return total;
}

/// The same for a picker that goes by chance: each thread has bits of its own.
inline Positions count_picks_by_chance(Picker& picker, std::size_t positions, std::size_t picks,
                                       const std::function<void(std::size_t)>& picked = {}) {
  std::vector<RandomBits> bits;
  for (std::size_t i = 0; i < kThreads; ++i) bits.emplace_back(1'000 + i);
  return count_picks(
      positions,
      [&](std::size_t thread) {
        PickContext context;
        context.chance = bits[thread].next();
        context.client = bits[thread].next();
        const std::size_t position = picker.pick(context).value();
        if (picked) picked(position);
        return position;
      },
      picks);
}

/// Within so much of an expected count.
inline ::testing::Matcher<std::size_t> IsCloseTo(std::size_t expected, std::size_t by) {
  return ::testing::AllOf(::testing::Ge(expected - by), ::testing::Le(expected + by));
}

}  // namespace wherry::balancer
