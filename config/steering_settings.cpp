#include "base/service_block.h"
#include "config/setting_values.h"

#include <vector>

namespace wherry::config {
namespace {

/// A few blocks of each family at most: a cluster has one or two, and a hundred are a slip.
constexpr std::size_t kMostServiceCidrs = 64;

Wrong service_cidr(Options& options, Texts texts) {
  std::vector<Cidr> blocks;
  for (const std::string& text : texts) {
    for (const std::string& part : split_at_commas(text)) {
      const auto block = Cidr::parse(part);
      if (!block) {
        return quote(part) + " is no CIDR; write address/length, for example 10.96.0.0/12";
      }
      if (block->has_host_bits()) {
        return part + " is an address inside a block; the block is " + block->to_string();
      }
      if (!could_be_of_services(*block)) {
        return part +
               " is no block that a cluster gives to its Services; write what its API server has "
               "as --service-cluster-ip-range";
      }
      blocks.push_back(*block);
    }
  }
  if (blocks.size() > kMostServiceCidrs) {
    return "more than " + std::to_string(kMostServiceCidrs) + " blocks; write fewer, larger ones";
  }
  options.service_cidrs = std::move(blocks);
  return std::nullopt;
}

Wrong run_dir(Options& options, Texts texts) {
  if (!texts[0].starts_with('/')) {
    return quote(texts[0]) + " is no absolute path; name a folder such as /run/wherry";
  }
  options.run_dir = texts[0];
  return std::nullopt;
}

}  // namespace

std::vector<Setting> steering_settings() {
  std::vector<Setting> all;
  all.push_back(word_setting(
      "steering", "MODE",
      "how clients get here: node (the node's routes and kernel lead all Services here), bind (a "
      "listener for each), auto (node with kube-proxy's configuration or in a pod on the host's "
      "network, else bind)",
      "way of steering", &Options::steering,
      Words<SteeringMode>{{"auto", SteeringMode::Auto},
                          {"node", SteeringMode::Node},
                          {"bind", SteeringMode::Bind}}));
  all.push_back({.flag = "service-cidr",
                 .value = "CIDR",
                 .help = "the blocks of the Services' addresses, for steering node (default: what "
                         "ServiceCIDRs say, else each address alone)",
                 .kind = ValueKind::List,
                 .same_as = {},
                 .apply = service_cidr,
                 .show = [](const Options& o) { return joined(o.service_cidrs); }});
  all.push_back(boolean_setting("ipvs-strict-arp",
                                "answer ARP for the addresses of the asked interface alone, as "
                                "kube-proxy's ipvs.strictARP does it (steering node)",
                                &Options::strict_arp));
  all.push_back({.flag = "run-dir",
                 .value = "DIR",
                 .help = "where steering node keeps its lock, and what it has set up on this "
                         "machine",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = run_dir,
                 .show = [](const Options& o) { return o.run_dir; }});
  return all;
}

}  // namespace wherry::config
