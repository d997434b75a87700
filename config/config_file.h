#pragma once

#include "base/fault.h"
#include "config/compose.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::config {

inline constexpr std::string_view kApiVersion = "wherry.io/v1alpha1";
inline constexpr std::string_view kKind = "Configuration";

/// Reads wherry's own configuration (apiVersion wherry.io/v1alpha1, kind Configuration): every
/// flag in camelCase. Unknown keys, keys that stand twice, wrong types and a wrong kind are added
/// to `faults`, each with line and column. `name` is what faults call the file; relative manifest
/// paths are taken from `folder`.
[[nodiscard]] std::vector<Given> read_config_text(std::string_view text, const std::string& name,
                                                  const std::string& folder, Faults& faults);

/// The same from a file of at most 1 MiB.
[[nodiscard]] std::vector<Given> read_config_file(const std::string& path, Faults& faults);

}  // namespace wherry::config
