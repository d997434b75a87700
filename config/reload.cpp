#include "config/reload.h"

#include "config/setting.h"

#include <algorithm>
#include <array>

namespace wherry::config {
namespace {

constexpr std::array<std::string_view, 4> kLive = {"log-level", "log-format", "max-sessions",
                                                   "drain-timeout"};

}  // namespace

bool is_live(std::string_view flag) {
  return std::find(kLive.begin(), kLive.end(), flag) != kLive.end();
}

std::variant<ConfigChange, Faults> reread(const RunCommand& running) {
  auto read = read_command_line(running.arguments, running.options.environment);
  if (auto* faults = std::get_if<Faults>(&read)) return std::move(*faults);
  // The same arguments name the same command.
  auto& next = std::get<RunCommand>(std::get<Command>(read));

  ConfigChange change{std::move(next.options), {}, {}};
  if (running.kube_proxy || next.kube_proxy) {
    change.restart = changed_fields(running.kube_proxy.value_or(KubeProxyConfiguration()),
                                    next.kube_proxy.value_or(KubeProxyConfiguration()));
    if (running.kube_proxy.has_value() != next.kube_proxy.has_value()) {
      change.restart.insert(change.restart.begin(), "apiVersion");
    }
    return change;
  }
  for (const Setting& setting : settings()) {
    if (!setting.same_as.empty()) continue;
    if (setting.show(running.options) == setting.show(change.options)) continue;
    (is_live(setting.flag) ? change.live : change.restart).emplace_back(setting.flag);
  }
  return change;
}

}  // namespace wherry::config
