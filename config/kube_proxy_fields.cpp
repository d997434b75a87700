#include "config/kube_proxy_fields.h"

#include "base/cidr.h"
#include "config/setting_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace wherry::config {
namespace {

using enum KubeProxyType;
using enum KubeProxyUse;

constexpr std::string_view kNoRules = "connections are relayed, and no packet filter rules written";
constexpr std::string_view kNoIpvs = "connections are relayed, and no IPVS rules written";
constexpr std::string_view kNoTracking = "connection tracking is not needed, and left as it is";
constexpr std::string_view kNotWindows = "it is about Windows";
constexpr std::string_view kJson = "the API server is asked for JSON";
constexpr std::string_view kFewRequests =
    "a watch asks seldom, and what fails is tried again after growing pauses";
constexpr std::string_view kLogAtOnce = "each line of the log is written to stderr at once";

// The order is that of types.go.
constexpr auto kFields = std::to_array<KubeProxyField>({
    {.path = "featureGates", .type = Gates, .flag = "feature-gates", .use = Special},
    {.path = "clientConnection.kubeconfig",
     .flag = "kubeconfig",
     .use = Setting,
     .setting = "kubeconfig"},
    {.path = "clientConnection.acceptContentTypes", .why = kJson},
    {.path = "clientConnection.contentType",
     .fallback = "application/vnd.kubernetes.protobuf",
     .flag = "kube-api-content-type",
     .why = kJson},
    {.path = "clientConnection.qps",
     .type = Number,
     .fallback = "5",
     .flag = "kube-api-qps",
     .why = kFewRequests},
    {.path = "clientConnection.burst",
     .type = Integer,
     .fallback = "10",
     .flag = "kube-api-burst",
     .why = kFewRequests},
    {.path = "logging.format", .fallback = "text", .flag = "logging-format", .use = Special},
    {.path = "logging.flushFrequency",
     .type = FlushDuration,
     .fallback = "5s",
     .flag = "log-flush-frequency",
     .why = kLogAtOnce},
    {.path = "logging.verbosity", .type = Integer, .flag = "v", .use = Special},
    {.path = "logging.vmodule",
     .type = Modules,
     .flag = "vmodule",
     .why = "the log has one level for all"},
    {.path = "logging.options.text.splitStream",
     .type = Boolean,
     .flag = "log-text-split-stream",
     .why = kLogAtOnce},
    {.path = "logging.options.text.infoBufferSize",
     .type = Quantity,
     .flag = "log-text-info-buffer-size",
     .why = kLogAtOnce},
    {.path = "logging.options.json.splitStream",
     .type = Boolean,
     .flag = "log-json-split-stream",
     .why = kLogAtOnce},
    {.path = "logging.options.json.infoBufferSize",
     .type = Quantity,
     .flag = "log-json-info-buffer-size",
     .why = kLogAtOnce},
    {.path = "hostnameOverride",
     .flag = "hostname-override",
     .use = Setting,
     .setting = "hostname-override"},
    {.path = "bindAddress",
     .fallback = "0.0.0.0",
     .flag = "bind-address",
     .use = Setting,
     .setting = "bind-address"},
    {.path = "healthzBindAddress",
     .flag = "healthz-bind-address",
     .use = Setting,
     .setting = "healthz-bind-address"},
    {.path = "metricsBindAddress",
     .flag = "metrics-bind-address",
     .use = Setting,
     .setting = "metrics-bind-address"},
    {.path = "bindAddressHardFail",
     .type = Boolean,
     .flag = "bind-address-hard-fail",
     .use = Setting,
     .setting = "bind-address-hard-fail"},
    {.path = "enableProfiling",
     .type = Boolean,
     .flag = "profiling",
     .use = Setting,
     .setting = "profiling"},
    {.path = "showHiddenMetricsForVersion",
     .flag = "show-hidden-metrics-for-version",
     .why = "no metric is hidden"},
    {.path = "mode", .flag = "proxy-mode", .use = Setting, .setting = "proxy-mode"},
    {.path = "iptables.masqueradeBit",
     .type = Integer,
     .fallback = "14",
     .zero_is_a_value = true,
     .most = 31,
     .flag = "iptables-masquerade-bit",
     .why = kNoRules},
    {.path = "iptables.masqueradeAll", .type = Boolean, .flag = "masquerade-all", .why = kNoRules},
    {.path = "iptables.localhostNodePorts",
     .type = Boolean,
     .fallback = "true",
     .zero_is_a_value = true,
     .flag = "iptables-localhost-nodeports",
     .why = kNoRules},
    {.path = "iptables.syncPeriod",
     .type = Duration,
     .fallback = "30s",
     .flag = "iptables-sync-period",
     .use = Special},
    {.path = "iptables.minSyncPeriod",
     .type = Duration,
     .fallback = "1s",
     .flag = "iptables-min-sync-period",
     .use = Special},
    {.path = "ipvs.syncPeriod",
     .type = Duration,
     .fallback = "30s",
     .flag = "ipvs-sync-period",
     .use = Special},
    {.path = "ipvs.minSyncPeriod",
     .type = Duration,
     .flag = "ipvs-min-sync-period",
     .use = Special},
    {.path = "ipvs.scheduler", .flag = "ipvs-scheduler", .use = Special},
    {.path = "ipvs.excludeCIDRs", .type = TextList, .flag = "ipvs-exclude-cidrs", .why = kNoIpvs},
    {.path = "ipvs.strictARP",
     .type = Boolean,
     .flag = "ipvs-strict-arp",
     .use = Setting,
     .setting = "ipvs-strict-arp"},
    {.path = "ipvs.tcpTimeout", .type = Duration, .flag = "ipvs-tcp-timeout", .why = kNoIpvs},
    {.path = "ipvs.tcpFinTimeout", .type = Duration, .flag = "ipvs-tcpfin-timeout", .why = kNoIpvs},
    {.path = "ipvs.udpTimeout", .type = Duration, .flag = "ipvs-udp-timeout", .why = kNoIpvs},
    {.path = "nftables.masqueradeBit",
     .type = Integer,
     .fallback = "14",
     .zero_is_a_value = true,
     .most = 31,
     .why = kNoRules},
    {.path = "nftables.masqueradeAll", .type = Boolean, .why = kNoRules},
    {.path = "nftables.syncPeriod", .type = Duration, .fallback = "30s", .use = Special},
    {.path = "nftables.minSyncPeriod", .type = Duration, .fallback = "1s", .use = Special},
    {.path = "winkernel.networkName", .why = kNotWindows},
    {.path = "winkernel.sourceVip", .why = kNotWindows},
    {.path = "winkernel.enableDSR", .type = Boolean, .why = kNotWindows},
    {.path = "winkernel.rootHnsEndpointName", .why = kNotWindows},
    {.path = "winkernel.forwardHealthCheckVip", .type = Boolean, .why = kNotWindows},
    {.path = "detectLocalMode",
     .flag = "detect-local-mode",
     .use = Setting,
     .setting = "detect-local-mode"},
    {.path = "detectLocal.bridgeInterface",
     .flag = "pod-bridge-interface",
     .use = Setting,
     .setting = "pod-bridge-interface"},
    {.path = "detectLocal.interfaceNamePrefix",
     .flag = "pod-interface-name-prefix",
     .use = Setting,
     .setting = "pod-interface-name-prefix"},
    {.path = "clusterCIDR", .flag = "cluster-cidr", .use = Setting, .setting = "cluster-cidr"},
    {.path = "nodePortAddresses",
     .type = TextList,
     .flag = "nodeport-addresses",
     .use = Setting,
     .setting = "nodeport-addresses"},
    {.path = "oomScoreAdj",
     .type = Integer,
     .fallback = "-999",
     .zero_is_a_value = true,
     .least = -1000,
     .most = 1000,
     .flag = "oom-score-adj",
     .use = Setting,
     .setting = "oom-score-adj"},
    {.path = "conntrack.maxPerCore",
     .type = Integer,
     .fallback = "32768",
     .zero_is_a_value = true,
     .flag = "conntrack-max-per-core",
     .why = kNoTracking},
    {.path = "conntrack.min",
     .type = Integer,
     .fallback = "131072",
     .zero_is_a_value = true,
     .flag = "conntrack-min",
     .why = kNoTracking},
    {.path = "conntrack.tcpEstablishedTimeout",
     .type = Duration,
     .fallback = "24h",
     .zero_is_a_value = true,
     .flag = "conntrack-tcp-timeout-established",
     .why = kNoTracking},
    {.path = "conntrack.tcpCloseWaitTimeout",
     .type = Duration,
     .fallback = "1h",
     .zero_is_a_value = true,
     .flag = "conntrack-tcp-timeout-close-wait",
     .why = kNoTracking},
    {.path = "conntrack.tcpBeLiberal",
     .type = Boolean,
     .flag = "conntrack-tcp-be-liberal",
     .why = kNoTracking},
    {.path = "conntrack.udpTimeout",
     .type = Duration,
     .flag = "conntrack-udp-timeout",
     .why = kNoTracking},
    {.path = "conntrack.udpStreamTimeout",
     .type = Duration,
     .flag = "conntrack-udp-timeout-stream",
     .why = kNoTracking},
    {.path = "configSyncPeriod",
     .type = Duration,
     .fallback = "15m",
     .flag = "config-sync-period",
     .use = Setting,
     .setting = "config-sync-period"},
    {.path = "portRange", .why = "kube-proxy itself has stopped reading it"},
    {.path = "windowsRunAsService", .type = Boolean, .why = kNotWindows},
    // Flags that stand for no field.
    {.path = "", .type = Integer, .flag = "healthz-port", .use = Special},
    {.path = "",
     .type = Integer,
     .flag = "metrics-port",
     .why = "it is deprecated; give --metrics-bind-address"},
    {.path = "", .flag = "boot-id-file", .why = "nothing here reports the machine's id"},
    {.path = "", .flag = "machine-id-file", .why = "nothing here reports the machine's id"},
});

/// "A=true" with the name as it is and the value as `normal` writes it.
template <class Normal>
std::optional<std::vector<std::string>> pairs(const std::string& text, Normal normal,
                                              std::string& wrong, const std::string& example) {
  std::vector<std::string> all;
  for (const std::string& part : split_at_commas(text)) {
    if (part.empty()) continue;
    const std::size_t sign = part.find('=');
    const auto value = sign == std::string::npos ? std::nullopt : normal(part.substr(sign + 1));
    if (!value || sign == 0) {
      wrong = quote(part) + " is no NAME=VALUE; write for example " + example;
      return std::nullopt;
    }
    all.push_back(part.substr(0, sign + 1) + *value);
  }
  return all;
}

std::optional<std::string> truth(const std::string& text) {
  bool value = false;
  if (boolean(value, text)) return std::nullopt;
  return value ? "true" : "false";
}

std::optional<std::string> integer(const std::string& text, long long least, long long most) {
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return std::nullopt;
  }
  return std::to_string(number);
}

