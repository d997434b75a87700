#include "proxy/steer/listen_sockets.h"

#include "base/raw_socket_address.h"
#include "base/socket_room.h"
#include "proxy/steer/local_addresses.h"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

constexpr int kBacklog = 65535;  // the kernel takes the lower of this and net.core.somaxconn
/// For UDP datagrams that come faster than a worker turns.
constexpr int kDatagramRoom = 8 << 20;

error_code last_error() { return {errno, boost::system::system_category()}; }

bool enable(int fd, int level, int name) {
  const int on = 1;
  return ::setsockopt(fd, level, name, &on, sizeof on) == 0;
}

/// An IPv6 address that is this machine's by a route alone (`ip -6 route add local CIDR dev lo`)
/// can be bound only with IPV6_FREEBIND; for IPv4 the kernel asks the routes itself.
bool bind_to(int fd, const SocketAddress& address) {
  const RawSocketAddress raw(address);
  if (::bind(fd, raw.get(), raw.size) == 0) return true;
  if (errno != EADDRNOTAVAIL || address.ip.family() != IpFamily::IPv6) return false;
  if (!KernelAddresses().contains(address.ip)) {
    errno = EADDRNOTAVAIL;
    return false;
  }
  return enable(fd, IPPROTO_IPV6, IPV6_FREEBIND) && ::bind(fd, raw.get(), raw.size) == 0;
}

enum class Share { After, Before };

error_code prepare_stream(int fd) {
  // Accepted sockets inherit these two, which saves two calls for each connection.
  if (!enable(fd, IPPROTO_TCP, TCP_NODELAY)) return last_error();
  if (!enable(fd, SOL_SOCKET, SO_KEEPALIVE)) return last_error();
  return ::listen(fd, kBacklog) == 0 ? error_code() : last_error();
}

/// The first socket is bound alone, so that bind() fails if anybody else is there, and takes
/// SO_REUSEPORT afterwards: the kernel looks at it when the next socket is bound and when this one
/// starts to listen.
Result<UniqueFd> open_one(const ListenAddress& at, Share share) {
  const SocketAddress& address = at.address;
  const bool is_tcp = at.protocol == Protocol::TCP;
  UniqueFd fd(::socket(address_family(address.ip.family()),
                       (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return last_error();
  // Sessions of an earlier listener on this port must not keep it busy. UDP has no such sessions,
  // and with this option would share the port with anybody.
  if (is_tcp && !enable(fd.get(), SOL_SOCKET, SO_REUSEADDR)) return last_error();
  if (address.ip.family() == IpFamily::IPv6 && !enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY)) {
    return last_error();
  }
  if (share == Share::Before && !enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return last_error();
  if (!bind_to(fd.get(), address)) return last_error();
  if (share == Share::After && !enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return last_error();
  if (is_tcp) {
    if (const error_code error = prepare_stream(fd.get())) return error;
  } else {
    ask_for_receive_room(fd.get(), kDatagramRoom);
    ask_for_send_room(fd.get(), kDatagramRoom);
  }
  return fd;
}

/// Where a socket is bound: port 0 has become a free one.
SocketAddress address_of(int fd) {
  RawSocketAddress bound;
  // Of a bound socket it can't fail.
  ::getsockname(fd, bound.get(), &bound.size);
  return bound.to_socket_address();
}

}  // namespace

Result<std::vector<UniqueFd>> open_listen_sockets(const ListenAddress& address, std::size_t count) {
  std::vector<UniqueFd> sockets;
  while (sockets.size() < count) {
    auto socket = sockets.empty() ? open_one(address, Share::After)
                                  : open_one({address_of(sockets.front().get()), address.protocol},
                                             Share::Before);
    if (!socket) return socket.error();
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

}  // namespace wherry::steer
