#include "proxy/tcp/dial.h"

#include "base/raw_socket_address.h"
#include "base/result.h"
#include "proxy/transparent/open_towards.h"

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

error_code last_error() { return {errno, boost::system::system_category()}; }

struct Connecting {
  UniqueFd socket;
  bool connected = false;
};

Result<Connecting> connect(const SocketAddress& backend, const transparent::BindSource& bind) {
  Connecting made{open_socket(backend.ip.family())};
  if (!made.socket) return last_error();
  if (bind) {
    if (const error_code error = bind(made.socket.get())) return error;
  }
  const RawSocketAddress to(backend);
  made.connected = ::connect(made.socket.get(), to.get(), to.size) == 0;
  if (!made.connected && errno != EINPROGRESS) return last_error();
  return made;
}

}  // namespace

Dial dial(const SocketAddress& backend, const std::optional<SocketAddress>& as) {
  auto opened = transparent::open_towards(
      Protocol::TCP, as,
      [&backend](const transparent::BindSource& bind) { return connect(backend, bind); });
  Dial dial;
  dial.as_client = opened.as_client;
  dial.fallback = opened.fallback;
  if (opened.socket) {
    dial.socket = std::move(opened.socket->socket);
    dial.connected = opened.socket->connected;
  } else {
    dial.error = opened.socket.error().value();
  }
  return dial;
}

}  // namespace wherry::tcp
