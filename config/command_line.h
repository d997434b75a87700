#pragma once

#include "base/fault.h"
#include "base/socket_address.h"
#include "config/options.h"

#include <span>
#include <string>
#include <variant>

namespace wherry::config {

enum class Resource { Services, Endpoints, Sessions };
enum class OutputFormat { Table, Wide, Json, Yaml, Hosts };

struct RunCommand {
  Options options;
};

struct CheckCommand {
  Options options;
  Faults faults;  ///< of usage and configuration: listed together with those of manifests
  /// Whether the cluster is tried: one is named, or nothing is.
  bool tries_cluster = false;
};

struct GetCommand {
  Options options;
  Resource resource = Resource::Services;
  std::string name;        ///< empty: all
  std::string name_space;  ///< empty: all
  OutputFormat output = OutputFormat::Table;
  bool from_manifests = false;  ///< build the tables here instead of asking a process
};

struct ExplainCommand {
  Options options;
  std::string client;  ///< an address, a kind, or KIND=ADDRESS: what it means is not known here
  SocketAddress destination;
  Protocol protocol = Protocol::TCP;
  OutputFormat output = OutputFormat::Table;  ///< Table (text for a person) or Json
  bool from_manifests = false;
};

/// Text that the user asked for: help, version, a completion script.
struct PrintCommand {
  std::string text;
};

using Command = std::variant<RunCommand, CheckCommand, GetCommand, ExplainCommand, PrintCommand>;

/// What the command line and the configuration file that it names ask for, or every fault of both.
/// `arguments` come without the program's name; the environment goes into the options as it is.
[[nodiscard]] std::variant<Command, Faults> read_command_line(
    std::span<const std::string> arguments, const Environment& environment = {});

}  // namespace wherry::config
