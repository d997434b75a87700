#pragma once

#include "base/result.h"
#include "base/socket_address.h"

#include <cstdint>
#include <functional>
#include <set>
#include <utility>

namespace wherry::steer {

/// Ports on which sockets of this network namespace wait for clients, by protocol: TCP sockets that
/// listen, UDP sockets that are bound and connected to nobody. Whose they are is not known.
using HostPorts = std::set<std::pair<Protocol, std::uint16_t>>;

/// Asks the kernel (sock_diag(7)).
[[nodiscard]] Result<HostPorts> host_ports();

using ListHostPorts = std::function<Result<HostPorts>()>;

}  // namespace wherry::steer
