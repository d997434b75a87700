#include "proxy/app/check_addresses.h"

#include "base/log.h"
#include "proxy/steer/netlink.h"

#include <linux/netlink.h>
#include <memory>
#include <utility>

namespace wherry::app {

CheckAddresses::CheckAddresses(steer::NodePortRule rule, const steer::KernelNetwork* network)
    : rule_(std::move(rule)), network_(network) {
  if (network_ != nullptr || (!rule_.primary && rule_.cidrs.empty())) return;
  // Kept: the answer must not need a descriptor.
  read_ = [netlink = std::make_shared<steer::NetlinkSocket>(NETLINK_ROUTE)] {
    return steer::NetlinkReader(*netlink).read();
  };
}

CheckAddresses::CheckAddresses(steer::NodePortRule rule, Read read)
    : rule_(std::move(rule)), network_(nullptr), read_(std::move(read)) {}

std::optional<std::set<IpAddress>> CheckAddresses::now(
    const std::vector<IpAddress>& node_addresses) {
  if (network_ != nullptr) {
    return steer::health_check_addresses(network_->state(), rule_, node_addresses);
  }
  if (!read_) return steer::health_check_addresses({}, rule_, node_addresses);
  const auto state = read_();
  if (state) {
    has_told_ = true;
    unread_.clear();
    return steer::health_check_addresses(*state, rule_, node_addresses);
  }
  const std::string reason = state.error().message();
  if (std::exchange(unread_, reason) != reason) {
    log::warn(has_told_ ? "this machine's network can't be read; health check node ports stay "
                          "where they are"
                        : "this machine's network can't be read; health check node ports stay "
                          "closed where --nodeport-addresses counts",
              {{"reason", reason}, {"remedy", "allow the process netlink"}});
  }
  if (has_told_) return std::nullopt;
  return steer::health_check_addresses({}, rule_, node_addresses);
}

}  // namespace wherry::app
