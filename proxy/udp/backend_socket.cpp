#include "proxy/udp/backend_socket.h"

#include "base/raw_socket_address.h"
#include "proxy/udp/raw_socket.h"
#include "proxy/udp/receive_batch.h"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace wherry::udp {
namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

Result<UniqueFd> open_socket(IpFamily family) {
  UniqueFd socket(
      ::socket(address_family(family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!socket) return last_error();
  if (const error_code error = allow_fragments(socket.get(), family)) return error;
  return socket;
}

}  // namespace

Result<UniqueFd> open_backend_socket(const SocketAddress& backend,
                                     const std::function<error_code(int socket)>& bind) {
  auto socket = open_socket(backend.ip.family());
  if (!socket) return socket;
  join_datagrams(socket->get());
  if (bind) {
    if (const error_code error = bind(socket->get())) return error;
  }
  const RawSocketAddress to(backend);
  if (::connect(socket->get(), to.get(), to.size) != 0) {
    // EAGAIN: every port of the ephemeral range is in use.
    return errno == EAGAIN ? error_code(EADDRNOTAVAIL, boost::system::system_category())
                           : last_error();
  }
  return socket;
}

Result<UniqueFd> open_one_way_socket(IpFamily family) {
  auto socket = open_socket(family);
  if (!socket) return socket;
  if (const error_code error = deafen(socket->get())) return error;
  return socket;
}

}  // namespace wherry::udp
