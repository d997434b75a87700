#include "config/command_spec.h"

#include "base/assert.h"
#include "config/setting.h"

#include <algorithm>
#include <map>

namespace wherry::config {
namespace {

std::vector<std::string_view> all_setting_flags() {
  std::vector<std::string_view> flags;
  for (const Setting& setting : settings()) flags.push_back(setting.flag);
  return flags;
}

const ActionFlag kConfigFlag{
    "--config",
    "FILE",
    "wherry's configuration in YAML, over which flags win; or kube-proxy's",
    {}};

std::vector<CommandSpec> make_commands() {
  std::vector<CommandSpec> all;
  all.push_back(
      {.name = "run",
       .summary = "Serve: carry connections from service ports to pods until told to stop",
       .settings = all_setting_flags(),
       .flags = {kConfigFlag,
                 {"--cleanup", kBooleanValue, "undo what an earlier run left, and end", {}},
                 {"--init-only", kBooleanValue, "do what needs all privileges, and end", {}},
                 {"--write-config-to",
                  "FILE",
                  "write a KubeProxyConfiguration with its defaults, and end",
                  {}}},
       .first_argument = {},
       .examples =
           "Examples:\n"
           "  # Serve the Services and Pods of a folder on 127.0.0.1, and follow its changes\n"
           "  wherry run --manifests ./manifests\n\n"
           "  # Serve a cluster: inside a pod, or by a kubeconfig\n"
           "  wherry run\n"
           "  wherry run --kubeconfig ~/.kube/config --context dev --namespace shop\n\n"
           "  # As an ordinary user: port 80 becomes 8080\n"
           "  wherry run --manifests ./manifests --port-offset 8000\n\n"
           "  # Many Services with the same port: each gets an address of its own\n"
           "  wherry run --manifests ./manifests --listen-pool 127.64.0.0/16\n"
           "  wherry get services -o hosts >> /etc/hosts\n\n"
           "  # In place of kube-proxy, with its configuration and its flags\n"
           "  wherry --config=/var/lib/kube-proxy/config.conf --hostname-override=node-1\n\n"
           "  # All Services of a node, by its routes and its kernel\n"
           "  wherry run --steering node --kubeconfig ./kubeconfig --service-cidr 10.96.0.0/12\n\n"
           "SIGTERM and SIGINT stop accepting and let established connections end (exit 0); a\n"
           "second one ends at once. Exit codes: 0 drained, 1 connections were cut, 64 usage or\n"
           "configuration, 69 the admin port is busy or another wherry serves this node, 75 the\n"
           "configuration has changed in what needs a new process, 77 a permission is missing.",
       .takes_kube_proxy_flags = true});
  all.push_back(
      {.name = "check",
       .summary = "Validate a configuration and manifests, or try a cluster, and say what works",
       .settings = all_setting_flags(),
       .flags = {kConfigFlag},
       .first_argument = {},
       .examples =
           "Examples:\n"
           "  wherry check --manifests ./manifests\n"
           "  wherry check --config /etc/wherry/wherry.yaml\n"
           "  wherry check --kubeconfig ~/.kube/config\n\n"
           "Every fault is listed as file:line:column: field: what is wrong and what would be\n"
           "right. With a cluster it connects, and says which permissions lack. Exit codes: 0\n"
           "nothing is wrong, 64 there are faults, 69 the API server can't be reached, 77 a\n"
           "permission lacks.",
       .takes_kube_proxy_flags = true});
  all.push_back(
      {.name = "get",
       .summary = "Show services, endpoints or sessions of a running wherry, or of manifests",
       .settings = {"manifests", "listen-address", "listen-pool", "port-offset",
                    "service-proxy-name", "source-ranges-everywhere", "node-name",
                    "hostname-override", "admin-address", "metrics-bind-address", "bind-address",
                    "cluster-cidr", "allow-external-ips", "steering", "service-cidr",
                    "nodeport-addresses"},
       .flags = {kConfigFlag,
                 {"-n,--namespace", "NAMESPACE", "only this namespace (default: all)", {}},
                 {"-o,--output",
                  "FORMAT",
                  "table, wide, json, yaml; services also hosts: lines for /etc/hosts",
                  {"table", "wide", "json", "yaml", "hosts"}}},
       .first_argument = {"services", "endpoints", "sessions"},
       .examples =
           "Examples:\n"
           "  wherry get services\n"
           "  wherry get endpoints my-service -n default -o wide\n"
           "  wherry get sessions -o json\n"
           "  wherry get services -o hosts\n\n"
           "  # No process needed: what these manifests would give\n"
           "  wherry get endpoints --manifests ./manifests --node-name node-1\n\n"
           "Exit codes: 0 shown, 1 no such name, 64 usage or faults in manifests, 69 no wherry\n"
           "answers at the admin address."});
  all.push_back(
      {.name = "explain",
       .summary =
           "Say what becomes of a connection, by which rule, and to which backends it may go",
       .settings = {"manifests", "listen-address", "listen-pool", "port-offset",
                    "service-proxy-name", "source-ranges-everywhere", "node-name",
                    "hostname-override", "admin-address", "metrics-bind-address", "bind-address",
                    "cluster-cidr", "allow-external-ips", "steering", "service-cidr",
                    "nodeport-addresses"},
       .flags = {kConfigFlag,
                 {"--protocol", "PROTOCOL", "TCP or UDP (default TCP)", {"TCP", "UDP"}},
                 {"-o,--output", "FORMAT", "text or json", {"text", "json"}}},
       .first_argument = {"pod", "node", "outside"},
       .examples =
           "CLIENT is an address, or pod, node, outside; pod=10.0.0.1 says what an address is "
           "where\n"
           "that can't be told.\n\n"
           "Examples:\n"
           "  wherry explain 192.0.2.1 10.96.0.10:443\n"
           "  wherry explain pod=10.244.1.7 198.51.100.1:80 -o json\n\n"
           "  # No process needed: what these manifests would give on a node\n"
           "  wherry explain outside 127.0.0.1:30080 --manifests ./manifests --node-name node-1\n\n"
           "Exit codes: 0 explained, 1 no Service has the address, 64 usage or faults in\n"
           "manifests, 69 no wherry answers at the admin address."});
  all.push_back({.name = "cleanup",
                 .summary = "Undo what an earlier run left on this machine, and say what stays",
                 .settings = {"run-dir"},
                 .flags = {kConfigFlag,
                           {"--kube-proxy",
                            kBooleanValue,
                            "remove what kube-proxy has left too: its nftables tables, iptables "
                            "chains and IPVS services",
                            {}}},
                 .first_argument = {},
                 .examples = "Examples:\n"
                             "  wherry cleanup\n\n"
                             "  # In kube-proxy's place, after it has ended on this node\n"
                             "  wherry cleanup --kube-proxy\n\n"
                             "Without --kube-proxy the same as wherry run --cleanup. Exit codes: 0 "
                             "nothing is left,\n1 something is."});
  all.push_back({.name = "init",
                 .summary = "Do what needs all privileges, so that run needs fewer",
                 .settings = {},
                 .flags = {},
                 .first_argument = {},
                 .examples = "Examples:\n"
                             "  wherry init\n\n"
                             "The same as wherry run --init-only. Exit codes: 0 done, 1 something "
                             "is left to do."});
  all.push_back({.name = "version",
                 .summary = "Print the version",
                 .settings = {},
                 .flags = {},
                 .first_argument = {},
                 .examples = ""});
  all.push_back({.name = "completion",
                 .summary = "Print a completion script for a shell",
                 .settings = {},
                 .flags = {},
                 .first_argument = {"bash", "zsh"},
                 .examples = "Examples:\n"
                             "  source <(wherry completion bash)\n"
                             "  wherry completion zsh > \"${fpath[1]}/_wherry\""});
  return all;
}

/// "--namespace" and "-n" out of "-n,--namespace".
std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> all;
  for (std::size_t comma = 0; comma != std::string_view::npos;) {
    comma = names.find(',');
    all.emplace_back(names.substr(0, comma));
    if (comma != std::string_view::npos) names.remove_prefix(comma + 1);
  }
  return all;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> strings(const std::vector<std::string_view>& words) {
  return {words.begin(), words.end()};
}

std::vector<std::string> flag_words(const CommandSpec& spec) {
  std::vector<std::string> words;
  for (const std::string_view flag : spec.settings) words.push_back("--" + std::string(flag));
  for (const ActionFlag& flag : spec.flags) {
    for (std::string& name : split_names(flag.names)) words.push_back(std::move(name));
  }
  words.emplace_back("--help");
  return words;
}

bool takes_path(std::string_view value) {
  return value == "PATH" || value == "FILE" || value == "DIR";
}

std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out;
}

std::string zsh_argument(std::string_view name, std::string_view help, std::string_view value,
                         const std::vector<std::string>& choices) {
  std::string line = "'" + std::string(name) + "[" + zsh_quoted(help) + "]";
  if (!value.empty()) {
    line += ":" + zsh_quoted(value) + ":";
    if (!choices.empty()) {
      line += "(" + join(choices) + ")";
    } else if (takes_path(value)) {
      line += "_files";
    }
  }
  return line + "'";
}

}  // namespace

