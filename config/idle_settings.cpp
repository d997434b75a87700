#include "config/idle_settings.h"

#include "config/setting_values.h"

namespace wherry::config {

std::string idle_settings(const Options& options) {
  std::string flags;
  if (options.manifests.empty()) return flags;
  const Options defaults;
  for (const Setting& setting : cluster_settings()) {
    if (setting.show(options) == setting.show(defaults)) continue;
    flags += (flags.empty() ? "--" : ", --") + std::string(setting.flag);
  }
  return flags;
}

}  // namespace wherry::config
