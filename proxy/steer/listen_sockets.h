#pragma once

#include "base/result.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace wherry::steer {

/// Opens `count` listening sockets on one address, among which the kernel spreads connections
/// (SO_REUSEPORT), or none. address_in_use also where another process, or an earlier one of ours,
/// listens there with SO_REUSEPORT: two that share a port by accident would each get half of the
/// clients.
[[nodiscard]] Result<std::vector<UniqueFd>> open_listen_sockets(const SocketAddress& address,
                                                                std::size_t count);

using OpenListenSockets =
    std::function<Result<std::vector<UniqueFd>>(const SocketAddress&, std::size_t)>;

}  // namespace wherry::steer
