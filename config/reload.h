#pragma once

#include "config/command_line.h"

#include <string>
#include <variant>
#include <vector>

namespace wherry::config {

/// What a change of the configuration file means for the process that runs.
struct ConfigChange {
  Options options;  ///< as they are now; what needs a restart among them included
  /// Flags of settings that can be taken at once. They, and no others, are in force afterwards if
  /// nothing needs a restart.
  std::vector<std::string> live;
  /// Flags, or fields of kube-proxy's file, that only a new process can take.
  std::vector<std::string> restart;
};

/// The settings that a running process takes at once. Of kube-proxy's file none is: whoever changes
/// it expects a new process, as with kube-proxy (C1).
[[nodiscard]] bool is_live(std::string_view flag);

/// Reads the file of `running` again, with the same flags and environment. Faults: the file is
/// broken now, and what it said before stays in force.
[[nodiscard]] std::variant<ConfigChange, Faults> reread(const RunCommand& running);

}  // namespace wherry::config
