#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::config {

/// A flag that is no setting: it says what to do now, and has no key in a file.
struct ActionFlag {
  std::string_view names;  ///< as CLI11 takes them: "-n,--namespace"
  std::string_view value;  ///< what stands for the value in help; kBooleanValue: needs none
  std::string_view help;
  std::vector<std::string_view> choices;  ///< for the shells to complete; empty: anything
};

/// One subcommand: what the parser accepts, --help teaches and the shells complete.
struct CommandSpec {
  std::string_view name;
  std::string_view summary;
  std::vector<std::string_view> settings;  ///< flags of the settings table that it takes
  std::vector<ActionFlag> flags;
  std::vector<std::string_view> first_argument;  ///< choices of the first positional argument
  std::string_view examples;                     ///< the foot of its --help
  /// Whether it takes kube-proxy's flags that are no settings (kube_proxy_flags.h). They are left
  /// out of --help and completions: they are for command lines that were written for kube-proxy.
  bool takes_kube_proxy_flags = false;
};

[[nodiscard]] const std::vector<CommandSpec>& commands();
[[nodiscard]] const CommandSpec& command(std::string_view name);

/// Completion scripts that know every command, flag and choice.
[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string zsh_completion();

}  // namespace wherry::config
