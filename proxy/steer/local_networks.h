#pragma once

#include "balancer/client_address.h"
#include "base/cidr.h"
#include "base/ip_address.h"
#include "proxy/steer/interfaces.h"

#include <span>
#include <vector>

namespace wherry::steer {

/// Where this node's pods are, as far as it can be known for certain: Node.spec.podCIDRs, and what
/// is routed on-link over an interface that carries no Node address and no default route (design,
/// section 5). Of such interfaces only those of a kind that pods are behind count: a second network
/// card, or a VLAN, for storage say, has hosts behind it whose answers need not come back this way.
/// Without Node addresses only `pod_cidrs` count. `pod_cidrs` are the Node's own; never the
/// cluster's. Pure.
[[nodiscard]] balancer::LocalNetworks local_networks(const NetworkState& now,
                                                     std::span<const Cidr> pod_cidrs,
                                                     std::span<const IpAddress> node_addresses);

}  // namespace wherry::steer
