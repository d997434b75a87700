#include "base/environment.h"
#include "config/command_line.h"
#include "proxy/app/commands.h"

#include <string>
#include <variant>
#include <vector>

namespace {

/// Picks the function for each kind of command.
struct Dispatch {
  int operator()(const wherry::config::RunCommand& command) const {
    return wherry::app::run(command);
  }
  int operator()(const wherry::config::CheckCommand& command) const {
    return wherry::app::check(command);
  }
  int operator()(const wherry::config::GetCommand& command) const {
    return wherry::app::get(command);
  }
  int operator()(const wherry::config::ExplainCommand& command) const {
    return wherry::app::explain(command);
  }
  int operator()(const wherry::config::PrintCommand& command) const {
    return wherry::app::print(command);
  }
  int operator()(const wherry::config::CleanupCommand& command) const {
    return wherry::app::cleanup(command);
  }
  int operator()(const wherry::config::InitCommand& command) const {
    return wherry::app::init(command);
  }
  int operator()(const wherry::config::WriteConfigCommand& command) const {
    return wherry::app::write_config(command);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto command =
      wherry::config::read_command_line(arguments, wherry::Environment::of_process());
  if (const auto* faults = std::get_if<wherry::Faults>(&command)) {
    return wherry::app::refuse(*faults);
  }
  return std::visit(Dispatch{}, std::get<wherry::config::Command>(command));
}
