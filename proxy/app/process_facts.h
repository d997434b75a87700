#pragma once

#include "config/options.h"

#include <string>
#include <utility>
#include <vector>

/// The settings in force, for /flagz and /configz. Pure.
namespace wherry::app {

/// Every flag that has a value, without dashes, and its value as one would write it; sorted.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> flags_in_force(
    const config::Options& options);

/// The same as a configuration file in JSON: {"apiVersion": "wherry.io/v1alpha1", "kind":
/// "Configuration", ...}.
[[nodiscard]] std::string configuration_in_force(const config::Options& options);

}  // namespace wherry::app
