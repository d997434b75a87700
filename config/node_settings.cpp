#include "config/setting_values.h"

#include <charconv>
#include <utility>

namespace wherry::config {
namespace {

Wrong healthz_bind_address(Options& options, Texts texts) {
  options.healthz_is_given = true;
  if (texts[0].empty()) {
    options.healthz_bind_address.reset();
    return std::nullopt;
  }
  const auto parsed = address_with_port(texts[0], 10256);
  if (!parsed) {
    return quote(texts[0]) +
           " is no ADDR:PORT; write for example 0.0.0.0:10256 or [::]:10256, or \"\" for none";
  }
  options.healthz_bind_address = *parsed;
  return std::nullopt;
}

Wrong bind_address(Options& options, Texts texts) {
  const auto parsed = IpAddress::parse(texts[0]);
  if (!parsed || parsed->is_multicast()) {
    return quote(texts[0]) + " is no address of a node; write one such as 192.0.2.7, or 0.0.0.0 " +
           "for what the Node object says";
  }
  options.bind_address = *parsed;
  return std::nullopt;
}

/// Words for blocks, as kube-proxy 1.37 has them (F2, KEP-6032).
std::vector<Cidr> blocks_of_word(std::string_view word) {
  if (word == "localhost") {
    return {Cidr::parse("127.0.0.0/8").value(), Cidr::of(IpAddress::loopback(IpFamily::IPv6))};
  }
  if (word == "all") return {Cidr::parse("0.0.0.0/0").value(), Cidr::parse("::/0").value()};
  return {};
}

Wrong node_port_addresses(Options& options, Texts texts) {
  NodePortAddresses all;
  for (const std::string& text : texts) {
    for (const std::string& part : split_at_commas(text)) {
      if (part == "primary") {
        all.primary = true;
      } else if (const auto blocks = blocks_of_word(part); !blocks.empty()) {
        all.cidrs.insert(all.cidrs.end(), blocks.begin(), blocks.end());
      } else if (const auto block = Cidr::parse(part)) {
        all.cidrs.push_back(*block);
      } else {
        return quote(part) + " is no CIDR; write address/length, for example 192.0.2.0/24, or " +
               "primary, localhost or all";
      }
    }
  }
  options.node_port_addresses = std::move(all);
  return std::nullopt;
}

Wrong cluster_cidr(Options& options, Texts texts) {
  std::vector<Cidr> blocks;
  for (const std::string& part : split_at_commas(texts[0])) {
    const auto block = Cidr::parse(part);
    if (!block) {
      return quote(part) + " is no CIDR; write address/length, for example 10.244.0.0/16";
    }
    blocks.push_back(*block);
  }
  if (blocks.size() > 2 || (blocks.size() == 2 && blocks[0].family() == blocks[1].family())) {
    return "write one block, or one of each family with a comma between them";
  }
  options.cluster_cidrs = std::move(blocks);
  return std::nullopt;
}

Wrong oom_score_adj(Options& options, Texts texts) {
  const std::string& text = texts[0];
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < -1000 || number > 1000) {
    return quote(text) + " is out of range; write a whole number from -1000 to 1000";
  }
  options.oom_score_adj = number;
  return std::nullopt;
}

Setting node_setting(std::string_view flag, std::string_view value, ValueKind kind,
                     std::string_view help, Wrong (*apply)(Options&, Texts),
                     std::function<std::string(const Options&)> show) {
  return {.flag = flag,
          .value = value,
          .help = help,
          .kind = kind,
          .same_as = {},
          .apply = apply,
          .show = std::move(show)};
}

Setting duration_setting(std::string_view flag, std::string_view help, Duration Options::* member,
                         bool may_be_zero) {
  return {.flag = flag,
          .value = "DURATION",
          .help = help,
          .kind = ValueKind::Duration,
          .same_as = {},
          .apply = [member, may_be_zero](
                       Options& o, Texts t) { return duration(o.*member, t[0], may_be_zero); },
          .show = [member](const Options& o) { return format_duration(o.*member); }};
}

Setting name_setting(std::string_view flag, std::string_view value, std::string_view help,
                     std::string Options::* member) {
  return {.flag = flag,
          .value = value,
          .help = help,
          .kind = ValueKind::Text,
          .same_as = {},
          .apply = [member](Options& o, Texts t) -> Wrong {
            o.*member = t[0];
            return std::nullopt;
          },
          .show = [member](const Options& o) { return o.*member; }};
}

}  // namespace