std::optional<std::string> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  std::array<char, 32> shortest{};
  const auto last = std::to_chars(shortest.data(), shortest.data() + shortest.size(), value).ptr;
  return std::string(shortest.data(), last);
}

std::optional<std::vector<std::string>> cidrs(const std::string& text, std::string& wrong) {
  std::vector<std::string> all;
  for (const std::string& part : split_at_commas(text)) {
    if (!Cidr::parse(part)) {
      wrong = quote(part) + " is no CIDR; write address/length, for example 192.0.2.0/24";
      return std::nullopt;
    }
    all.push_back(part);
  }
  return all;
}

}  // namespace

std::span<const KubeProxyField> kube_proxy_fields() { return kFields; }

const KubeProxyField* find_kube_proxy_field(std::string_view path) {
  if (path.empty()) return nullptr;
  const auto* const found = std::find_if(kFields.begin(), kFields.end(),
                                         [path](const auto& field) { return field.path == path; });
  return found == kFields.end() ? nullptr : found;
}

const KubeProxyField* find_kube_proxy_flag(std::string_view flag) {
  if (flag.empty()) return nullptr;
  const auto* const found = std::find_if(kFields.begin(), kFields.end(),
                                         [flag](const auto& field) { return field.flag == flag; });
  return found == kFields.end() ? nullptr : found;
}

