#include "tests/config/samples.h"

#include "base/duration.h"

#include <algorithm>

namespace wherry::config {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string blocks(const std::vector<Cidr>& all) {
  std::string text;
  for (const Cidr& block : all) text += (text.empty() ? "" : ",") + block.to_string();
  return text;
}

/// `value` is not the default.
Sample truth(std::string_view flag, bool Options::* member, bool value) {
  const std::string text = value ? "true" : "false";
  const std::string other = value ? "false" : "true";
  return {flag, {text}, text, text, other, other, [member](const Options& o) {
            return std::string(o.*member ? "true" : "false");
          }};
}

Sample text(std::string_view flag, std::string Options::* member, const std::string& value,
            const std::string& other) {
  return {
      flag, {value}, value, value, other, other, [member](const Options& o) { return o.*member; }};
}

std::string node_name(const Options& o) { return o.node_name; }
std::string admin_address(const Options& o) { return o.admin_address.to_string(); }

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = {
      {"manifests",
       {"/", "/usr"},
       "[/, /usr]",
       "/ /usr",
       "/tmp",
       "/tmp",
       [](const Options& o) { return joined(o.manifests); }},
      {"kubeconfig",
       {"/a/config"},
       "/a/config",
       "/a/config",
       "/b",
       "/b",
       [](const Options& o) { return o.kubeconfig; }},
      {"context",
       {"dev"},
       "dev",
       "dev",
       "prod",
       "prod",
       [](const Options& o) { return o.context; }},
      {"master",
       {"https://10.0.0.1:6443"},
       "https://10.0.0.1:6443",
       "https://10.0.0.1:6443",
       "http://a",
       "http://a",
       [](const Options& o) { return o.master; }},
      {"namespace",
       {"shop-1"},
       "shop-1",
       "shop-1",
       "b",
       "b",
       [](const Options& o) { return o.name_space; }},
      // There are but two sources, so that one of the samples is the default.
      {"endpoints",
       {"pods"},
       "pods",
       "pods",
       "slices",
       "slices",
       [](const Options& o) {
         return std::string(o.endpoints == Endpoints::Pods ? "pods" : "slices");
       }},
      {"poll-interval",
       {"5s"},
       "5s",
       "5s",
       "1m",
       "1m",
       [](const Options& o) { return format_duration(o.poll_interval); }},
      {"state-dir", {"/s"}, "/s", "/s", "/t", "/t", [](const Options& o) { return o.state_dir; }},
      {"listen-address",
       {"127.0.0.9"},
       "127.0.0.9",
       "127.0.0.9",
       "\"::1\"",
       "::1",
       [](const Options& o) { return o.listen_address.to_string(); }},
      {"listen-pool",
       {"127.64.0.0/16"},
       "127.64.0.0/16",
       "127.64.0.0/16",
       "fd00::/112",
       "fd00::/112",
       [](const Options& o) { return o.listen_pool ? o.listen_pool->to_string() : "none"; }},
      {"port-offset",
       {"8000"},
       "8000",
       "8000",
       "65534",
       "65534",
       [](const Options& o) { return std::to_string(o.port_offset); }},
      {"steering",
       {"node"},
       "node",
       "node",
       "bind",
       "bind",
       [](const Options& o) {
         return std::string(o.steering == SteeringMode::Node   ? "node"
                            : o.steering == SteeringMode::Bind ? "bind"
                                                               : "auto");
       }},
      {"service-cidr",
       {"10.96.0.0/12,fd00:96::/112"},
       "[10.96.0.0/12, \"fd00:96::/112\"]",
       "10.96.0.0/12,fd00:96::/112",
       "[10.42.0.0/16]",
       "10.42.0.0/16",
       [](const Options& o) { return blocks(o.service_cidrs); }},
      truth("ipvs-strict-arp", &Options::strict_arp, true),
      {"run-dir", {"/r"}, "/r", "/r", "/s", "/s", [](const Options& o) { return o.run_dir; }},
      {"service-proxy-name",
       {"wherry"},
       "wherry",
       "wherry",
       "A.b_c-9",
       "A.b_c-9",
       [](const Options& o) { return o.service_proxy_name; }},
      truth("source-ranges-everywhere", &Options::source_ranges_everywhere, true),
      {"accept-proxy-protocol",
       {"192.0.2.0/24,2001:db8::/64", "198.51.100.7/32"},
       "[192.0.2.0/24, 2001:db8::/64, 198.51.100.7/32]",
       "192.0.2.0/24,2001:db8::/64,198.51.100.7/32",
       "203.0.113.0/24",
       "203.0.113.0/24",
       [](const Options& o) { return blocks(o.accept_proxy_protocol); }},
      {"transparent",
       {"off"},
       "off",
       "off",
       "nft",
       "nft",
       [](const Options& o) {
         return std::string(o.transparent == Transparent::Off   ? "off"
                            : o.transparent == Transparent::Nft ? "nft"
                                                                : "auto");
       }},
      {"node-name", {"node-1"}, "node-1", "node-1", "\"2\"", "2", node_name},
      {"hostname-override", {"node-1"}, "node-1", "node-1", "b.example", "b.example", node_name},
      {"workers",
       {"7"},
       "7",
       "7",
       "1024",
       "1024",
       [](const Options& o) { return std::to_string(o.workers); }},
      {"admin-address",
       {"127.0.0.1:0"},
       "127.0.0.1:0",
       "127.0.0.1:0",
       "\"[::1]:9000\"",
       "[::1]:9000",
       admin_address},
      {"metrics-bind-address",
       {"[::1]:9001"},
       "\"[::1]:9001\"",
       "[::1]:9001",
       "0.0.0.0:9002",
       "0.0.0.0:9002",
       admin_address},
      {"healthz-bind-address",
       {"127.0.0.1"},
       "127.0.0.1",
       "127.0.0.1:10256",
       "\"[::]:9000\"",
       "[::]:9000",
       [](const Options& o) {
         return o.healthz_bind_address ? o.healthz_bind_address->to_string() : "none";
       }},
      truth("bind-address-hard-fail", &Options::bind_address_hard_fail, true),
      {"bind-address",
       {"192.0.2.7"},
       "192.0.2.7",
       "192.0.2.7",
       "\"fd00::7\"",
       "fd00::7",
       [](const Options& o) { return o.bind_address ? o.bind_address->to_string() : "none"; }},
      {"nodeport-addresses",
       {"primary"},
       "[primary]",
       "primary",
       "[192.0.2.0/24, \"fd00::/64\"]",
       "192.0.2.0/24,fd00::/64",
       [](const Options& o) {
         return o.node_port_addresses.primary ? "primary" : blocks(o.node_port_addresses.cidrs);
       }},
      {"cluster-cidr",
       {"10.244.0.0/16,fd00::/48"},
       "10.244.0.0/16,fd00::/48",
       "10.244.0.0/16,fd00::/48",
       "10.42.0.0/16",
       "10.42.0.0/16",
       [](const Options& o) { return blocks(o.cluster_cidrs); }},
      {"detect-local-mode",
       {"NodeCIDR"},
       "NodeCIDR",
       "NodeCIDR",
       "ClusterCIDR",
       "ClusterCIDR",
       [](const Options& o) {
         return std::string(o.detect_local_mode == DetectLocalMode::NodeCidr ? "NodeCIDR"
                                                                             : "ClusterCIDR");
       }},
      text("pod-bridge-interface", &Options::pod_bridge_interface, "cbr0", "cni0"),
      text("pod-interface-name-prefix", &Options::pod_interface_name_prefix, "veth", "eni"),
      text("proxy-mode", &Options::proxy_mode, "ipvs", "nftables"),
      text("ipvs-scheduler", &Options::default_scheduler, "lc", "mh"),
      truth("allow-external-ips", &Options::allow_external_ips, false),
      {"min-sync-period",
       {"500ms"},
       "500ms",
       "500ms",
       "1s",
       "1s",
       [](const Options& o) { return format_duration(o.min_sync_period); }},
      {"sync-period",
       {"1m"},
       "1m",
       "1m",
       "10s",
       "10s",
       [](const Options& o) { return format_duration(o.sync_period); }},
      {"config-sync-period",
       {"1h"},
       "1h",
       "1h",
       "10s",
       "10s",
       [](const Options& o) { return format_duration(o.config_sync_period); }},
      {"oom-score-adj",
       {"-999"},
       "-999",
       "-999",
       "1000",
       "1000",
       [](const Options& o) {
         return o.oom_score_adj ? std::to_string(*o.oom_score_adj) : "none";
       }},
      truth("profiling", &Options::profiling, true),
      {"connect-timeout",
       {"1m30s"},
       "1m30s",
       "1m30s",
       "250ms",
       "250ms",
       [](const Options& o) { return format_duration(o.connect_timeout); }},
      {"max-attempts",
       {"5"},
       "5",
       "5",
       "100",
       "100",
       [](const Options& o) { return std::to_string(o.max_attempts); }},
      {"idle-timeout",
       {"1h"},
       "1h",
       "1h",
       "10s",
       "10s",
       [](const Options& o) { return format_duration(o.idle_timeout); }},
      {"max-sessions",
       {"100000"},
       "100000",
       "100000",
       "1",
       "1",
       [](const Options& o) { return std::to_string(o.max_sessions); }},
      {"udp-idle-timeout",
       {"5m"},
       "5m",
       "5m",
       "10s",
       "10s",
       [](const Options& o) { return format_duration(o.udp_idle_timeout); }},
      {"max-udp-flows",
       {"100000"},
       "100000",
       "100000",
       "1",
       "1",
       [](const Options& o) { return std::to_string(o.max_udp_flows); }},
      {"max-udp-flows-per-source",
       {"1000"},
       "1000",
       "1000",
       "1",
       "1",
       [](const Options& o) { return std::to_string(o.max_udp_flows_per_source); }},
      {"drain-timeout",
       {"0"},
       "0",
       "0s",
       "5s",
       "5s",
       [](const Options& o) { return format_duration(o.drain_timeout); }},
      {"log-level",
       {"debug"},
       "debug",
       "debug",
       "error",
       "error",
       [](const Options& o) { return std::string(log::to_string(o.log_level)); }},
      // There are but two formats, so that one of the samples is the default.
      {"log-format",
       {"json"},
       "json",
       "json",
       "text",
       "text",
       [](const Options& o) { return std::string(log::to_string(o.log_format)); }},
  };
  return all;
}

}  // namespace

const Sample* sample_of(std::string_view flag) {
  const auto found = std::find_if(samples().begin(), samples().end(),
                                  [flag](const Sample& sample) { return sample.flag == flag; });
  return found == samples().end() ? nullptr : &*found;
}

std::vector<std::string> all_flags() {
  std::vector<std::string> flags;
  for (const Setting& setting : settings()) flags.emplace_back(setting.flag);
  return flags;
}

std::string test_name(std::string flag) {
  std::replace(flag.begin(), flag.end(), '-', '_');
  return flag;
}

}  // namespace wherry::config
