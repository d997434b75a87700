// What does it cost to choose a backend for a connection, and how does that grow with workers?

#include "balancer/backend_table.h"
#include "balancer/picker/round_robin.h"
#include "base/ip_address.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace wherry::balancer {
namespace {

SocketAddress address_of(std::uint32_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(number >> 16),
                                          static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number)};
  return {IpAddress::from_bytes(bytes), 8080};
}

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

/// A first choice; all threads share the picker, as workers do.
void PickFirst(benchmark::State& state) {
  static const ServicePortEntry entry = forwarding(10);
  for (auto _ : state) {
    benchmark::DoNotOptimize(pick_backend(entry, entry.internal, {}));
  }
}
BENCHMARK(PickFirst)->ThreadRange(1, 4)->UseRealTime();

/// A second choice after one failure, among this many backends.
void PickAnother(benchmark::State& state) {
  const auto backends = static_cast<std::uint32_t>(state.range(0));
  const ServicePortEntry entry = forwarding(backends);
  const std::vector<SocketAddress> tried{address_of(backends / 2)};
  for (auto _ : state) {
    benchmark::DoNotOptimize(pick_backend(entry, entry.internal, tried));
  }
}
BENCHMARK(PickAnother)->Arg(3)->Arg(1000);

}  // namespace
}  // namespace wherry::balancer