bool is_about_the_log(const KubeProxyField& field) { return field.path.starts_with("logging."); }

std::optional<std::vector<std::string>> kube_proxy_texts(const KubeProxyField& field,
                                                         const std::string& text,
                                                         std::string& wrong) {
  const auto one = [&](std::optional<std::string> value,
                       const std::string& what) -> std::optional<std::vector<std::string>> {
    if (value) return {{std::move(*value)}};
    wrong = quote(text) + what;
    return std::nullopt;
  };
  switch (field.type) {
    case Text:
    case Quantity:
      return {{text}};
    case Boolean:
      return one(truth(text), " is neither true nor false; write one of them");
    case Integer:
      return one(integer(text, field.least, field.most),
                 " is no whole number from " + std::to_string(field.least) + " to " +
                     std::to_string(field.most) + "; write one");
    case Number:
      return one(number(text), " is no number; write one such as 5");
    case Duration:
    case FlushDuration: {
      const auto parsed = parse_duration(text);
      return one(parsed ? std::optional(format_duration(*parsed)) : std::nullopt,
                 " is no duration; write one such as 30s, 500ms or 15m0s");
    }
    case TextList:
      if (field.path == "ipvs.excludeCIDRs") return cidrs(text, wrong);
      return split_at_commas(text);
    case Gates:
      return pairs(text, truth, wrong, "AllowServiceExternalIPs=false");
    case Modules:
      return pairs(
          text, [&](const std::string& level) { return integer(level, 0, field.most); }, wrong,
          "proxier=4");
  }
  return std::nullopt;
}

bool is_zero(const KubeProxyField& field, std::span<const std::string> texts) {
  if (texts.empty()) return true;
  if (texts.size() > 1) return false;
  switch (field.type) {
    case Boolean:
      return texts[0] == "false";
    case Integer:
    case Number:
    case Quantity:
      return texts[0] == "0" || texts[0].empty();
    case Duration:
    case FlushDuration:
      return texts[0] == "0s";
    case Text:
      return texts[0].empty();
    case TextList:
    case Gates:
    case Modules:
      return false;
  }
  return false;
}

}  // namespace wherry::config
