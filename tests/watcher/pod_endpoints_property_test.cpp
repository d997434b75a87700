#include "tests/support/builders.h"
#include "tests/watcher/object_map.h"
#include "watcher/pod_endpoints.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace wherry::watcher {
namespace {

using model::EndpointSlice;
using model::ObjectKey;
using model::Pod;
using model::Service;

/// What the receiver should hold, computed from scratch.
std::map<ObjectKey, EndpointSlice> expected_slices(const std::map<ObjectKey, Service>& services,
                                                   const std::map<ObjectKey, Pod>& pods,
                                                   const std::map<ObjectKey, EndpointSlice>& own) {
  std::map<ObjectKey, EndpointSlice> expected = own;
  for (const auto& [key, service] : services) {
    bool has_own = false;
    for (const auto& [slice_key, slice] : own) has_own = has_own || slice.service() == key;
    if (has_own) continue;
    std::vector<const Pod*> selected;
    for (const auto& [pod_key, pod] : pods) {
      if (pod_key.name_space == key.name_space &&
          model::selects(service.selector, pod.meta.labels)) {
        selected.push_back(&pod);
      }
    }
    const auto slices = slices_of_pods(service, selected);
    for (const EndpointSlice& slice : *slices) {
      expected.emplace(slice.meta.key, slice);
    }
  }
  return expected;
}

/// Few names, so that everything meets everything.
class RandomObjects {
 public:
  explicit RandomObjects(std::uint32_t seed) : engine_(seed) {}

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

  ObjectKey key(const char* prefix, std::uint32_t count) {
    return {one_in(3) ? "shop" : "default", prefix + std::to_string(below(count))};
  }

  Service service() {
    const ObjectKey at = key("s", 4);
    test::ServiceBuilder made(at.name, at.name_space);
    if (!one_in(6)) made.selector("app", "a" + std::to_string(below(3)));
    if (one_in(4)) made.selector("tier", "t" + std::to_string(below(2)));
    if (one_in(5)) made.publish_not_ready();
    if (one_in(2)) {
      made.port("http", 80, std::string("web"));
    } else {
      made.port("http", 80, static_cast<std::uint16_t>(8080 + below(2)));
    }
    if (one_in(3)) made.port("dns", 53, std::string("web"), Protocol::UDP);
    return made;
  }

  Pod pod() {
    const ObjectKey at = key("p", 8);
    test::PodBuilder made(at.name, at.name_space);
    made.ready(!one_in(4));
    if (!one_in(6)) made.label("app", "a" + std::to_string(below(3)));
    if (one_in(2)) made.label("tier", "t" + std::to_string(below(2)));
    if (!one_in(5)) made.ip("10.0.0." + std::to_string(1 + below(5)));
    if (one_in(4)) made.ip("fd00::" + std::to_string(1 + below(5)));
    if (!one_in(4)) made.port("web", static_cast<std::uint16_t>(9000 + below(2)));
    if (one_in(4)) made.port("web", static_cast<std::uint16_t>(9000 + below(2)), Protocol::UDP);
    if (one_in(8)) made.deleting();
    if (one_in(8)) made.phase(model::PodPhase::Succeeded);
    return made;
  }

  EndpointSlice slice() {
    const ObjectKey at = key("e", 3);
    const std::string service = one_in(5) ? "" : "s" + std::to_string(below(5));
    test::SliceBuilder made(at.name, service, at.name_space);
    made.port("http", static_cast<std::uint16_t>(80 + below(2)));
    if (!one_in(3)) made.endpoint("10.1.0." + std::to_string(1 + below(3)));
    return made;
  }

 private:
  std::mt19937 engine_;
};

template <class T>
std::vector<T> values_of(const std::map<ObjectKey, T>& objects) {
  std::vector<T> values;
  for (const auto& [key, object] : objects) values.push_back(object);
  return values;
}

class PodEndpointsProperty : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(PodEndpointsProperty, HoldsAtAnyTimeWhatComputingFromScratchGives) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RandomObjects random(GetParam());
  std::map<ObjectKey, Service> services;
  std::map<ObjectKey, Pod> pods;
  std::map<ObjectKey, EndpointSlice> own;
  test::ObjectMap<EndpointSlice> out;
  PodEndpoints endpoints(out);

  const auto change = [&random](auto& known, auto& sink, auto object, const ObjectKey& other) {
    if (random.one_in(3)) {
      known.erase(other);
      sink.erase(other);
    } else if (random.one_in(40)) {
      if (random.one_in(2)) known.clear();
      known.insert_or_assign(object.meta.key, object);
      sink.replace(test::shared(values_of(known)));
    } else {
      known.insert_or_assign(object.meta.key, object);
      sink.upsert(test::shared(object));
    }
  };

  for (int step = 0; step < 1500; ++step) {
    switch (random.below(10)) {
      case 0:
      case 1:
        change(services, endpoints.services(), random.service(), random.key("s", 4));
        break;
      case 2:
      case 3:
        change(own, endpoints.slices(), random.slice(), random.key("e", 3));
        break;
      default:
        change(pods, endpoints.pods(), random.pod(), random.key("p", 8));
        break;
    }
    if (!random.one_in(4)) continue;
    endpoints.flush();
    ASSERT_EQ(out.objects(), expected_slices(services, pods, own)) << "after step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PodEndpointsProperty, ::testing::Range(1u, 7u));

}  // namespace
}  // namespace wherry::watcher
