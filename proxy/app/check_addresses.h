#pragma once

#include "base/ip_address.h"
#include "proxy/steer/kernel_network.h"
#include "proxy/steer/netlink.h"
#include "proxy/steer/node_network.h"

#include <optional>
#include <set>
#include <vector>

namespace wherry::app {

/// On which addresses health check node ports listen, by --nodeport-addresses (H3).
///
/// Control thread only.
class CheckAddresses {
 public:
  /// `network` is who reads this machine's network anyway; null in steering `bind`, where it is
  /// read here if the rule needs it.
  CheckAddresses(steer::NodePortRule rule, const steer::KernelNetwork* network);

  /// As the network is now. Nothing where the kernel does not tell: what was said before stays.
  [[nodiscard]] std::optional<std::set<IpAddress>> now(
      const std::vector<IpAddress>& node_addresses);

 private:
  const steer::NodePortRule rule_;
  const steer::KernelNetwork* const network_;
  std::optional<steer::NetlinkSocket> netlink_;  ///< kept: the answer must not need a descriptor
};

}  // namespace wherry::app
