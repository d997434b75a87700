#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// kube-proxy's command line: its flags that are none of wherry's settings, and its ways to write
/// flags (C4). Private to this folder.
namespace wherry::config {

/// The flags of kube-proxy that are no settings here, without dashes.
[[nodiscard]] const std::vector<std::string_view>& pure_kube_proxy_flags();
/// Whether one of them, or of our settings' flags, is true or false and needs no value.
[[nodiscard]] bool is_boolean_flag(std::string_view flag);
/// Whether a flag of kube-proxy's counts for nothing next to a KubeProxyConfiguration. Those about
/// the log and --hostname-override count (C1), and so do --kubeconfig and --master, which are
/// wherry's own too.
[[nodiscard]] bool is_overruled_by_file(std::string_view flag);

/// The arguments of a command in one form: "-v2" and "-v=2" are "--v=2", "--proxy_mode" is
/// "--proxy-mode", "--profiling" is "--profiling=true". `booleans` are the command's own.
[[nodiscard]] std::vector<std::string> normalised(std::span<const std::string> arguments,
                                                  std::span<const std::string> booleans);

}  // namespace wherry::config
