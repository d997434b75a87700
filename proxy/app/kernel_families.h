#pragma once

#include "base/ip_address.h"

#include <optional>
#include <string>
#include <vector>

namespace wherry::app {

/// The families that this kernel has: IPv4, and IPv6 where there are interfaces for it and it has
/// not been disabled (S8). Whatever the cluster has. The texts are those of the two files; none
/// where a file is not there. Pure.
[[nodiscard]] std::vector<IpFamily> families_of(const std::optional<std::string>& if_inet6,
                                                const std::optional<std::string>& disable_ipv6);

/// The same of /proc as it is now.
[[nodiscard]] std::vector<IpFamily> kernel_families();

}  // namespace wherry::app
