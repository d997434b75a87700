#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/steer/listen_address.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace wherry::steer {

/// Opens `count` listening sockets on one address, among which the kernel spreads connections, and
/// UDP's clients by their addresses (SO_REUSEPORT), or none. address_in_use also where another
/// process, or an earlier one of ours, listens there with SO_REUSEPORT: two that share a port by
/// accident would each get half of the clients. Port 0 is a free one, the same for all.
[[nodiscard]] Result<std::vector<UniqueFd>> open_listen_sockets(const ListenAddress& address,
                                                                std::size_t count);

using OpenListenSockets =
    std::function<Result<std::vector<UniqueFd>>(const ListenAddress&, std::size_t)>;

}  // namespace wherry::steer
