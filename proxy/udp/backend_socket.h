#pragma once

#include "balancer/backend_table.h"
#include "balancer/source_filter.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <functional>

namespace wherry::udp {

/// A flow that is to have a backend: what the backend may see of its client depends on all of it.
struct Dial {
  const SocketAddress& client;
  const SocketAddress& asked;  ///< what the client sends to
  balancer::AddressKind kind;  ///< of `asked`
  const balancer::ServicePortEntry& entry;
  const SocketAddress& to;  ///< the backend, at the port that goes with the one asked for
};

/// A socket that is connected to the backend, non-blocking, for one flow; or why there is none. Its
/// source address is this machine's, or the client's where that can be had.
using OpenBackend = std::function<Result<UniqueFd>(const Dial&)>;

/// `bind` is called before the socket is connected, and may give it a source address; an error of
/// it is the result. Without it the source is an address of this machine that the kernel chooses.
[[nodiscard]] Result<UniqueFd> open_backend_socket(
    const SocketAddress& backend, const std::function<error_code(int socket)>& bind = {});

/// A socket that sends to any backend of its family and receives nothing, for datagrams that are
/// never answered.
[[nodiscard]] Result<UniqueFd> open_one_way_socket(IpFamily family);

}  // namespace wherry::udp
