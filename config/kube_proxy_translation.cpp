#include "base/ip_address.h"
#include "base/log.h"
#include "config/kube_proxy_configuration.h"
#include "config/kube_proxy_fields.h"
#include "config/setting_values.h"

#include <string>

namespace wherry::config {
namespace {

/// The gates that mean something here, and what they decide.
constexpr std::string_view kExternalIpsGate = "AllowServiceExternalIPs";

class Translator {
 public:
  Translator(const KubeProxyConfiguration& configuration, KubeProxyOrigin origin,
             std::string_view mode)
      : configuration_(configuration), origin_(origin), mode_(text_of("mode", std::string(mode))) {}

  KubeProxyTranslation translate() {
    for (const KubeProxyField& field : kube_proxy_fields()) {
      const auto found = configuration_.find(field.path.empty() ? field.flag : field.path);
      if (found == configuration_.end()) continue;
      const KubeProxyValue& value = found->second;
      switch (field.use) {
        case KubeProxyUse::Setting:
          give(field.setting, value.texts, value);
          break;
        case KubeProxyUse::Special:
          translate_special(field, value);
          break;
        case KubeProxyUse::Ignored:
          if (is_default(field, value)) break;
          warn(value, shown(value) + " has no effect: " + std::string(field.why));
          break;
      }
    }
    if (origin_ == KubeProxyOrigin::File) add_defaults();
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::string text_of(std::string_view path, std::string fallback) const {
    const auto found = configuration_.find(path);
    return found == configuration_.end() || found->second.texts.empty() ? std::move(fallback)
                                                                        : found->second.texts[0];
  }

  static std::string shown(const KubeProxyValue& value) {
    std::string text;
    for (const std::string& each : value.texts) text += (text.empty() ? "" : ",") + each;
    return text;
  }

  static bool is_default(const KubeProxyField& field, const KubeProxyValue& value) {
    if (value.texts.size() == 1 && value.texts[0] == field.fallback) return true;
    if (field.zero_is_a_value) return false;
    return is_zero(field, value.texts);
  }

  void give(std::string_view setting, std::vector<std::string> texts, const KubeProxyValue& from) {
    result_.given.push_back({find_flag(setting), std::move(texts), from.place, from.field});
  }

  void warn(const KubeProxyValue& from, std::string text) {
    result_.warnings.push_back({from.place, from.field, std::move(text)});
  }

  void translate_special(const KubeProxyField& field, const KubeProxyValue& value) {
    if (field.type == KubeProxyType::Gates) return translate_gates(value);
    if (field.path == "logging.format") return give("log-format", value.texts, value);
    if (field.path == "logging.verbosity") {
      if (log::level_of_verbosity(value.texts[0]) == log::Level::Debug) {
        give("log-level", {"debug"}, value);
      }
      return;
    }
    if (field.flag == "healthz-port") {
      if (value.texts[0] == "0") return give("healthz-bind-address", {""}, value);
      return warn(value,
                  value.texts[0] + " has no effect: it is deprecated; give --healthz-bind-address");
    }
    translate_of_mode(field, value);
  }

  /// Periods and the scheduler, which stand in the section of the mode that they are of.
  void translate_of_mode(const KubeProxyField& field, const KubeProxyValue& value) {
    const std::string section(field.path.substr(0, field.path.find('.')));
    if (section != mode_) {
      if (is_default(field, value)) return;
      return warn(value, shown(value) + " has no effect: it is about mode " + section +
                             ", and the mode is " + mode_);
    }
    if (field.path.ends_with(".minSyncPeriod")) return give("min-sync-period", value.texts, value);
    if (field.path.ends_with(".syncPeriod")) return give("sync-period", value.texts, value);
    give("ipvs-scheduler", value.texts, value);
  }

  void translate_gates(const KubeProxyValue& value) {
    for (const std::string& gate : value.texts) {
      const std::size_t sign = gate.find('=');
      if (std::string_view(gate).substr(0, sign) == kExternalIpsGate) {
        give("allow-external-ips", {gate.substr(sign + 1)}, value);
      } else {
        warn(value, gate + " has no effect: of the feature gates only " +
                        std::string(kExternalIpsGate) + " means something here");
      }
    }
  }

  /// Where kube-proxy's default is not ours. The rest compose() knows.
  void add_defaults() {
    if (!configuration_.contains("oomScoreAdj")) give("oom-score-adj", {"-999"}, {});
    const auto address = IpAddress::parse(text_of("bindAddress", "0.0.0.0"));
    if (!configuration_.contains("metricsBindAddress") && address &&
        address->family() == IpFamily::IPv6) {
      give("metrics-bind-address", {"[::1]:10249"}, {});
    }
    if (!configuration_.contains("healthzBindAddress")) {
      const bool is_ipv6 = address && address->family() == IpFamily::IPv6;
      give("healthz-bind-address", {is_ipv6 ? "[::]:10256" : "0.0.0.0:10256"}, {});
    }
  }

  const KubeProxyConfiguration& configuration_;
  const KubeProxyOrigin origin_;
  const std::string mode_;
  KubeProxyTranslation result_;
};

}  // namespace

KubeProxyTranslation translate(const KubeProxyConfiguration& configuration, KubeProxyOrigin origin,
                               std::string_view mode) {
  return Translator(configuration, origin, mode).translate();
}

}  // namespace wherry::config