std::vector<Setting> node_settings() {
  std::vector<Setting> all;
  all.push_back(node_setting("healthz-bind-address", "ADDR:PORT", ValueKind::Text,
                             "where /healthz and /livez for load balancers are; \"\": nowhere "
                             "(with steering node 0.0.0.0:10256)",
                             healthz_bind_address, [](const Options& o) {
                               return o.healthz_bind_address ? o.healthz_bind_address->to_string()
                                                             : std::string();
                             }));
  all.push_back(boolean_setting("bind-address-hard-fail",
                                "end where the health or metrics port is busy, instead of trying "
                                "again",
                                &Options::bind_address_hard_fail));
  all.push_back(node_setting("bind-address", "ADDR", ValueKind::Text,
                             "the address of this node, in place of what the Node object says; "
                             "nothing listens there",
                             bind_address, [](const Options& o) {
                               return o.bind_address ? o.bind_address->to_string() : std::string();
                             }));
  all.push_back(node_setting(
      "nodeport-addresses", "CIDR", ValueKind::List,
      "which addresses of this machine serve node ports: blocks, primary, localhost, all "
      "(default: all)",
      node_port_addresses, [](const Options& o) {
        const std::string blocks = joined(o.node_port_addresses.cidrs);
        if (!o.node_port_addresses.primary) return blocks;
        return blocks.empty() ? std::string("primary") : "primary," + blocks;
      }));
  all.push_back(node_setting("cluster-cidr", "CIDR[,CIDR]", ValueKind::Text,
                             "the addresses of the cluster's pods, one block of each family",
                             cluster_cidr,
                             [](const Options& o) { return joined(o.cluster_cidrs); }));
  all.push_back(word_setting(
      "detect-local-mode", "MODE",
      "how this node's pods are told from others: ClusterCIDR, NodeCIDR, BridgeInterface or "
      "InterfaceNamePrefix",
      "such mode", &Options::detect_local_mode,
      Words<DetectLocalMode>{{"ClusterCIDR", DetectLocalMode::ClusterCidr},
                             {"NodeCIDR", DetectLocalMode::NodeCidr},
                             {"BridgeInterface", DetectLocalMode::BridgeInterface},
                             {"InterfaceNamePrefix", DetectLocalMode::InterfaceNamePrefix}}));
  all.push_back(name_setting("pod-bridge-interface", "NAME",
                             "the pods' bridge, for --detect-local-mode BridgeInterface",
                             &Options::pod_bridge_interface));
  all.push_back(name_setting("pod-interface-name-prefix", "TEXT",
                             "how the pods' interfaces begin, for --detect-local-mode "
                             "InterfaceNamePrefix",
                             &Options::pod_interface_name_prefix));
  all.push_back(word_setting(
      "proxy-mode", "MODE",
      "the mode of kube-proxy that is stood in for: iptables, ipvs or nftables; decides which of "
      "its defaults hold",
      "mode of kube-proxy", &Options::proxy_mode,
      Words<std::string>{{"iptables", "iptables"}, {"ipvs", "ipvs"}, {"nftables", "nftables"}}));
  all.push_back(name_setting("ipvs-scheduler", "NAME",
                             "the algorithm of Services that name none, in IPVS's words: rr, lc, "
                             "sh, mh, ...",
                             &Options::default_scheduler));
  all.push_back(boolean_setting("allow-external-ips",
                                "whether the externalIPs of Services are served",
                                &Options::allow_external_ips));
  all.push_back(duration_setting("min-sync-period",
                                 "the least time from the end of one table to the start of the "
                                 "next; 0: none",
                                 &Options::min_sync_period, true));
  all.push_back(duration_setting("sync-period", "when what failed is tried again",
                                 &Options::sync_period, false));
  all.push_back(duration_setting("config-sync-period",
                                 "kube-proxy's refresh of what it has read; a watch needs none",
                                 &Options::config_sync_period, false));
  all.push_back(node_setting("oom-score-adj", "N", ValueKind::Integer,
                             "how readily the kernel ends the process when memory is short, -1000 "
                             "to 1000 (default: as it is)",
                             oom_score_adj, [](const Options& o) {
                               return o.oom_score_adj ? std::to_string(*o.oom_score_adj)
                                                      : std::string();
                             }));
  all.push_back(boolean_setting("profiling", "whether the log level may be changed over HTTP",
                                &Options::profiling));
  return all;
}

}  // namespace wherry::config
