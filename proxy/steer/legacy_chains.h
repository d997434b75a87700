#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/packet_filters.h"

#include <vector>

namespace wherry::steer {

/// The chains of iptables-legacy (or ip6tables-legacy) in the thread's network namespace, those of
/// its own in front. Looks only at tables that somebody uses already: asking for another would make
/// the kernel set it up. Needs CAP_NET_ADMIN; a kernel without iptables has none.
[[nodiscard]] Result<std::vector<FilterChain>> read_legacy_chains(IpFamily family);

}  // namespace wherry::steer
