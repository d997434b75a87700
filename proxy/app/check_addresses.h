#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/interfaces.h"
#include "proxy/steer/kernel_network.h"
#include "proxy/steer/node_network.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
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
  /// With another way to read this machine's network, which the rule needs.
  using Read = std::function<Result<steer::NetworkState>()>;
  CheckAddresses(steer::NodePortRule rule, Read read);

  /// As the network is now. Nothing where the kernel does not tell: what was said before stays. If
  /// nothing was, none of the addresses that follow from the network.
  [[nodiscard]] std::optional<std::set<IpAddress>> now(
      const std::vector<IpAddress>& node_addresses);

 private:
  const steer::NodePortRule rule_;
  const steer::KernelNetwork* const network_;
  Read read_;  ///< none where the rule does not need it
  bool has_told_ = false;
  std::string unread_;  ///< why the last try failed
};

}  // namespace wherry::app
