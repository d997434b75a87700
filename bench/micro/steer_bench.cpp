// What does it cost to change one service among many in the kernel, to look one up, and how much of
// the kernel's memory do many take? Needs CAP_BPF and CAP_NET_ADMIN; nothing is attached.

#include "proxy/bpf/libbpf_steering.h"

#include <benchmark/benchmark.h>

#include <array>
#include <bpf/bpf.h>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <linux/bpf.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <vector>

namespace wherry::bpf {
namespace {

IpAddress vip(std::uint32_t number) {
  return IpAddress::from_bytes(std::array<std::uint8_t, 4>{
      10, static_cast<std::uint8_t>(96 + (number >> 16)), static_cast<std::uint8_t>(number >> 8),
      static_cast<std::uint8_t>(number)});
}

Destination port_of(std::uint32_t service, std::uint32_t port) {
  return Destination::of(Protocol::TCP, vip(service), static_cast<std::uint16_t>(80 + port));
}

Destination node_port_of(std::uint32_t service) {
  return Destination::node_port(Protocol::TCP, IpFamily::IPv4,
                                static_cast<std::uint16_t>(20'000 + service));
}

SteerScope scope() {
  SteerScope scope;
  scope.service_cidrs = {Cidr::parse("10.96.0.0/12").value()};
  scope.pod_cidrs = {Cidr::parse("10.244.1.0/24").value()};
  return scope;
}

/// Of two ports each and a NodePort.
SteerChange services(std::uint32_t count) {
  SteerChange change{.set = {}, .erase = {}, .scope = scope()};
  for (std::uint32_t i = 0; i < count; ++i) {
    for (const std::uint32_t port : {0u, 1u}) change.set.emplace_back(port_of(i, port), Steered{});
    change.set.emplace_back(node_port_of(i), Steered{});
  }
  return change;
}

std::unique_ptr<LibbpfSteering> open(benchmark::State& state) {
  auto steering = LibbpfSteering::open({});
  if (steering) return std::move(*steering);
  state.SkipWithError("no steering in the kernel: needs CAP_BPF and CAP_NET_ADMIN");
  return nullptr;
}

/// One service comes and goes again.
void ChangeOneService(benchmark::State& state) {
  const auto steering = open(state);
  if (!steering) return;
  const auto count = static_cast<std::uint32_t>(state.range(0));
  if (steering->apply(services(count))) return state.SkipWithError("apply");
  SteerChange comes;
  SteerChange goes;
  for (const std::uint32_t port : {0u, 1u}) comes.set.emplace_back(port_of(count, port), Steered{});
  comes.set.emplace_back(node_port_of(count), Steered{});
  for (const auto& [destination, steered] : comes.set) goes.erase.push_back(destination);
  for (auto _ : state) {
    if (steering->apply(comes) || steering->apply(goes)) return state.SkipWithError("apply");
  }
}
BENCHMARK(ChangeOneService)->Arg(100)->Arg(10'000)->Arg(40'000)->Unit(benchmark::kMicrosecond);

/// All at once, as at the start.
void ApplyAll(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const auto steering = open(state);
    if (!steering) return;
    const SteerChange all = services(static_cast<std::uint32_t>(state.range(0)));
    state.ResumeTiming();
    if (steering->apply(all)) return state.SkipWithError("apply");
  }
}
BENCHMARK(ApplyAll)->Arg(10'000)->Unit(benchmark::kMillisecond);

/// The program itself, without a socket at its end: what each new connection pays.
void LookUp(benchmark::State& state) {
  const auto steering = open(state);
  if (!steering) return;
  if (steering->apply(services(10'000))) return state.SkipWithError("apply");
  bpf_sk_lookup context{};
  context.family = AF_INET;
  context.protocol = IPPROTO_TCP;
  const IpAddress asked = state.range(0) == 0 ? vip(77) : IpAddress::loopback(IpFamily::IPv4);
  std::memcpy(&context.local_ip4, asked.bytes().data(), 4);
  context.remote_ip4 = 0x090200c0;
  context.local_port = state.range(0) == 0 ? 80 : state.range(0) == 1 ? 20'077 : 22;
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.ctx_in = &context;
  options.ctx_size_in = sizeof context;
  options.repeat = 100'000;
  for (auto _ : state) {
    if (::bpf_prog_test_run_opts(steering->program_for_test(), &options) != 0) {
      return state.SkipWithError("BPF_PROG_TEST_RUN");
    }
    state.SetIterationTime(options.duration * 1e-9);
  }
}
BENCHMARK(LookUp)->ArgName("vip_nodeport_host")->DenseRange(0, 2)->UseManualTime()->Iterations(5);

/// What the kernel says a map takes.
std::uint64_t bytes_of_map(int fd) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("memlock:")) continue;
    std::uint64_t bytes = 0;
    std::from_chars(line.data() + line.find_first_of("0123456789"), line.data() + line.size(),
                    bytes);
    return bytes;
  }
  return 0;
}

/// 100,000 entries in the kernel, by how many of them an address has.
void Memory(benchmark::State& state) {
  constexpr std::uint32_t kEntries = 100'000;
  const auto ports = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    const auto steering = open(state);
    if (!steering) return;
    SteerChange change{.set = {}, .erase = {}, .scope = scope()};
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      change.set.emplace_back(port_of(i / ports, i % ports), Steered{});
    }
    if (steering->apply(change)) return state.SkipWithError("apply");
    std::uint64_t bytes = 0;
    for (const char* map : {"vips", "ports", "ranges", "addresses", "interfaces", "scopes",
                            "sources", "sockets", "counts"}) {
      bytes += bytes_of_map(steering->map_for_test(map));
    }
    state.counters["MiB"] = static_cast<double>(bytes) / (1 << 20);
  }
}
BENCHMARK(Memory)->ArgName("ports")->Arg(1)->Arg(2)->Arg(3)->Arg(10)->Iterations(1)->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace wherry::bpf
