#pragma once

#include "config/options.h"

#include <string>

namespace wherry::config {

/// The settings that differ from their defaults and have no effect, as flags: those of a cluster
/// beside manifests. Empty: none. Pure.
[[nodiscard]] std::string idle_settings(const Options& options);

}  // namespace wherry::config
