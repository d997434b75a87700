// How much of the kernel's memory many entries take (issue 6: 100,000 in 16 MB).

#include "tests/proxy/bpf/kernel_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bpf/bpf.h>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <linux/bpf.h>
#include <string>

namespace wherry::bpf {
namespace {

constexpr std::uint32_t kEntries = 100'000;
constexpr std::uint64_t kMost = 16'000'000;
constexpr std::array kMaps{"vips",   "ports",   "ranges",  "addresses", "interfaces",
                           "scopes", "sources", "sockets", "counts"};

/// A number that the kernel tells of a map.
std::uint64_t told(int map, std::string_view name) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(map));
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with(name) || line[name.size()] != ':') continue;
    std::uint64_t number = 0;
    const std::size_t digits = line.find_first_of("0123456789");
    std::from_chars(line.data() + digits, line.data() + line.size(), number);
    return number;
  }
  return 0;
}

/// An element of a hash table that is made when it is needed, before and after the kernel has
/// rounded it up (struct htab_elem of kernel/bpf/hashtab.c, sizes[] of kernel/bpf/memalloc.c).
struct Element {
  std::uint64_t counted;
  std::uint64_t taken;
};

Element element_of(int map) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  EXPECT_EQ(::bpf_obj_get_info_by_fd(map, &info, &size), 0);
  const auto rounded = [](std::uint64_t bytes) { return (bytes + 7) / 8 * 8; };
  const std::uint64_t counted = 48 + rounded(info.key_size) + rounded(info.value_size);
  // With the pointer that the allocator puts in front.
  constexpr std::array<std::uint64_t, 11> kSizes{16,  32,  64,   96,   128, 192,
                                                 256, 512, 1024, 2048, 4096};
  return {counted, *std::lower_bound(kSizes.begin(), kSizes.end(), counted + 8)};
}

std::uint64_t elements_of(int map) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  EXPECT_EQ(::bpf_obj_get_info_by_fd(map, &info, &size), 0);
  std::string at(info.key_size, '\0');
  std::string next(info.key_size, '\0');
  std::uint64_t count = 0;
  for (const void* from = nullptr; ::bpf_map_get_next_key(map, from, next.data()) == 0; ++count) {
    at = next;
    from = at.data();
  }
  return count;
}

/// What all maps take: the kernel's own count, which leaves out what its allocator rounds up.
std::uint64_t taken_by(const LibbpfSteering& steering) {
  std::uint64_t bytes = 0;
  for (const char* name : kMaps) bytes += told(steering.map_for_test(name), "memlock");
  for (const char* name : {"vips", "ports"}) {
    const int map = steering.map_for_test(name);
    const Element element = element_of(map);
    bytes += elements_of(map) * (element.taken - element.counted);
  }
  return bytes;
}

Destination entry(std::uint32_t number, std::uint32_t ports_of_an_address) {
  const std::uint32_t address = number / ports_of_an_address;
  const auto byte = [](std::uint32_t value) { return static_cast<std::uint8_t>(value); };
  return Destination::of(Protocol::TCP,
                         IpAddress::from_bytes(std::array<std::uint8_t, 4>{
                             10, byte(96 + (address >> 16)), byte(address >> 8), byte(address)}),
                         static_cast<std::uint16_t>(80 + number % ports_of_an_address));
}

/// By how many ports an address has: three fit beside it, others are apart.
class KernelMemory : public KernelTest, public ::testing::WithParamInterface<std::uint32_t> {};

TEST_P(KernelMemory, AHundredThousandEntriesFitInSixteenMegabytes) {
  const auto steering = open(LibbpfOptions{});  // with the sizes that are run with
  const std::uint64_t empty = told(steering->map_for_test("vips"), "memlock");
  SteerChange change{.set = {}, .erase = {}, .scope = scope()};
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    change.set.emplace_back(entry(i, GetParam()), Steered{});
  }

  ASSERT_FALSE(steering->apply(change));

  if (told(steering->map_for_test("vips"), "memlock") == empty) {
    GTEST_SKIP() << "before Linux 6.4 the kernel does not tell what a map takes";
  }
  const std::uint64_t bytes = taken_by(*steering);
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_GT(bytes, kEntries * sizeof(lb_slot)) << "less than what the entries say";
  EXPECT_LE(bytes, kMost);
}

INSTANTIATE_TEST_SUITE_P(Ports, KernelMemory, ::testing::Values(1u, 2u, 3u, 10u),
                         [](const auto& row) { return std::to_string(row.param) + "ToAnAddress"; });

}  // namespace
}  // namespace wherry::bpf
