// What does it cost to choose a backend for a connection, with each algorithm, and how does that
// grow with backends and workers?

#include "balancer/backend_table.h"
#include "balancer/picker/client_affinity.h"
#include "balancer/picker/ewma.h"
#include "balancer/picker/least_connections.h"
#include "balancer/picker/maglev.h"
#include "balancer/picker/mix.h"
#include "balancer/picker/random_choice.h"
#include "balancer/picker/round_robin.h"
#include "base/ip_address.h"
#include "base/random.h"

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace wherry::balancer {
namespace {

SocketAddress address_of(std::uint32_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(number >> 16),
                                          static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number)};
  return {IpAddress::from_bytes(bytes), 8080};
}

/// Backends with some sessions each, and what pickers are made of.
struct Backends {
  explicit Backends(std::uint32_t count) {
    RandomBits bits(1);
    for (std::uint32_t i = 0; i < count; ++i) {
      states.push_back(std::make_shared<BackendState>());
      states.back()->load = static_cast<std::uint32_t>(scale(bits.next(), 20));
      states.back()->connect_latency.record(now, std::chrono::microseconds(100 + i % 50));
      hashes.push_back(hash_of(address_of(i)));
      weights.push_back(1 + i % 5);
      load += states.back()->load;
    }
  }

  TimePoint now{std::chrono::hours(1)};
  std::vector<std::shared_ptr<BackendState>> states;
  std::vector<std::uint64_t> hashes;
  std::vector<std::uint32_t> weights;
  std::uint32_t load = 0;
};

enum class Weighted { No, Yes };

template <class T>
std::shared_ptr<Picker> make(const Backends& backends, Weighted weighted) {
  auto weights = weighted == Weighted::Yes ? backends.weights : std::vector<std::uint32_t>();
  if constexpr (std::is_same_v<T, RoundRobin>) {
    return std::make_shared<T>(backends.states.size(), 0, std::move(weights));
  } else if constexpr (std::is_same_v<T, RandomChoice>) {
    return std::make_shared<T>(backends.states.size(), std::move(weights));
  } else if constexpr (std::is_same_v<T, Maglev>) {
    return std::make_shared<T>(backends.hashes, backends.states, std::move(weights));
  } else if constexpr (std::is_same_v<T, ClientAffinity>) {
    return std::make_shared<T>(make<RoundRobin>(backends, weighted),
                               std::make_shared<AffinityTable>(), std::chrono::hours(3),
                               backends.hashes);
  } else {
    return std::make_shared<T>(backends.states, std::move(weights));
  }
}

/// So many clients come again and again.
void run(benchmark::State& state, Picker& picker, const Backends& backends,
         std::uint64_t clients = 50'000) {
  RandomBits bits(static_cast<std::uint64_t>(state.thread_index()));
  PickContext context;
  context.now = backends.now + std::chrono::seconds(1);
  context.load = backends.load;
  for (auto _ : state) {
    context.chance = bits.next();
    context.client = mix(scale(context.chance, clients) * kGolden);
    benchmark::DoNotOptimize(picker.pick(context));
  }
}

template <class T, Weighted weighted>
void Pick(benchmark::State& state) {
  const Backends backends(static_cast<std::uint32_t>(state.range(0)));
  run(state, *make<T>(backends, weighted), backends);
}
void sizes(benchmark::internal::Benchmark* each) { each->Arg(2)->Arg(250)->Arg(5'000); }
BENCHMARK(Pick<RoundRobin, Weighted::No>)->Apply(sizes);
BENCHMARK(Pick<RoundRobin, Weighted::Yes>)->Apply(sizes);
BENCHMARK(Pick<RandomChoice, Weighted::No>)->Apply(sizes);
BENCHMARK(Pick<RandomChoice, Weighted::Yes>)->Apply(sizes);
BENCHMARK(Pick<LeastConnections, Weighted::No>)->Arg(16)->Apply(sizes);
BENCHMARK(Pick<LeastConnections, Weighted::Yes>)->Apply(sizes);
BENCHMARK(Pick<Ewma, Weighted::No>)->Apply(sizes);
BENCHMARK(Pick<Ewma, Weighted::Yes>)->Apply(sizes);
BENCHMARK(Pick<Maglev, Weighted::No>)->Apply(sizes);
BENCHMARK(Pick<Maglev, Weighted::Yes>)->Apply(sizes);

/// By the number of backends, and of clients that are remembered.
void PickWithAffinity(benchmark::State& state) {
  const Backends backends(static_cast<std::uint32_t>(state.range(0)));
  run(state, *make<ClientAffinity>(backends, Weighted::No), backends,
      static_cast<std::uint64_t>(state.range(1)));
}
BENCHMARK(PickWithAffinity)->ArgsProduct({{2, 250, 5'000}, {1'000, 50'000}});

/// The same with all threads on one picker, as workers are.
template <class T>
void PickTogether(benchmark::State& state) {
  static const Backends backends(250);
  static const std::shared_ptr<Picker> picker = make<T>(backends, Weighted::No);
  run(state, *picker, backends, 1'000);
}
BENCHMARK(PickTogether<RoundRobin>)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(PickTogether<LeastConnections>)->ThreadRange(1, 4)->UseRealTime();
BENCHMARK(PickTogether<ClientAffinity>)->ThreadRange(1, 4)->UseRealTime();

/// What a new list of backends costs the control thread.
template <class T, Weighted weighted>
void MakePicker(benchmark::State& state) {
  const Backends backends(static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(make<T>(backends, weighted));
}
BENCHMARK(MakePicker<RoundRobin, Weighted::Yes>)->Apply(sizes)->Unit(benchmark::kMicrosecond);
BENCHMARK(MakePicker<Maglev, Weighted::No>)->Apply(sizes)->Unit(benchmark::kMicrosecond);

ServicePortEntry forwarding(std::uint32_t backends) {
  ServicePortEntry entry;
  for (std::uint32_t i = 0; i < backends; ++i) {
    entry.backends.push_back({address_of(i), std::make_shared<const model::Endpoint>(),
                              std::make_shared<BackendState>()});
    entry.internal.backends.push_back(i);
  }
  entry.internal.verdict = Verdict::Forward;
  entry.internal.picker = std::make_shared<RoundRobin>(backends, 0);
  return entry;
}

/// A first choice as sessions make it; all threads share the picker.
void PickFirst(benchmark::State& state) {
  static const ServicePortEntry entry = forwarding(10);
  for (auto _ : state) {
    benchmark::DoNotOptimize(pick_backend(entry, entry.internal, {}, {}));
  }
}
BENCHMARK(PickFirst)->ThreadRange(1, 4)->UseRealTime();

/// A second choice after one failure, among this many backends.
void PickAnother(benchmark::State& state) {
  const auto backends = static_cast<std::uint32_t>(state.range(0));
  const ServicePortEntry entry = forwarding(backends);
  const std::vector<SocketAddress> tried{address_of(backends / 2)};
  for (auto _ : state) {
    benchmark::DoNotOptimize(pick_backend(entry, entry.internal, {}, tried));
  }
}
BENCHMARK(PickAnother)->Arg(3)->Arg(1000);

}  // namespace
}  // namespace wherry::balancer
