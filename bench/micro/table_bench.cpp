// How long does it take until a change of the cluster is a new table, and what is a table's price?

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"
#include "balancer/table_diff.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::balancer {
namespace {

IpAddress ip(std::uint8_t first, std::uint32_t number) {
  const std::array<std::uint8_t, 4> bytes{first, static_cast<std::uint8_t>(number >> 16),
                                          static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number)};
  return IpAddress::from_bytes(bytes);
}

std::shared_ptr<const model::Service> make_service(std::uint32_t number) {
  model::Service service;
  service.meta.key = {"namespace-" + std::to_string(number % 50),
                      "service-" + std::to_string(number)};
  service.cluster_ips = {ip(10, number)};
  service.ports = {{"http", Protocol::TCP, 80, 0, std::uint16_t{8080}}};
  return std::make_shared<const model::Service>(std::move(service));
}

/// All endpoints of a Service; the one at `not_ready` is not ready.
std::shared_ptr<const model::EndpointSlice> make_slice(std::uint32_t number,
                                                       std::uint32_t endpoints,
                                                       std::uint32_t not_ready) {
  const auto service = make_service(number);
  model::EndpointSlice slice;
  slice.meta.key = {service->meta.key.name_space, service->meta.key.name + "-abcde"};
  slice.meta.labels.emplace(std::string(model::kServiceNameLabel), service->meta.key.name);
  slice.ports = {{"http", Protocol::TCP, std::uint16_t{8080}}};
  for (std::uint32_t i = 0; i < endpoints; ++i) {
    model::Endpoint endpoint;
    endpoint.address = ip(11, number * endpoints + i);
    endpoint.node = "node-" + std::to_string(i);
    endpoint.pod = service->meta.key.name + "-7d4b9c-" + std::to_string(i);
    endpoint.ready = i != not_ready;
    slice.endpoints.push_back(std::move(endpoint));
  }
  return std::make_shared<const model::EndpointSlice>(std::move(slice));
}

constexpr std::uint32_t kAllReady = 0xffffffff;

/// Trackers that hold so many Services with so many endpoints each.
class Cluster {
 public:
  Cluster(std::uint32_t service_count, std::uint32_t endpoint_count) {
    for (std::uint32_t i = 0; i < service_count; ++i) {
      services_of_cluster.push_back(make_service(i));
      slices_of_cluster.push_back(make_slice(i, endpoint_count, kAllReady));
    }
    services.replace(services_of_cluster);
    slices.replace(slices_of_cluster);
  }

  /// Each endpoint is for one of so many zones, in turn.
  void add_hints(std::size_t zones) {
    for (auto& slice : slices_of_cluster) {
      model::EndpointSlice hinted = *slice;
      for (std::size_t i = 0; i < hinted.endpoints.size(); ++i) {
        hinted.endpoints[i].hints = model::EndpointHints({"zone-" + std::to_string(i % zones)}, {});
      }
      slice = std::make_shared<const model::EndpointSlice>(std::move(hinted));
    }
    slices.replace(slices_of_cluster);
  }

  std::set<model::ObjectKey> take_changes() {
    std::set<model::ObjectKey> changed = services.take_changes();
    changed.merge(slices.take_changes());
    return changed;
  }

  std::vector<std::shared_ptr<const model::Service>> services_of_cluster;
  std::vector<std::shared_ptr<const model::EndpointSlice>> slices_of_cluster;
  ServiceTracker services{FlattenRules{}, [] {}};
  SliceTracker slices{[] {}};
};

std::pair<std::uint32_t, std::uint32_t> size_of(const benchmark::State& state) {
  return {static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1))};
}

