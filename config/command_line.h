#pragma once

#include "base/fault.h"
#include "base/socket_address.h"
#include "config/kube_proxy_configuration.h"
#include "config/options.h"

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace wherry::config {

enum class Resource { Services, Endpoints, Sessions };
enum class OutputFormat { Table, Wide, Json, Yaml, Hosts };

struct RunCommand {
  Options options;
  Faults warnings;          ///< of usage and configuration: what counts for nothing
  std::string config_path;  ///< --config; empty: none
  std::string config_text;  ///< what stood there
  std::optional<KubeProxyConfiguration> kube_proxy;  ///< if it is kube-proxy's file: what it says
  std::vector<std::string> arguments;                ///< to read the file again with (see reload.h)
};

/// Undoes what an earlier run left on this machine (R5).
struct CleanupCommand {
  Options options;
  bool kube_proxy = false;  ///< kube-proxy's rules too
};

/// Does what needs all privileges, and ends (C5).
struct InitCommand {};

/// Writes a KubeProxyConfiguration with its defaults, and ends (C6).
struct WriteConfigCommand {
  std::string path;
  std::string text;
};

struct CheckCommand {
  Options options;
  Faults faults;    ///< of usage and configuration: listed together with those of manifests
  Faults warnings;  ///< of usage and configuration
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

using Command = std::variant<RunCommand, CheckCommand, GetCommand, ExplainCommand, PrintCommand,
                             CleanupCommand, InitCommand, WriteConfigCommand>;

/// What the command line and the configuration file that it names ask for, or every fault of both.
/// `arguments` come without the program's name; the environment goes into the options as it is.
/// Flags without a command are `run`'s, as kubeadm's DaemonSet calls kube-proxy.
[[nodiscard]] std::variant<Command, Faults> read_command_line(
    std::span<const std::string> arguments, const Environment& environment = {});

}  // namespace wherry::config
