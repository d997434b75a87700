#include "config/setting_values.h"

#include <algorithm>
#include <vector>

namespace wherry::config {
namespace {

/// What a label's value may be, and not empty.
Wrong service_proxy_name(Options& options, Texts texts) {
  const std::string& name = texts[0];
  const auto is_end = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_inner = [&is_end](char c) { return is_end(c) || c == '-' || c == '_' || c == '.'; };
  if (name.empty() || name.size() > 63 || !is_end(name.front()) || !is_end(name.back()) ||
      !std::all_of(name.begin(), name.end(), is_inner)) {
    return quote(name) +
           " is no value of a label; write at most 63 letters, digits, '-', '_' and '.', or leave "
           "it out";
  }
  options.service_proxy_name = name;
  return std::nullopt;
}

}  // namespace

std::vector<Setting> service_settings() {
  std::vector<Setting> all;
  all.push_back({.flag = "service-proxy-name",
                 .value = "NAME",
                 .help = "serve exactly the Services whose label "
                         "service.kubernetes.io/service-proxy-name is NAME (default: those without "
                         "that label)",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = service_proxy_name,
                 .show = [](const Options& o) { return o.service_proxy_name; }});
  all.push_back(boolean_setting("source-ranges-everywhere",
                                "loadBalancerSourceRanges say who may connect to NodePorts and "
                                "external IPs too, not to load balancer IPs alone",
                                &Options::source_ranges_everywhere));
  return all;
}

}  // namespace wherry::config
