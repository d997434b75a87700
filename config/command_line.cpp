#include "config/command_line.h"

#include "config/command_spec.h"
#include "config/compose.h"
#include "config/config_file.h"
#include "config/kube_proxy_flags.h"
#include "config/setting_values.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace wherry::config {
namespace {

/// What CLI11 writes into while it parses: texts only, so that all faults are ours to collect.
struct Received {
  std::map<const Setting*, std::vector<std::string>> settings;
  std::map<std::string, std::string> flags;  ///< by first name: "--config", "-n"
  std::map<std::string_view, std::vector<std::string>>
      kube_proxy;  ///< its flags that no setting is
  std::vector<std::string> arguments;
};

std::string first_name(std::string_view names) {
  return std::string(names.substr(0, names.find(',')));
}

void add_settings(CLI::App& app, const CommandSpec& spec, Received& received) {
  const Options defaults;
  for (const std::string_view flag : spec.settings) {
    const Setting& setting = *find_flag(flag);
    std::string help(setting.help);
    if (const std::string shown = setting.show(defaults); !shown.empty()) {
      help += " (default " + shown + ")";
    }
    CLI::Option* option =
        app.add_option("--" + std::string(flag), received.settings[&setting], help);
    option->type_name(std::string(setting.value));
    option->group("Settings (each has a key in the configuration file)");
    if (setting.kind == ValueKind::List) {
      option->expected(1, -1);
    } else {
      option->expected(1);
      option->allow_extra_args(false);  // "--workers 2 web": web is not the flag's
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
}

void add_flags(CLI::App& app, const CommandSpec& spec, Received& received) {
  for (const ActionFlag& flag : spec.flags) {
    CLI::Option* option = app.add_option(
        std::string(flag.names), received.flags[first_name(flag.names)], std::string(flag.help));
    option->type_name(std::string(flag.value));
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

/// Left out of the help: they are for command lines that were written for kube-proxy.
void add_kube_proxy_flags(CLI::App& app, Received& received) {
  for (const std::string_view flag : pure_kube_proxy_flags()) {
    CLI::Option* option = app.add_option("--" + std::string(flag), received.kube_proxy[flag]);
    option->group("");
    option->expected(1, -1);  // several times, each with one value
    option->allow_extra_args(false);
  }
}

Fault usage_fault(const std::string& subject, std::string text) {
  return {{subject}, "", std::move(text)};
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const auto guess = nearest(word, known);
  return guess ? "did you mean " + *guess + "?" : "see --help";
}

/// What CLI11 could not place: unknown flags and superfluous arguments.
void check_leftovers(const std::vector<std::string>& leftovers, const CommandSpec& spec,
                     Faults& faults) {
  std::vector<std::string> known;
  for (const std::string_view flag : spec.settings) known.push_back("--" + std::string(flag));
  for (const ActionFlag& flag : spec.flags) {
    known.push_back(std::string(flag.names.substr(flag.names.find("--"))));
  }
  if (spec.takes_kube_proxy_flags) {
    for (const std::string_view flag : pure_kube_proxy_flags()) {
      if (flag.size() > 1) known.push_back("--" + std::string(flag));  // -v is near to all
    }
  }
  for (const std::string& word : leftovers) {
    if (word.starts_with('-')) {
      const std::string name = word.substr(0, word.find('='));
      faults.push_back(usage_fault(name, "unknown flag; " + did_you_mean(name, known)));
    } else {
      faults.push_back(usage_fault(
          '"' + word + '"',
          "an argument that wherry " + std::string(spec.name) + " does not take; see --help"));
    }
  }
}

/// What stands where a command should; CLI11 would only say that one is missing.
std::optional<Fault> unknown_command(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments[0].starts_with('-')) return std::nullopt;
  std::vector<std::string> known;
  for (const CommandSpec& spec : commands()) known.emplace_back(spec.name);
  if (std::find(known.begin(), known.end(), arguments[0]) != known.end()) return std::nullopt;
  return usage_fault('"' + arguments[0] + '"',
                     "unknown command; " + did_you_mean(arguments[0], known));
}

/// As kubeadm's DaemonSet calls kube-proxy: flags without a command are those of `run`.
std::vector<std::string> with_command(std::span<const std::string> arguments) {
  std::vector<std::string> all(arguments.begin(), arguments.end());
  const auto is = [](const std::string& word, std::initializer_list<std::string_view> of) {
    return std::find(of.begin(), of.end(), word) != of.end();
  };
  if (all.empty() || !all[0].starts_with('-') || is(all[0], {"-h", "--help", "--version"})) {
    return all;
  }
  const bool asks_for_version = std::any_of(all.begin(), all.end(), [&](const std::string& word) {
    return is(word, {"--version", "--version=true", "--version=raw"});
  });
  if (asks_for_version) return {"--version"};
  all.insert(all.begin(), "run");
  return all;
}

/// Flags of a command that are true or false and no settings.
std::vector<std::string> booleans_of(const CommandSpec& spec) {
  std::vector<std::string> all;
  for (const ActionFlag& flag : spec.flags) {
    if (flag.value == kBooleanValue) all.push_back(first_name(flag.names));
  }
  return all;
}

/// Takes flags that lack their value out of the arguments, with a fault for each: CLI11 would stop
/// at the first and say nothing of the rest.
std::vector<std::string> without_valueless(const std::vector<std::string>& arguments,
                                           Faults& faults) {
  const auto spec =
      std::find_if(commands().begin(), commands().end(), [&](const CommandSpec& each) {
        return !arguments.empty() && each.name == arguments.front();
      });
  if (spec == commands().end()) return arguments;
  std::vector<std::string> kept = normalised(arguments, booleans_of(*spec));

  std::map<std::string, std::string_view> value_of{{"-h", ""}, {"--help", ""}};
  for (const std::string_view flag : spec->settings) {
    value_of.emplace("--" + std::string(flag), find_flag(flag)->value);
  }
  for (const ActionFlag& flag : spec->flags) {
    std::string_view names = flag.names;
    while (!names.empty()) {
      const std::string_view name = names.substr(0, names.find(','));
      value_of.emplace(name, flag.value);
      names.remove_prefix(std::min(name.size() + 1, names.size()));
    }
  }
  if (spec->takes_kube_proxy_flags) {
    for (const std::string_view flag : pure_kube_proxy_flags()) {
      value_of.emplace("--" + std::string(flag), "VALUE");
    }
  }
  const auto is_flag = [&](const std::string& word) {
    return word == "--" || value_of.contains(word.substr(0, word.find('=')));
  };
  for (std::size_t i = 1; i < kept.size();) {
    const auto flag = value_of.find(kept[i]);
    if (flag == value_of.end() || flag->second.empty() ||
        (i + 1 < kept.size() && !is_flag(kept[i + 1]))) {
      ++i;
      continue;
    }
    faults.push_back(usage_fault(
        kept[i], "its value is missing; write " + kept[i] + ' ' + std::string(flag->second)));
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return kept;
}

std::vector<Given> given_flags(const CommandSpec& spec, const Received& received) {
  std::vector<Given> all;
  for (const std::string_view flag : spec.settings) {
    const Setting* setting = find_flag(flag);
    const auto& texts = received.settings.at(setting);
    if (texts.empty()) continue;
    all.push_back({setting, texts, Place{"--" + std::string(flag)}, ""});
  }
  return all;
}

/// Options from --config and the flags, and how they came about.
struct Composed {
  Options options;
  Faults warnings;
  std::string path;  ///< --config
  ConfigFile file;
  /// What file and flags say in the words of kube-proxy's configuration, for --write-config-to.
  KubeProxyConfiguration said;
};

std::string config_path(const Received& received) {
  const auto flag = received.flags.find("--config");
  return flag == received.flags.end() ? std::string() : flag->second;
}

/// kube-proxy's mode, as the last of file and flags says it: it decides which periods hold.
std::string mode_of(const std::vector<Given>& file, const std::vector<Given>& flags) {
  std::string mode = "iptables";
  for (const std::vector<Given>* source : {&file, &flags}) {
    for (const Given& given : *source) {
      if (given.setting->flag == "proxy-mode") mode = given.texts.back();
    }
  }
  return mode;
}

/// Takes out what counts for nothing next to kube-proxy's file, with a warning that names it (C1).
void overrule(std::vector<Given>& flags, Received& received, Composed& composed) {
  std::string names;
  const auto name = [&names](std::string_view flag) {
    names += (names.empty() ? "--" : ", --") + std::string(flag);
  };
  std::erase_if(flags, [&](const Given& given) {
    const bool overruled = is_overruled_by_file(given.setting->flag);
    if (overruled) name(given.setting->flag);
    return overruled;
  });
  for (auto& [flag, texts] : received.kube_proxy) {
    if (texts.empty() || !is_overruled_by_file(flag)) continue;
    name(flag);
    texts.clear();
  }
  if (names.empty()) return;
  composed.warnings.push_back({{composed.path},
                               "",
                               "flags of kube-proxy count for nothing next to a " +
                                   std::string("KubeProxyConfiguration: ") + names});
}

Composed compose_options(const CommandSpec& spec, Received received, Faults& faults) {
  Composed composed;
  composed.path = config_path(received);
  if (!composed.path.empty()) composed.file = read_config_file(composed.path, faults);
  composed.warnings = composed.file.warnings;
  std::vector<Given> settings = given_flags(spec, received);
  if (composed.file.kube_proxy) {
    composed.said = *composed.file.kube_proxy;
    overrule(settings, received, composed);
  }

  KubeProxyConfiguration pure;
  Faults said_before;  // compose() finds the same again
  for (const auto& [flag, texts] : received.kube_proxy) {
    if (texts.empty()) continue;
    set_by_flag(pure, flag, texts, faults);
    set_by_flag(composed.said, flag, texts, said_before);
  }
  for (const Given& given : settings) {
    set_by_flag(composed.said, given.setting->flag, given.texts, said_before);
  }
  KubeProxyTranslation translated =
      translate(pure, KubeProxyOrigin::Flags, mode_of(composed.file.given, settings));
  composed.warnings.insert(composed.warnings.end(), translated.warnings.begin(),
                           translated.warnings.end());
  // wherry's own flags come last and win.
  std::vector<Given> flags = std::move(translated.given);
  flags.insert(flags.end(), settings.begin(), settings.end());
  composed.options = compose(composed.file.given, flags, faults);
  return composed;
}

template <class T>
struct Choice {
  std::string_view word;
  T value;
};

constexpr std::array<Choice<Resource>, 8> kResources = {{{"services", Resource::Services},
                                                         {"service", Resource::Services},
                                                         {"svc", Resource::Services},
                                                         {"endpoints", Resource::Endpoints},
                                                         {"endpoint", Resource::Endpoints},
                                                         {"ep", Resource::Endpoints},
                                                         {"sessions", Resource::Sessions},
                                                         {"session", Resource::Sessions}}};
constexpr std::array<Choice<OutputFormat>, 5> kFormats = {{{"table", OutputFormat::Table},
                                                           {"wide", OutputFormat::Wide},
                                                           {"json", OutputFormat::Json},
                                                           {"yaml", OutputFormat::Yaml},
                                                           {"hosts", OutputFormat::Hosts}}};

template <class T, std::size_t N>
std::optional<T> choose(const std::array<Choice<T>, N>& choices, std::string_view word) {
  for (const Choice<T>& choice : choices) {
    if (choice.word == word) return choice.value;
  }
  return std::nullopt;
}

GetCommand make_get(const CommandSpec& spec, const Received& received, Faults& faults) {
  GetCommand get;
  get.options = compose_options(spec, received, faults).options;
  get.from_manifests = !received.settings.at(find_flag("manifests")).empty();
  get.name_space = received.flags.at("-n");

  if (received.arguments.empty()) {
    faults.push_back(usage_fault("get", "say what: services, endpoints or sessions"));
  } else if (const auto resource = choose(kResources, received.arguments[0])) {
    get.resource = *resource;
  } else {
    faults.push_back(usage_fault("get", "\"" + received.arguments[0] +
                                            "\" is nothing to get; write services, endpoints or "
                                            "sessions"));
  }
  if (received.arguments.size() > 1) get.name = received.arguments[1];
  for (std::size_t i = 2; i < received.arguments.size(); ++i) {
    faults.push_back(usage_fault('"' + received.arguments[i] + '"', "one NAME at most"));
  }

  const std::string& output = received.flags.at("-o");
  if (const auto format = choose(kFormats, output.empty() ? "table" : output)) {
    get.output = *format;
  } else {
    faults.push_back(usage_fault("--output", '"' + output +
                                                 "\" is no format; write table, wide, json or yaml "
                                                 "(services also hosts)"));
  }
  if (get.output == OutputFormat::Hosts && get.resource != Resource::Services) {
    faults.push_back(usage_fault("--output", "hosts is for services only"));
  }
  if (get.from_manifests && get.resource == Resource::Sessions) {
    faults.push_back(
        usage_fault("--manifests", "sessions live in a running wherry; leave --manifests out"));
  }
  return get;
}

ExplainCommand make_explain(const CommandSpec& spec, const Received& received, Faults& faults) {
  ExplainCommand explain;
  explain.options = compose_options(spec, received, faults).options;
  explain.from_manifests = !received.settings.at(find_flag("manifests")).empty();
  const std::vector<std::string>& arguments = received.arguments;
  if (arguments.size() < 2) {
    faults.push_back(
        usage_fault("explain",
                    "say who connects and where to: CLIENT VIP:PORT, for example 192.0.2.1 "
                    "10.96.0.1:443"));
  } else {
    explain.client = arguments[0];
    if (const auto destination = SocketAddress::parse(arguments[1])) {
      explain.destination = *destination;
    } else {
      faults.push_back(
          usage_fault('"' + arguments[1] + '"',
                      "no VIP:PORT; write for example 10.96.0.1:443 or [fd00::1]:443"));
    }
  }
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    faults.push_back(usage_fault('"' + arguments[i] + '"', "CLIENT and VIP:PORT are all"));
  }
  const std::string& protocol = received.flags.at("--protocol");
  if (const auto known = parse_protocol(protocol.empty() ? "TCP" : protocol);
      known && *known != Protocol::SCTP) {
    explain.protocol = *known;
  } else {
    faults.push_back(usage_fault("--protocol", '"' + protocol + "\" is none; write TCP or UDP"));
  }
  const std::string& output = received.flags.at("-o");
  if (output == "json") {
    explain.output = OutputFormat::Json;
  } else if (!output.empty() && output != "text") {
    faults.push_back(usage_fault("--output", '"' + output + "\" is no format; write text or json"));
  }
  return explain;
}

/// A cluster that somebody named, by whatever part of its access.
bool names_cluster(const Options& options) {
  return !options.kubeconfig.empty() || !options.context.empty() || !options.master.empty();
}

/// Manifests and a cluster are two sources of the same objects.
void check_one_source(const Options& options, std::string_view command, Faults& faults) {
  if (options.manifests.empty() || !names_cluster(options)) return;
  faults.push_back(usage_fault(std::string(command),
                               "manifests and a cluster (kubeconfig, context, master) are both "
                               "given; give one of them"));
}

std::optional<PrintCommand> make_completion(const Received& received, Faults& faults) {
  const std::string shell = received.arguments.empty() ? "" : received.arguments[0];
  for (std::size_t i = 1; i < received.arguments.size(); ++i) {
    faults.push_back(usage_fault('"' + received.arguments[i] + '"', "one shell at most"));
  }
  if (shell == "bash") return PrintCommand{bash_completion()};
  if (shell == "zsh") return PrintCommand{zsh_completion()};
  faults.push_back(usage_fault("completion", "say for which shell: bash or zsh"));
  return std::nullopt;
}

void set_environment(Command& command, const Environment& environment) {
  if (auto* run = std::get_if<RunCommand>(&command)) run->options.environment = environment;
  if (auto* check = std::get_if<CheckCommand>(&command)) check->options.environment = environment;
}

/// Whether a flag of the command that is no setting is on.
bool is_on(const Received& received, const std::string& flag, Faults& faults) {
  const std::string& text = received.flags.at(flag);
  bool value = false;
  if (text.empty()) return value;
  if (auto wrong = boolean(value, text)) faults.push_back(usage_fault(flag, std::move(*wrong)));
  return value;
}

/// `run`, or what its flags make of it, in the order in which kube-proxy looks at them.
Command make_run(const CommandSpec& spec, const Received& received, Faults& faults) {
  Composed composed = compose_options(spec, received, faults);
  check_one_source(composed.options, "run", faults);
  const bool cleans_up = is_on(received, "--cleanup", faults);
  const bool inits = is_on(received, "--init-only", faults);
  if (const std::string& path = received.flags.at("--write-config-to"); !path.empty()) {
    if (!composed.path.empty() && !composed.file.kube_proxy && faults.empty()) {
      faults.push_back(
          usage_fault("--write-config-to", "writes kube-proxy's configuration, which " +
                                               composed.path + " is not; leave --config out"));
    }
    return WriteConfigCommand{path, write_kube_proxy_configuration(composed.said)};
  }
  if (cleans_up) return CleanupCommand{std::move(composed.options), false};
  if (inits) return InitCommand{};
  RunCommand run;
  run.options = std::move(composed.options);
  run.warnings = std::move(composed.warnings);
  run.config_path = std::move(composed.path);
  run.config_text = std::move(composed.file.text);
  run.kube_proxy = std::move(composed.file.kube_proxy);
  return run;
}

/// Without manifests there is a cluster, unless wherry's own file could have named manifests.
CheckCommand make_check(const CommandSpec& spec, const Received& received, Faults& faults) {
  Composed composed = compose_options(spec, received, faults);
  CheckCommand check;
  check.options = std::move(composed.options);
  check.warnings = std::move(composed.warnings);
  check_one_source(check.options, "check", faults);
  check.tries_cluster =
      names_cluster(check.options) ||
      (check.options.manifests.empty() && (composed.path.empty() || composed.file.kube_proxy));
  check.faults = std::exchange(faults, {});
  return check;
}

std::variant<Command, Faults> interpret(const CommandSpec& spec, const Received& received,
                                        Faults faults) {
  std::optional<Command> command;
  if (spec.name == "run") {
    command = make_run(spec, received, faults);
  } else if (spec.name == "check") {
    command = make_check(spec, received, faults);
  } else if (spec.name == "get") {
    command = make_get(spec, received, faults);
  } else if (spec.name == "explain") {
    command = make_explain(spec, received, faults);
  } else if (spec.name == "completion") {
    if (auto print = make_completion(received, faults)) command = std::move(*print);
  } else if (spec.name == "cleanup") {
    command = CleanupCommand{compose_options(spec, received, faults).options,
                             is_on(received, "--kube-proxy", faults)};
  } else if (spec.name == "init") {
    command = InitCommand{};
  } else {
    command = PrintCommand{"wherry " WHERRY_VERSION "\n"};
  }
  if (!faults.empty()) return faults;
  return std::move(*command);
}

}  // namespace

std::variant<Command, Faults> read_command_line(std::span<const std::string> arguments,
                                                const Environment& environment) {
  const std::vector<std::string> words = with_command(arguments);
  if (auto fault = unknown_command(words)) return Faults{std::move(*fault)};
  CLI::App app("wherry carries connections from Kubernetes service ports to the pods behind them.",
               "wherry");
  app.require_subcommand(1);
  app.set_version_flag("--version", "wherry " WHERRY_VERSION);
  app.footer("wherry COMMAND --help shows what a command takes, with examples.");

  std::map<std::string, Received> received;
  for (const CommandSpec& spec : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(spec.name), std::string(spec.summary));
    sub->allow_extras();
    sub->footer(std::string(spec.examples));
    Received& into = received[std::string(spec.name)];
    if (spec.name == "explain") {
      sub->add_option("CLIENT VIP:PORT", into.arguments)->expected(0, -1)->type_name(" ");
    } else if (!spec.first_argument.empty()) {
      std::string choices;
      for (const std::string_view choice : spec.first_argument) {
        choices += (choices.empty() ? "" : "|") + std::string(choice);
      }
      sub->add_option(choices + (spec.name == "get" ? " [NAME]" : ""), into.arguments)
          ->expected(0, -1)
          ->type_name(" ");
    }
    add_settings(*sub, spec, into);
    add_flags(*sub, spec, into);
    if (spec.takes_kube_proxy_flags) add_kube_proxy_flags(*sub, into);
  }

  Faults faults;
  const std::vector<std::string> complete = without_valueless(words, faults);
  try {
    // CLI11 wants the arguments last first.
    app.parse(std::vector<std::string>(complete.rbegin(), complete.rend()));
  } catch (const CLI::CallForHelp&) {
    const auto subs = app.get_subcommands();
    return PrintCommand{subs.empty() ? app.help() : subs[0]->help(app.get_name())};
  } catch (const CLI::CallForVersion&) {
    return PrintCommand{"wherry " WHERRY_VERSION "\n"};
  } catch (const CLI::ParseError& error) {
    return Faults{usage_fault("wherry", std::string(error.what()) + "; see wherry --help")};
  }

  const CLI::App& used = *app.get_subcommands().at(0);
  const CommandSpec& spec = command(used.get_name());
  check_leftovers(used.remaining(), spec, faults);
  if (const CLI::Option* config = used.get_option_no_throw("--config");
      config != nullptr && config->count() > 0 && config->as<std::string>().empty()) {
    faults.push_back(usage_fault("--config", "an empty path; name a configuration file"));
  }
  auto command = interpret(spec, received[used.get_name()], std::move(faults));
  if (auto* known = std::get_if<Command>(&command)) {
    set_environment(*known, environment);
    if (auto* run = std::get_if<RunCommand>(known)) {
      run->arguments.assign(arguments.begin(), arguments.end());
    }
  }
  return command;
}

}  // namespace wherry::config
