#include "proxy/transparent/come_from.h"

#include "base/raw_socket_address.h"
#include "base/unique_fd.h"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace wherry::transparent {
namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

bool set(int socket, int level, int option) {
  const int on = 1;
  return ::setsockopt(socket, level, option, &on, sizeof on) == 0;
}

error_code allow_foreign(int socket, IpFamily family) {
  const bool v4 = family == IpFamily::IPv4;
  if (set(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT)) {
    return {};
  }
  return last_error();
}

/// Below, a port says who the client is (NFS, rsh), and no system gives it away by itself.
constexpr std::uint16_t kFirstOrdinaryPort = 1024;

#ifndef IP_LOCAL_PORT_RANGE
constexpr int IP_LOCAL_PORT_RANGE = 51;  // linux/in.h, since 6.3
#endif

/// Lets the kernel choose this port or none (Linux 6.3). An older kernel chooses any, and so does
/// one where the port lies outside of net.ipv4.ip_local_port_range.
void choose_among(int socket, std::uint16_t only) {
  const std::uint32_t range = std::uint32_t{only} << 16 | only;
  (void)::setsockopt(socket, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range);
}

}  // namespace

error_code come_from(int socket, Protocol protocol, const SocketAddress& client, Port port) {
  if (const error_code error = allow_foreign(socket, client.ip.family())) return error;
  SocketAddress source = client;
  const bool binds_port =
      port == Port::Clients && (protocol == Protocol::UDP || client.port < kFirstOrdinaryPort);
  if (binds_port) {
    // A client may use one port towards several VIPs, and each of them has its socket here. If two
    // lead to one backend TCP's connect() says so. UDP's does not, and answers would go to either:
    // there the second one gets another port.
    if (protocol == Protocol::TCP && !set(socket, SOL_SOCKET, SO_REUSEADDR)) return last_error();
  } else {
    // The port is chosen when it is known towards whom it must be free (also of IPv6: ip(7)).
    if (!set(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT)) return last_error();
    if (port == Port::Clients) choose_among(socket, client.port);
    source.port = 0;
  }
  const RawSocketAddress raw(source);
  if (::bind(socket, raw.get(), raw.size) != 0) return last_error();
  return {};
}

std::string_view to_string(Failure failure) noexcept {
  switch (failure) {
    case Failure::AddressInUse:
      return "address_in_use";
    case Failure::NoPorts:
      return "no_ports";
    case Failure::NotPermitted:
      return "not_permitted";
    case Failure::Other:
      return "other";
  }
  return "?";
}

Failure classify(const error_code& error) noexcept {
  switch (error.value()) {
    case EADDRINUSE:
      return Failure::AddressInUse;
    case EADDRNOTAVAIL:
    case EAGAIN:
      return Failure::NoPorts;
    case EPERM:
    case EACCES:
      return Failure::NotPermitted;
    default:
      return Failure::Other;
  }
}

bool is_of_source(int connect_error) noexcept {
  return connect_error == EADDRNOTAVAIL || connect_error == EADDRINUSE || connect_error == EAGAIN;
}

error_code try_permission(IpFamily family) {
  const UniqueFd socket(
      ::socket(address_family(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) return last_error();
  return allow_foreign(socket.get(), family);
}

}  // namespace wherry::transparent