/// Everything told to new trackers, as after a relist.
void TrackAll(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  const Cluster cluster(services, endpoints);
  for (auto _ : state) {
    state.PauseTiming();
    auto all_services = cluster.services_of_cluster;
    auto all_slices = cluster.slices_of_cluster;
    auto service_tracker = std::make_unique<ServiceTracker>(FlattenRules{}, [] {});
    auto slice_tracker = std::make_unique<SliceTracker>([] {});
    state.ResumeTiming();
    service_tracker->replace(std::move(all_services));
    slice_tracker->replace(std::move(all_slices));
    state.PauseTiming();
    service_tracker.reset();
    slice_tracker.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(TrackAll)->Args({10'000, 10})->Unit(benchmark::kMillisecond);

/// The first table out of full trackers.
void TableBuildFull(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  Cluster cluster(services, endpoints);
  const std::set<model::ObjectKey> changed = cluster.take_changes();
  for (auto _ : state) {
    auto builder = std::make_unique<TableBuilder>(cluster.services, cluster.slices, "node-1");
    benchmark::DoNotOptimize(builder->build(changed));
    state.PauseTiming();
    builder.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(TableBuildFull)->Args({100, 10})->Args({10'000, 10})->Unit(benchmark::kMillisecond);

/// One endpoint of one Service changes: from the slice to the table.
void TableBuildOneEndpoint(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  Cluster cluster(services, endpoints);
  TableBuilder builder(cluster.services, cluster.slices, "node-1");
  (void)builder.build(cluster.take_changes());
  std::uint32_t number = 0;
  std::uint32_t not_ready = 0;  // another one each time round, so that every slice is news
  for (auto _ : state) {
    state.PauseTiming();
    auto slice = make_slice(number, endpoints, not_ready);
    number = (number + 1) % services;
    if (number == 0) not_ready = (not_ready + 1) % endpoints;
    const auto before = builder.latest();
    state.ResumeTiming();
    cluster.slices.upsert(std::move(slice));
    const auto table = builder.build(cluster.take_changes());
    if (table == before) state.SkipWithError("nothing changed");
  }
}
BENCHMARK(TableBuildOneEndpoint)
    ->Args({100, 10})
    ->Args({10'000, 10})
    ->Args({10'000, 100})
    ->Unit(benchmark::kMicrosecond);

/// The own Node moves to another zone and back: every Service is looked at once more (E13). With
/// hints every Service gets other backends, without them no decision changes.
void TableBuildZoneChange(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  Cluster cluster(services, endpoints);
  if (state.range(2) != 0) cluster.add_hints(3);
  TableBuilder builder(cluster.services, cluster.slices, "node-1");
  NodeView node{{"node-1", "zone-0"}, {}, {}};
  builder.set_node(node);
  (void)builder.build(cluster.take_changes());
  for (auto _ : state) {
    node.topology.zone = node.topology.zone == "zone-0" ? "zone-1" : "zone-0";
    const auto before = builder.latest();
    builder.set_node(node);
    if (builder.build({}) == before) state.SkipWithError("nothing changed");
  }
}
BENCHMARK(TableBuildZoneChange)
    ->ArgNames({"services", "endpoints", "hints"})
    ->Args({10'000, 10, 0})
    ->Args({10'000, 10, 1})
    ->Unit(benchmark::kMillisecond);

/// What changed between a table and the next one, in which one Service did.
void TableDiffOneEndpoint(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  Cluster cluster(services, endpoints);
  TableBuilder builder(cluster.services, cluster.slices, "node-1");
  const auto old = builder.build(cluster.take_changes());
  cluster.slices.upsert(make_slice(services / 2, endpoints, 0));
  const auto next = builder.build(cluster.take_changes());
  for (auto _ : state) benchmark::DoNotOptimize(diff(*old, *next));
}
BENCHMARK(TableDiffOneEndpoint)->Args({10'000, 10})->Unit(benchmark::kMicrosecond);

/// The worst case: two tables that share nothing and say the same.
void TableDiffAll(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  Cluster cluster(services, endpoints);
  const std::set<model::ObjectKey> changed = cluster.take_changes();
  TableBuilder one(cluster.services, cluster.slices, "node-1");
  TableBuilder two(cluster.services, cluster.slices, "node-1");
  const auto old = one.build(changed);
  const auto next = two.build(changed);
  for (auto _ : state) benchmark::DoNotOptimize(diff(*old, *next));
}
BENCHMARK(TableDiffAll)->Args({10'000, 10})->Unit(benchmark::kMillisecond);

/// A service port by its id, as every connection looks it up.
void TableFind(benchmark::State& state) {
  const auto [services, endpoints] = size_of(state);
  Cluster cluster(services, endpoints);
  TableBuilder builder(cluster.services, cluster.slices, "node-1");
  const auto table = builder.build(cluster.take_changes());
  std::vector<ServicePortId> ids;
  table->for_each([&ids](const ServicePortEntry& entry) { ids.push_back(entry.id); });
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 7919) % ids.size();
    benchmark::DoNotOptimize(table->find(ids[next]));
  }
}
BENCHMARK(TableFind)->Args({10'000, 10});

}  // namespace
}  // namespace wherry::balancer
