#include "proxy/app/manifest_feed.h"

#include "proxy/health/proxy_health.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace wherry::app {

ManifestFeed::ManifestFeed(asio::io_context& control, asio::any_io_executor work, Timers& timers,
                           const Clock& clock, const config::Options& options, TableLoop& tables,
                           model::ObjectSink<model::ServiceCidr>& service_cidrs)
    : tables_(tables),
      source_(control, std::move(work), timers, clock, options.manifests,
              {tables.services(), tables.pods(), tables.slices(), tables.nodes(), service_cidrs},
              [&tables] { tables.on_synced(); }) {}

bool ManifestFeed::node_eligible() const {
  const auto& node = tables_.own_node().get();
  return node == nullptr || health::is_eligible(node.get());
}

void ManifestFeed::report(admin::Readiness& readiness) const {
  const std::vector<std::string> missing = source_.missing();
  admin::Readiness::Check manifests{.name = "manifests",
                                    .passed = source_.broken().empty() && missing.empty(),
                                    .required = false,
                                    .notes = {}};
  for (const std::string& path : missing) {
    manifests.notes.push_back(path + ": is gone; what it said counts again when it comes back");
  }
  for (const auto& [path, faults] : source_.broken()) {
    constexpr std::size_t kMostFaults = 20;
    for (std::size_t i = 0; i < std::min(faults.size(), kMostFaults); ++i) {
      manifests.notes.push_back(faults[i].to_string());
    }
    if (faults.size() > kMostFaults) {
      manifests.notes.push_back(path + ": and " + std::to_string(faults.size() - kMostFaults) +
                                " more faults; wherry check lists them");
    }
    manifests.notes.push_back(path + (source_.was_whole(path)
                                          ? ": what it said when it was last whole stays in force"
                                          : ": nothing of it is in force"));
  }
  readiness.checks.push_back(std::move(manifests));
}

}  // namespace wherry::app
