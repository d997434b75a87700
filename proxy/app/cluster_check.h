#pragma once

#include "base/fault.h"
#include "config/options.h"
#include "watcher/api/access.h"
#include "watcher/api/api_failure.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace wherry::app {

/// The way to the cluster that the options and the environment name.
[[nodiscard]] std::variant<api::ClusterAccess, Faults> find_access(const config::Options& options);

/// What came of trying to read one resource.
struct ResourceCheck {
  std::string resource;                  ///< "services", ...
  std::optional<api::ApiFailure> list;   ///< why it can't be listed; none: it can
  std::optional<api::ApiFailure> watch;  ///< why it can't be watched
  bool watch_was_tried = false;          ///< not where lists are polled, or failed
};

/// Lists one object of each resource that `wherry run` would follow, and opens a watch of it.
/// Returns when every one has been answered, or has failed.
[[nodiscard]] std::vector<ResourceCheck> check_cluster(const config::Options& options,
                                                       const api::ClusterAccess& access);

}  // namespace wherry::app
