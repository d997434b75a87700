#pragma once

#include "config/command_line.h"

/// The subcommands, each from options to exit code.
namespace wherry::app {

[[nodiscard]] int run(const config::RunCommand& command);
[[nodiscard]] int check(const config::CheckCommand& command);
[[nodiscard]] int get(const config::GetCommand& command);
/// One connection, explained by a running wherry or from manifests.
[[nodiscard]] int explain(const config::ExplainCommand& command);
[[nodiscard]] int print(const config::PrintCommand& command);
[[nodiscard]] int cleanup(const config::CleanupCommand& command);
[[nodiscard]] int init(const config::InitCommand& command);
[[nodiscard]] int write_config(const config::WriteConfigCommand& command);

/// Lists every fault on stderr.
[[nodiscard]] int refuse(const Faults& faults);

}  // namespace wherry::app
