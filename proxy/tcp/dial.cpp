#include "proxy/tcp/dial.h"

#include "base/raw_socket_address.h"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::tcp {
namespace {

UniqueFd open_socket(IpFamily family) {
  UniqueFd socket(
      ::socket(address_family(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) return socket;
  const int on = 1;
  // These fail only for sockets that are closed already, which the next call on them will say.
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return socket;
}

Dial connect(UniqueFd socket, const SocketAddress& backend) {
  Dial dial;
  const RawSocketAddress to(backend);
  dial.connected = ::connect(socket.get(), to.get(), to.size) == 0;
  if (dial.connected || errno == EINPROGRESS) {
    dial.socket = std::move(socket);
  } else {
    dial.error = errno;
  }
  return dial;
}

Dial failed(int error) {
  Dial dial;
  dial.error = error;
  return dial;
}

}  // namespace

Dial dial(const SocketAddress& backend, const std::optional<SocketAddress>& as) {
  std::optional<transparent::Failure> fallback;
  if (as) {
    for (const auto port : {transparent::Port::Clients, transparent::Port::Any}) {
      UniqueFd socket = open_socket(backend.ip.family());
      if (!socket) return failed(errno);
      error_code error = transparent::come_from(socket.get(), Protocol::TCP, *as, port);
      if (!error) {
        Dial dial = connect(std::move(socket), backend);
        dial.as_client = true;
        if (dial.socket || !transparent::is_of_source(dial.error)) return dial;
        error = {dial.error, boost::system::system_category()};
      }
      fallback = transparent::classify(error);
      if (*fallback == transparent::Failure::NotPermitted) break;
    }
  }
  UniqueFd socket = open_socket(backend.ip.family());
  if (!socket) return failed(errno);
  Dial dial = connect(std::move(socket), backend);
  dial.fallback = fallback;
  return dial;
}

}  // namespace wherry::tcp
