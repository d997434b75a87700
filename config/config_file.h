#pragma once

#include "base/fault.h"
#include "config/compose.h"
#include "config/kube_proxy_configuration.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::config {

inline constexpr std::string_view kApiVersion = "wherry.io/v1alpha1";
inline constexpr std::string_view kKind = "Configuration";

/// What a configuration file says.
struct ConfigFile {
  std::vector<Given> given;
  /// Of kube-proxy's file: what stands there, of which `given` is the translation.
  std::optional<KubeProxyConfiguration> kube_proxy;
  Faults warnings;   ///< what counts for nothing
  std::string text;  ///< all of it, to see later whether it has changed
};

/// Reads wherry's own configuration (apiVersion wherry.io/v1alpha1, kind Configuration): every
/// flag in camelCase; or kube-proxy's (KubeProxyConfiguration). Unknown keys, keys that stand
/// twice, wrong types and a wrong kind are added to `faults`, each with line and column; of
/// kube-proxy's file unknown keys and keys that stand twice are warnings (C1). `name` is what
/// faults call the file; relative paths in wherry's own are taken from `folder`, in kube-proxy's
/// from the working directory, as kube-proxy takes them.
[[nodiscard]] ConfigFile read_config_text(std::string_view text, const std::string& name,
                                          const std::string& folder, Faults& faults);

/// The same from a file of at most 1 MiB.
[[nodiscard]] ConfigFile read_config_file(const std::string& path, Faults& faults);

}  // namespace wherry::config
