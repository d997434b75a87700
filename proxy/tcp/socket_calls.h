#pragma once

#include "base/socket_address.h"

#include <cstddef>
#include <sys/socket.h>

namespace wherry::tcp {

/// recv(2) that does not wait, begun again where a signal came in between.
[[nodiscard]] ssize_t receive(int socket, void* into, std::size_t size, int flags);

/// The address that a socket has on this machine's side; 0.0.0.0:0 where the kernel does not say.
[[nodiscard]] SocketAddress local_end(int socket);

/// The next close() sends a RST in place of a FIN, which would look like an answer, and forgets
/// what was not sent yet.
void close_with_reset(int socket);

}  // namespace wherry::tcp
