#pragma once

#include "base/fault.h"
#include "config/options.h"
#include "config/setting.h"

#include <string>
#include <vector>

namespace wherry::config {

/// A setting that somebody gave: by a flag or by a key of a file.
struct Given {
  const Setting* setting = nullptr;
  std::vector<std::string> texts;
  Place place;        ///< file, line and column, or the flag in place of a file
  std::string field;  ///< the key; empty for a flag
};

/// Where the health of a node is (H1, H2), if nobody says where: port 10256 of every address. Load
/// balancers and kubelets ask for it; what serves no node has none.
[[nodiscard]] SocketAddress default_healthz(const Options& options);

/// Options out of what a file and the command line say; flags win. Every fault is added to
/// `faults`, also those of values that a flag overrides: bad values, two names of one setting that
/// contradict each other, manifests that do not exist.
[[nodiscard]] Options compose(const std::vector<Given>& file, const std::vector<Given>& flags,
                              Faults& faults);

}  // namespace wherry::config