const std::vector<CommandSpec>& commands() {
  static const std::vector<CommandSpec> all = make_commands();
  return all;
}

const CommandSpec& command(std::string_view name) {
  const auto& all = commands();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const CommandSpec& spec) { return spec.name == name; });
  WHERRY_ASSERT(found != all.end());
  return *found;
}

std::string bash_completion() {
  std::vector<std::string> names;
  std::string cases;
  for (const CommandSpec& spec : commands()) {
    names.emplace_back(spec.name);
    cases += "    " + std::string(spec.name) + ")\n      flags=\"" + join(flag_words(spec)) +
             "\"\n      first=\"" + join(strings(spec.first_argument)) + "\"\n      ;;\n";
  }
  std::string values;
  for (const Setting& setting : settings()) {
    const std::string name = "    --" + std::string(setting.flag) + ") ";
    if (!setting.words.empty()) {
      values += name + "COMPREPLY=($(compgen -W \"" + join(strings(setting.words)) +
                "\" -- \"$cur\")); return ;;\n";
    } else if (takes_path(setting.value)) {
      values += name + "COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n";
    } else {
      values += name + "COMPREPLY=(); return ;;\n";
    }
  }
  values += "    --config|--write-config-to) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n";
  values += "    -n|--namespace) COMPREPLY=(); return ;;\n";
  std::string values_of_command;  // of one flag they differ from command to command
  for (const CommandSpec& spec : commands()) {
    for (const ActionFlag& flag : spec.flags) {
      if (flag.choices.empty()) continue;
      std::string pattern;
      for (const std::string& name : split_names(flag.names)) {
        pattern += (pattern.empty() ? "'" : "|'") + std::string(spec.name) + ' ' + name + '\'';
      }
      values_of_command += "    " + pattern + ") COMPREPLY=($(compgen -W \"" +
                           join(strings(flag.choices)) + "\" -- \"$cur\")); return ;;\n";
    }
  }
  return "# bash completion for wherry; printed by `wherry completion bash`\n"
         "_wherry() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" flags "
         "first\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         join(names) +
         " --help --version\" -- \"$cur\"))\n    return\n  fi\n"
         "  case \"$prev\" in\n" +
         values + "  esac\n  case \"${COMP_WORDS[1]} $prev\" in\n" + values_of_command +
         "  esac\n  case \"${COMP_WORDS[1]}\" in\n" + cases +
         "    *) return ;;\n  esac\n"
         "  if [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$first\" ] && [ \"${cur#-}\" = \"$cur\" ]; "
         "then\n"
         "    COMPREPLY=($(compgen -W \"$first\" -- \"$cur\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -F _wherry wherry\n";
}

