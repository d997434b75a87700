// Services find their pods by label: whatever the selectors and labels are, PodEndpoints makes the
// slices that a look at every pair of the two makes.

#include "base/document/field_reader.h"
#include "tests/fuzz/require.h"
#include "watcher/model/decode.h"
#include "watcher/pod_endpoints.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace model = wherry::model;
namespace watcher = wherry::watcher;
using wherry::document::FieldFaults;
using wherry::document::FieldReader;
using wherry::fuzz::require;

template <class T>
using ByKey = std::map<model::ObjectKey, T>;

/// What was passed on and not erased.
class Kept final : public model::ObjectSink<model::EndpointSlice> {
 public:
  void replace(std::vector<Object> all) override {
    slices.clear();
    for (Object& each : all) upsert(std::move(each));
  }
  void upsert(Object object) override { slices.insert_or_assign(object->meta.key, *object); }
  void erase(const model::ObjectKey& key) override { slices.erase(key); }

  ByKey<model::EndpointSlice> slices;
};

/// Written from the API's words, not from ours.
bool matches(const model::Service& service, const model::Pod& pod) {
  if (service.selector.empty() || service.meta.key.name_space != pod.meta.key.name_space) {
    return false;
  }
  return std::all_of(service.selector.begin(), service.selector.end(), [&](const auto& pair) {
    return std::any_of(pod.meta.labels.begin(), pod.meta.labels.end(),
                       [&](const auto& label) { return label == pair; });
  });
}

void require_naive(const ByKey<model::Service>& services, const ByKey<model::Pod>& pods,
                   const Kept& kept) {
  ByKey<model::EndpointSlice> expected;
  for (const auto& [key, service] : services) {
    std::vector<const model::Pod*> selected;
    for (const auto& [pod_key, pod] : pods) {
      const bool match = matches(service, pod);
      if (service.meta.key.name_space == pod_key.name_space) {
        require(model::selects(service.selector, pod.meta.labels) == match, "selects() as written");
      }
      if (match) selected.push_back(&pod);
    }
    const auto slices = watcher::slices_of_pods(service, selected);
    require(slices.has_value(), "without a limit there are slices");
    for (const model::EndpointSlice& slice : *slices) expected.emplace(slice.meta.key, slice);
  }
  require(expected == kept.slices, "the slices of the naive model");
}

template <class T, class Decode>
std::vector<T> decode_all(const boost::json::value& value, std::string_view key, Decode decode) {
  std::vector<T> all;
  const boost::json::object* root = value.if_object();
  const boost::json::value* found = root == nullptr ? nullptr : root->if_contains(key);
  const boost::json::array* elements = found == nullptr ? nullptr : found->if_array();
  if (elements == nullptr) return all;
  for (const boost::json::value& element : *elements) {
    if (all.size() == 20) break;
    FieldFaults faults;
    all.push_back(decode(FieldReader(element, faults)));
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::json::error_code ec;
  const boost::json::value value =
      boost::json::parse({reinterpret_cast<const char*>(data), size}, ec);
  if (ec) return 0;

  Kept kept;
  watcher::PodEndpoints endpoints(kept);
  ByKey<model::Service> services;
  ByKey<model::Pod> pods;
  for (auto& service : decode_all<model::Service>(value, "services", model::decode_service)) {
    services.insert_or_assign(service.meta.key, service);
    endpoints.services().upsert(std::make_shared<const model::Service>(service));
  }
  // The same pod again, with other labels, is a change of it.
  for (auto& pod : decode_all<model::Pod>(value, "pods", model::decode_pod)) {
    pods.insert_or_assign(pod.meta.key, pod);
    endpoints.pods().upsert(std::make_shared<const model::Pod>(pod));
    endpoints.flush();
  }
  endpoints.flush();
  require_naive(services, pods, kept);

  while (!pods.empty()) {
    endpoints.pods().erase(pods.begin()->first);
    pods.erase(pods.begin());
    endpoints.flush();
    require_naive(services, pods, kept);
  }
  require(kept.slices.empty() || !services.empty(), "no slices of no Services");
  return 0;
}
