#include "config/setting_values.h"

#include <utility>
#include <vector>

namespace wherry::config {
namespace {

Wrong accept_proxy_protocol(Options& options, Texts texts) {
  std::vector<Cidr> blocks;
  for (const std::string& text : texts) {
    for (const std::string& part : split_at_commas(text)) {
      const auto block = Cidr::parse(part);
      if (!block) {
        return quote(part) + " is no CIDR; write address/length, for example 192.0.2.0/24, or " +
               "192.0.2.7/32 for one proxy";
      }
      if (block->has_host_bits()) {
        return part + " is an address inside a block; the block is " + block->to_string();
      }
      blocks.push_back(*block);
    }
  }
  options.accept_proxy_protocol = std::move(blocks);
  return std::nullopt;
}

}  // namespace

std::vector<Setting> client_settings() {
  std::vector<Setting> all;
  all.push_back({.flag = "accept-proxy-protocol",
                 .value = "CIDR",
                 .help =
                     "TCP connections from these addresses begin with a PROXY header, version 1 "
                     "or 2, that says who the client is (default: from none)",
                 .kind = ValueKind::List,
                 .same_as = {},
                 .apply = accept_proxy_protocol,
                 .show = [](const Options& o) { return joined(o.accept_proxy_protocol); }});
  all.push_back(word_setting(
      "transparent", "HOW",
      "how backends see the client's own address, on a node: auto, off, or "
      "nft (one nftables rule in place of programs)",
      "such way", &Options::transparent,
      Words<Transparent>{
          {"auto", Transparent::Auto}, {"off", Transparent::Off}, {"nft", Transparent::Nft}}));
  return all;
}

}  // namespace wherry::config
