#pragma once

#include "balancer/backend.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <functional>

namespace wherry::udp {

/// A socket that is connected to a backend, non-blocking, for one client's flow; or why there is
/// none. Its source address is the kernel's choice, or the client's where that can be had.
using OpenBackend =
    std::function<Result<UniqueFd>(const SocketAddress& client, const balancer::Backend& backend)>;

/// The source address is the kernel's choice.
[[nodiscard]] Result<UniqueFd> open_backend_socket(const SocketAddress& backend);

/// A socket that sends to any backend of its family and receives nothing, for datagrams that are
/// never answered.
[[nodiscard]] Result<UniqueFd> open_one_way_socket(IpFamily family);

}  // namespace wherry::udp
