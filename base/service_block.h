#pragma once

#include "base/cidr.h"

namespace wherry {

/// Whether a cluster could give its Services addresses out of the block: no loopback, no multicast,
/// and not a large part of all addresses (/8 at most), since every one would be this machine's own.
[[nodiscard]] bool could_be_of_services(const Cidr& block) noexcept;

}  // namespace wherry
