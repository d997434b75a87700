#include "proxy/app/check_addresses.h"

#include "base/log.h"
#include "proxy/steer/interfaces.h"

#include <linux/netlink.h>
#include <utility>

namespace wherry::app {

CheckAddresses::CheckAddresses(steer::NodePortRule rule, const steer::KernelNetwork* network)
    : rule_(std::move(rule)), network_(network) {
  if (network_ == nullptr && (rule_.primary || !rule_.cidrs.empty())) {
    netlink_.emplace(NETLINK_ROUTE);
  }
}

std::optional<std::set<IpAddress>> CheckAddresses::now(
    const std::vector<IpAddress>& node_addresses) {
  if (network_ != nullptr) {
    return steer::health_check_addresses(network_->state(), rule_, node_addresses);
  }
  if (!netlink_) return steer::health_check_addresses({}, rule_, node_addresses);
  const auto state = steer::NetlinkReader(*netlink_).read();
  if (state) return steer::health_check_addresses(*state, rule_, node_addresses);
  log::warn("this machine's network can't be read; health check node ports stay where they are",
            {{"reason", state.error().message()}, {"remedy", "allow the process netlink"}});
  return std::nullopt;
}

}  // namespace wherry::app
