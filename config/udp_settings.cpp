#include "config/setting_values.h"

#include <string>
#include <vector>

namespace wherry::config {
namespace {

constexpr std::uint64_t kMostFlows = 10'000'000;

Setting number_setting(std::string_view flag, std::string_view help,
                       std::uint64_t Options::* member) {
  return {.flag = flag,
          .value = "N",
          .help = help,
          .kind = ValueKind::Integer,
          .same_as = {},
          .apply =
              [member](Options& o, Texts t) {
                return whole_number<std::uint64_t>(o.*member, t[0], 0, kMostFlows);
              },
          .show = [member](const Options& o) { return std::to_string(o.*member); }};
}

}  // namespace

std::vector<Setting> udp_settings() {
  std::vector<Setting> all;
  all.push_back(
      {.flag = "udp-idle-timeout",
       .value = "DURATION",
       .help = "forget UDP flows that carried nothing for so long",
       .kind = ValueKind::Duration,
       .same_as = {},
       .apply = [](Options& o, Texts t) { return duration(o.udp_idle_timeout, t[0], false); },
       .show = [](const Options& o) { return format_duration(o.udp_idle_timeout); }});
  all.push_back(number_setting("max-udp-flows",
                               "UDP flows at once; more push out the one idle for longest; 0: what "
                               "open files and source ports allow",
                               &Options::max_udp_flows));
  all.push_back(number_setting("max-udp-flows-per-source",
                               "UDP flows of one client address at once; 0: a quarter of all, and "
                               "what nobody else wants",
                               &Options::max_udp_flows_per_source));
  return all;
}

}  // namespace wherry::config