std::string zsh_completion() {
  std::string names;
  std::string cases;
  for (const CommandSpec& spec : commands()) {
    names += "    '" + std::string(spec.name) + ":" + zsh_quoted(spec.summary) + "'\n";
    cases += "    " + std::string(spec.name) + ")\n      _arguments";
    if (!spec.first_argument.empty()) {
      cases += " \\\n        '1:what:(" + join(strings(spec.first_argument)) + ")'";
    }
    for (const std::string_view flag : spec.settings) {
      const Setting& setting = *find_flag(flag);
      const std::string name = (setting.kind == ValueKind::List ? "*--" : "--") + std::string(flag);
      cases +=
          " \\\n        " + zsh_argument(name, setting.help, setting.value, strings(setting.words));
    }
    for (const ActionFlag& flag : spec.flags) {
      for (const std::string& name : split_names(flag.names)) {
        cases += " \\\n        " + zsh_argument(name, flag.help, flag.value, strings(flag.choices));
      }
    }
    cases += " \\\n        " + zsh_argument("--help", "show help", "", {}) + "\n      ;;\n";
  }
  return "#compdef wherry\n"
         "# zsh completion for wherry; printed by `wherry completion zsh`\n"
         "_wherry() {\n"
         "  local -a commands=(\n" +
         names +
         "  )\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _wherry ]; then _wherry \"$@\"; else compdef _wherry wherry; "
         "fi\n";
}

}  // namespace wherry::config
