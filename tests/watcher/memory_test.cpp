// What is remembered, and for how long. A program of its own, because it counts what operator new
// hands out.
#include "tests/support/builders.h"
#include "watcher/manifest/manifest_reader.h"
#include "watcher/manifest/manifest_store.h"
#include "watcher/pod_endpoints.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <string>

namespace {

std::atomic<std::size_t> live = 0;
std::atomic<std::size_t> most = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  live += ::malloc_usable_size(block);
  most = std::max(most.load(), live.load());
  return block;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* block) noexcept {
  live -= ::malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete[](void* block) noexcept { operator delete(block); }
void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }

namespace wherry {
namespace {

using test::pod;
using test::PodBuilder;
using test::service;
using test::slice;

std::string repeated(std::size_t count, const std::string& text) {
  std::string all;
  all.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

/// How much more than before reading a manifest held at its peak.
std::size_t peak_of_reading(const std::string& text, const std::string& name,
                            const manifest::ManifestLimits& limits = {}) {
  const std::size_t before = live;
  most = before;
  const manifest::ManifestText read = manifest::read_manifest(text, name, limits);
  EXPECT_FALSE(read.faults.empty());
  return most - before;
}

TEST(ManifestMemory, HoldsNoMoreThanAThousandFaults) {
  const std::string text =
      R"({"apiVersion":"v1","kind":"List","items":[)" + repeated(20'000, "1,") + "1]}";

  EXPECT_LT(peak_of_reading(text, "a.json"), 4u << 20);
}

TEST(ManifestMemory, HoldsNoMoreThanAThousandFaultsOfManyDocuments) {
  EXPECT_LT(peak_of_reading(repeated(20'000, "1\n"), "a.json"), 4u << 20);
}

TEST(ManifestMemory, IsBoundedWhateverAliasesMultiply) {
  std::string labels;
  for (int i = 0; i < 1'000; ++i) labels += "a" + std::to_string(i) + ": b, ";
  const std::string text =
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p, "
      "labels: &x {" +
      labels + "}}}\n" +
      repeated(200, "- {apiVersion: v1, kind: Pod, metadata: {name: p, labels: *x}}\n");

  EXPECT_LT(peak_of_reading(text, "a.yaml", {.details = 5'000}), 3u << 20);
}

TEST(ManifestMemory, IsBoundedWhateverLabelsManySubsetsShare) {
  std::string labels;
  for (int i = 0; i < 2'000; ++i) labels += "a" + std::to_string(i) + ": b, ";
  manifest::ManifestText read = manifest::read_manifest(
      "{apiVersion: v1, kind: Endpoints, metadata: {name: e, labels: {" + labels +
          "}}, subsets: [" + repeated(2'000, "{addresses: [{ip: 10.0.0.1}]}, ") + "]}",
      "a.yaml");
  ASSERT_TRUE(read.faults.empty());
  const std::size_t before = live;

  manifest::ManifestObjects objects;
  objects.set({0, "a.yaml"}, "a.yaml", std::move(read.content), nullptr);

  EXPECT_LT(live - before, 20u << 20);
}

class Nowhere final : public model::ObjectSink<model::EndpointSlice> {
 public:
  void replace(std::vector<Object>) override {}
  void upsert(Object) override {}
  void erase(const model::ObjectKey&) override {}
};

TEST(PodEndpointsMemory, ForgetsNamespacesThatAreGone) {
  Nowhere nowhere;
  watcher::PodEndpoints endpoints(nowhere);
  endpoints.flush();
  const std::size_t before = live;

  for (int i = 0; i < 100; ++i) {
    const std::string space = "test-" + std::to_string(i);
    endpoints.services().upsert(service("web", space).selector("app", "web").port("", 80));
    endpoints.pods().upsert(PodBuilder("web-1", space).label("app", "web").ip("10.0.0.1").ready());
    endpoints.slices().upsert(slice("own", "db", space).endpoint("10.0.0.2"));
    endpoints.slices().upsert(slice("stray", "", space));
    endpoints.flush();
    endpoints.services().erase({space, "web"});
    endpoints.flush();
    endpoints.slices().erase({space, "own"});
    endpoints.flush();
    endpoints.pods().erase({space, "web-1"});
    endpoints.slices().erase({space, "stray"});
    endpoints.flush();
  }

  // Tables that grew once stay a little larger.
  EXPECT_LT(live - before, 4096u);
}

TEST(PodEndpointsMemory, ForgetsWhatNeverBelongedToAService) {
  Nowhere nowhere;
  watcher::PodEndpoints endpoints(nowhere);
  const std::size_t before = live;

  for (int i = 0; i < 100; ++i) {
    const std::string space = "test-" + std::to_string(i);
    endpoints.pods().upsert(PodBuilder("web-1", space).label("app", "web").ip("10.0.0.1").ready());
    endpoints.pods().erase({space, "web-1"});
    endpoints.slices().upsert(slice("stray", "", space));
    endpoints.slices().erase({space, "stray"});
    endpoints.slices().replace({slice("stray", "", space)});
    endpoints.slices().replace({});
    endpoints.pods().erase({space, "never-seen"});
    endpoints.services().erase({space, "never-seen"});
    endpoints.flush();
  }

  EXPECT_LT(live - before, 4096u);
}

TEST(PodEndpointsMemory, DoesNotGrowWhileOnePodReplacesAnother) {
  Nowhere nowhere;
  watcher::PodEndpoints endpoints(nowhere);
  endpoints.services().upsert(service("web").selector("app", "web").port("", 80));
  endpoints.pods().upsert(pod("web-0", "10.0.0.1").label("app", "web"));
  endpoints.flush();
  const std::size_t before = live;

  for (int i = 1; i <= 300; ++i) {
    endpoints.pods().upsert(pod("web-" + std::to_string(i), "10.0.0.1").label("app", "web"));
    endpoints.pods().erase({"default", "web-" + std::to_string(i - 1)});
    endpoints.flush();
  }

  EXPECT_LT(live - before, 4096u);
}

}  // namespace
}  // namespace wherry
