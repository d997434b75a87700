#include "proxy/app/commands.h"

#include "base/log.h"
#include "base/open_files.h"
#include "base/quoted.h"
#include "config/compose.h"
#include "config/idle_settings.h"
#include "proxy/admin/http_get.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/print_rows.h"
#include "proxy/app/app.h"
#include "proxy/app/capabilities.h"
#include "proxy/app/cluster_check.h"
#include "proxy/app/descriptor_limit.h"
#include "proxy/app/exit_code.h"
#include "proxy/app/node_ground.h"
#include "proxy/app/offline_tables.h"
#include "proxy/app/oom_score.h"
#include "proxy/app/steering_choice.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <linux/capability.h>
#include <memory>
#include <optional>
#include <set>
#include <variant>

namespace wherry::app {
namespace {

namespace json = boost::json;

/// Commands that end at once say what matters themselves.
void quieten_log(const config::Options& options) {
  log::configure(log::Level::Error, options.log_format);
}

void list(const Faults& faults) {
  for (const Fault& fault : faults) std::cerr << printable(fault.to_string()) << '\n';
}

constexpr const char* kIdleSettings =
    "settings of a cluster, which have no effect beside manifests";

constexpr const char* kSharedServiceCidrs =
    "--service-cidr has no effect with --service-proxy-name: other proxies have addresses in those "
    "blocks, so each address of a Service that is served here has a route of its own; leave it out";

std::string count_of(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

admin::RowKind kind_of(config::Resource resource) {
  switch (resource) {
    case config::Resource::Services:
      return admin::RowKind::Services;
    case config::Resource::Endpoints:
      return admin::RowKind::Endpoints;
    case config::Resource::Sessions:
      return admin::RowKind::Sessions;
  }
  return admin::RowKind::Services;
}

admin::RowFormat format_of(config::OutputFormat format) {
  switch (format) {
    case config::OutputFormat::Table:
      return admin::RowFormat::Table;
    case config::OutputFormat::Wide:
      return admin::RowFormat::Wide;
    case config::OutputFormat::Json:
      return admin::RowFormat::Json;
    case config::OutputFormat::Yaml:
      return admin::RowFormat::Yaml;
    case config::OutputFormat::Hosts:
      return admin::RowFormat::Hosts;
  }
  return admin::RowFormat::Table;
}

/// Writes to stdout; a full disk or a closed pipe is no success.
int finish(int exit_code) {
  std::cout.flush();
  if (std::cout) return exit_code;
  std::cerr << "the output can't be written\n";
  return kExitIo;
}

/// Asks the process at the admin address. Nothing, with a message printed, where that fails.
std::optional<json::array> ask(const config::GetCommand& command, admin::RowKind kind) {
  const char* path = kind == admin::RowKind::Services    ? "/table"
                     : kind == admin::RowKind::Endpoints ? "/endpoints"
                                                         : "/sessions";
  const SocketAddress& address = command.options.admin_address;
  const auto answer = admin::http_get(address, path, std::chrono::seconds(30));
  if (!answer) {
    std::cerr << "no wherry answers at " << address.to_string() << ": " << answer.error().message()
              << "; start one with wherry run, or say where it is with --admin-address\n";
    return std::nullopt;
  }
  if (answer->status == 503) {
    std::cerr << "the wherry at " << address.to_string()
              << " has too many clients at the moment; ask again\n";
    return std::nullopt;
  }
  error_code error;
  json::value rows = json::parse(answer->body, error);
  if (answer->status != 200 || error || !rows.is_array()) {
    std::cerr << "what answers at " << address.to_string() << " is no wherry, or another version: "
              << "status " << answer->status << " for " << path << '\n';
    return std::nullopt;
  }
  return std::move(rows.get_array());
}

/// Filters and prints. Where nothing is left, `services` tells a Service that has none from a name
/// that is not there.
int show(const json::array& rows, const config::GetCommand& command, admin::RowKind kind,
         const std::function<std::optional<json::array>()>& services) {
  const admin::RowFilter filter{command.name, command.name_space};
  const json::array kept = admin::filter_rows(rows, kind, filter);
  if (kept.empty() && !command.name.empty()) {
    const auto known = kind == admin::RowKind::Services ? json::array() : services();
    if (!known) return kExitUnavailable;
    if (admin::filter_rows(*known, admin::RowKind::Services, filter).empty()) {
      std::cerr << "there is no service named " << command.name
                << (command.name_space.empty() ? "" : " in namespace " + command.name_space)
                << '\n';
      return kExitNotFound;
    }
  }
  std::cout << admin::print_rows(kept, kind, format_of(command.output));
  return finish(kExitOk);
}

bool is_permission(api::ApiErrc code) {
  return code == api::ApiErrc::Forbidden || code == api::ApiErrc::Unauthorized ||
         code == api::ApiErrc::Credentials;
}

/// Connects, and says what works and what does not.
int try_cluster(const config::Options& options) {
  const auto found = find_access(options);
  if (const auto* faults = std::get_if<Faults>(&found)) return refuse(*faults);
  const auto& access = std::get<api::ClusterAccess>(found);
  std::cout << "cluster " << printable(access.server.to_string()) << ", by "
            << printable(access.origin) << '\n';
  for (const std::string& warning : access.warnings) {
    std::cerr << "warning: " << printable(warning) << '\n';
  }

  int exit_code = kExitOk;
  std::set<std::string> told;  // a server that is away is away for all
  const auto complain = [&](const std::string& what, const api::ApiFailure& failure) {
    std::cout << what << ": " << to_string(failure.code) << '\n';
    if (told.insert(failure.text).second) std::cerr << printable(failure.text) << '\n';
    if (is_permission(failure.code)) {
      exit_code = kExitPermission;
    } else if (exit_code == kExitOk) {
      exit_code = kExitUnavailable;
    }
  };
  for (const ResourceCheck& each : check_cluster(options, access)) {
    if (each.list) {
      complain("list " + each.resource, *each.list);
      continue;
    }
    std::cout << "list " << each.resource << ": ok\n";
    if (!each.watch_was_tried) continue;
    if (each.watch) {
      complain("watch " + each.resource, *each.watch);
    } else {
      std::cout << "watch " << each.resource << ": ok\n";
    }
  }
  return finish(exit_code);
}

}  // namespace

int refuse(const Faults& faults) {
  list(faults);
  return kExitUsage;
}

int print(const config::PrintCommand& command) {
  std::cout << command.text;
  return finish(kExitOk);
}

int cleanup(const config::CleanupCommand& command) {
  quieten_log(command.options);
  const Cleaned cleaned = clean_node(command.options, command.kube_proxy);
  for (const std::string& each : cleaned.done) std::cout << printable(each) << '\n';
  for (const std::string& each : cleaned.left) std::cerr << printable(each) << '\n';
  if (cleaned.left.empty()) std::cout << printable(cleaned.conclusion) << '\n';
  return finish(cleaned.left.empty() ? kExitOk : kExitLeft);
}

int init(const config::InitCommand&) {
  std::cout << "done: nothing has to be set up before run, which takes what it needs and drops the "
               "privileges for the rest\n";
  return finish(kExitOk);
}

int write_config(const config::WriteConfigCommand& command) {
  std::ofstream file(command.path, std::ios::trunc);
  file << command.text;
  file.close();
  if (!file) {
    std::cerr << printable(command.path)
              << ": can't be written; name a file in a folder that can\n";
    return kExitIo;
  }
  std::cout << "a KubeProxyConfiguration was written to " << printable(command.path) << '\n';
  return finish(kExitOk);
}

namespace {

/// Says in one line which steering it is and why. The exit code where the process may not start.
std::optional<int> prepare_steering(const SteeringChoice& choice, config::Options& options,
                                    std::unique_ptr<NodeGround>& ground) {
  const auto say = [](const char* mode, const char* by, const std::string& reason) {
    log::info("steering", {{"mode", mode}, {"by", by}, {"reason", reason}});
  };
  options.steering = choice.mode;
  if (choice.mode != config::SteeringMode::Node) {
    say("bind", "a listener for each service port", choice.reason);
    return std::nullopt;
  }
  auto taken = NodeGround::take(options);
  if (const auto* refusal = std::get_if<NodeRefusal>(&taken)) {
    if (refusal->kind != NodeRefusal::Kind::Privilege) {
      log::error(refusal->text);
      return kExitUnavailable;
    }
    options.steering = config::SteeringMode::Bind;
    log::warn("steering falls back to bind",
              {{"wanted", "node, as " + choice.reason}, {"reason", refusal->text}});
    say("bind", "a listener for each service port", refusal->text);
    return std::nullopt;
  }
  ground = std::move(std::get<std::unique_ptr<NodeGround>>(taken));
  if (options.port_offset != 0) {
    log::warn("--port-offset counts only at the listen addresses of Services without clusterIP",
              {{"remedy", "leave it out with --steering node"}});
  }
  if (shares_service_cidrs(options) && !options.service_cidrs.empty()) {
    log::warn(kSharedServiceCidrs);
  }
  if (ground->program() == nullptr) {
    log::warn("the kernel takes no program: each service port has a listener on the same routes",
              {{"reason", ground->why_no_program()},
               {"lacks",
                "host processes on the wildcard address are reached at Services' addresses "
                "(E10), port ranges have no effect, sockets grow with Services"}});
    say("node", "routes and a listener for each service port",
        choice.reason + "; " + ground->why_no_program());
  } else {
    say("node", "routes and the kernel's socket lookup", choice.reason);
    say_whether_interfaces_are_seen(ground->sees_interfaces(), options.detect_local_mode);
  }
  return std::nullopt;
}

/// What is of no use any more once it is known how clients get here. In both ways of steering files
/// are read as they change, whoever owns them, and sockets are opened as Services come: NET_ADMIN
/// gives those of UDP room, NET_RAW tells clients of UDP that nobody is there.
void drop_capabilities(config::SteeringMode mode) {
  std::vector<int> needed{CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE,
                          CAP_DAC_READ_SEARCH};
  if (mode == config::SteeringMode::Node) needed.push_back(CAP_BPF);
  const std::string left = keep_capabilities(needed);
  log::debug("capabilities that are not needed any more are dropped", {{"kept", left}});
}

}  // namespace

int run(const config::RunCommand& command) {
  log::configure(command.options.log_level, command.options.log_format);
  for (const Fault& warning : command.warnings) log::warn(warning.to_string());
  if (command.options.oom_score_adj) set_oom_score_adj(*command.options.oom_score_adj);
  const std::size_t workers = worker_count(command.options);
  const std::uint64_t open_files = raise_open_file_limit();
  if (open_files < descriptors_to_start(workers)) {
    log::error("the limit on open files is too low to start",
               {{"open_files", open_files},
                {"needed", descriptors_to_start(workers)},
                {"remedy", "raise it (ulimit -n, LimitNOFILE), or give fewer --workers"}});
    return kExitUnavailable;
  }
  std::optional<api::ClusterAccess> access;
  if (command.options.manifests.empty()) {
    auto found = find_access(command.options);
    if (const auto* faults = std::get_if<Faults>(&found)) return refuse(*faults);
    access = std::move(std::get<api::ClusterAccess>(found));
  }
  config::Options options = command.options;
  const SteeringChoice choice = choose_steering(
      options, {command.kube_proxy.has_value(), is_in_cluster(options), is_on_host_network()});
  std::unique_ptr<NodeGround> ground;
  if (const auto exit_code = prepare_steering(choice, options, ground)) return *exit_code;
  options.healthz_bind_address = healthz_address(options);
  drop_capabilities(options.steering);
  if (const std::string idle = config::idle_settings(command.options); !idle.empty()) {
    log::warn(kIdleSettings, {{"settings", idle}});
  }
  App app(options, open_files, std::move(access), std::move(ground));
  if (!command.config_path.empty()) app.follow_configuration(command);
  return app.run();
}

int check(const config::CheckCommand& command) {
  quieten_log(command.options);
  const OfflineTables tables(command.options);
  Faults faults = command.faults;
  faults.insert(faults.end(), tables.faults().begin(), tables.faults().end());
  for (std::string& text : tables.too_large()) faults.push_back({{}, "", std::move(text)});
  for (const steer::ListenProblem& problem : tables.problems()) {
    if (problem.kind == steer::ListenProblem::Kind::Fault) {
      faults.push_back({{tables.file_of(problem.service_port.service)}, "", problem.text});
    } else {
      std::cerr << "warning: " << printable(problem.text) << '\n';
    }
  }
  for (const std::string& warning : tables.warnings()) {
    std::cerr << "warning: " << printable(warning) << '\n';
  }
  if (const std::string idle = config::idle_settings(command.options); !idle.empty()) {
    std::cerr << "warning: " << kIdleSettings << ": " << idle << '\n';
  }
  if (shares_service_cidrs(command.options) && !command.options.service_cidrs.empty()) {
    std::cerr << "warning: " << kSharedServiceCidrs << '\n';
  }
  for (const Fault& warning : command.warnings) {
    std::cerr << "warning: " << printable(warning.to_string()) << '\n';
  }
  if (!faults.empty()) return refuse(faults);
  if (command.tries_cluster) return try_cluster(command.options);
  if (command.options.manifests.empty()) {
    std::cout
        << "ok: the configuration; it names neither manifests nor a cluster, so that nothing "
           "else was looked at (--manifests PATH or --kubeconfig FILE has that checked too)\n";
    return finish(kExitOk);
  }

  std::cout << "ok: " << count_of(tables.files(), "file");
  for (const auto& [kind, count] : tables.objects()) {
    if (count > 0) std::cout << ", " << count_of(count, kind);
  }
  for (const auto& [kind, count] : tables.ignored()) {
    std::cout << ", " << count << " ignored (" << kind << ')';
  }
  std::cout << "; " << count_of(tables.table().size(), "service port") << " to serve\n";
  return finish(kExitOk);
}

int get(const config::GetCommand& command) {
  quieten_log(command.options);
  const admin::RowKind kind = kind_of(command.resource);
  if (!command.from_manifests) {
    const auto rows = ask(command, kind);
    if (!rows) return kExitUnavailable;
    return show(*rows, command, kind, [&] { return ask(command, admin::RowKind::Services); });
  }
  const OfflineTables tables(command.options);
  list(tables.faults());
  const auto services = [&] {
    return admin::services_json(tables.table(),
                                [&](balancer::ServicePortId id) { return tables.listening(id); });
  };
  const json::array rows =
      kind == admin::RowKind::Services ? services() : admin::endpoints_json(tables.table());
  const int shown = show(rows, command, kind, services);
  return tables.faults().empty() ? shown : kExitUsage;
}

}  // namespace wherry::app
