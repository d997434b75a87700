#pragma once

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::balancer {

/// The trackers and the builder joined as the process joins them.
class Tables {
 public:
  explicit Tables(FlattenRules rules = {}, std::string_view node_name = "node-1",
                  std::size_t most_backends = 1'000'000)
      : services(rules, [] {}),
        slices([] {}),
        builder(services, slices, node_name, most_backends) {}

  std::shared_ptr<const BackendTable> build() {
    std::set<model::ObjectKey> changed = services.take_changes();
    changed.merge(slices.take_changes());
    return builder.build(changed, now);
  }

  ServiceTracker services;
  SliceTracker slices;
  TableBuilder builder;
  TimePoint now{std::chrono::hours(1)};
};

/// The service port with this key in words ("default/web:http/TCP/IPv4"); nullptr if there is none.
inline const ServicePortEntry* find(const BackendTable& table, const std::string& key) {
  for (const ServicePortEntry* entry : table.sorted()) {
    if (entry->service_port.key.to_string() == key) return entry;
  }
  return nullptr;
}

inline std::vector<std::string> addresses_of(const std::vector<Backend>& backends) {
  std::vector<std::string> texts;
  for (const Backend& backend : backends) texts.push_back(backend.address.to_string());
  return texts;
}

/// The next `count` first choices of a service port's internal traffic.
inline std::vector<std::string> pick(const ServicePortEntry& entry, int count) {
  std::vector<std::string> picked;
  for (int i = 0; i < count; ++i) {
    const Backend* backend = pick_backend(entry, entry.internal, {}, {});
    picked.push_back(backend == nullptr ? "none" : backend->address.to_string());
  }
  return picked;
}

}  // namespace wherry::balancer
