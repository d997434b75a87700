#include "proxy/steer/silent_socket.h"

#include "base/raw_socket_address.h"
#include "proxy/steer/source_program.h"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

Result<UniqueFd> open_silent_socket(Protocol protocol, IpFamily family) {
  const bool is_tcp = protocol == Protocol::TCP;
  UniqueFd fd(::socket(address_family(family),
                       (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return last_error();
  const int on = 1;
  if (family == IpFamily::IPv6 &&
      ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return last_error();
  }
  // Before the first packet can come.
  const std::vector<sock_filter> nothing{BPF_STMT(BPF_RET | BPF_K, 0)};
  if (const error_code error = attach(fd.get(), nothing)) return error;
  const RawSocketAddress address({IpAddress::loopback(family), 0});
  if (::bind(fd.get(), address.get(), address.size) != 0) return last_error();
  if (is_tcp && ::listen(fd.get(), 1) != 0) return last_error();
  return fd;
}

}  // namespace wherry::steer
