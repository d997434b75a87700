#include "proxy/tcp/socket_calls.h"

#include "base/raw_socket_address.h"

#include <cerrno>
#include <sys/socket.h>

namespace wherry::tcp {

ssize_t receive(int socket, void* into, std::size_t size, int flags) {
  ssize_t n = 0;
  do {
    n = ::recv(socket, into, size, flags | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  return n;
}

SocketAddress local_end(int socket) {
  RawSocketAddress local;
  if (::getsockname(socket, local.get(), &local.size) != 0) return {};
  return local.to_socket_address();
}

void close_with_reset(int socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace wherry::tcp
