#include "proxy/udp/raw_socket.h"

#include "base/raw_socket_address.h"
#include "base/socket_room.h"

#include <array>
#include <cerrno>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace wherry::udp {
namespace {

/// Many answers may be under way at once: those of all flows leave by this socket.
constexpr int kSendRoom = 4 << 20;

error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

error_code deafen(int fd) {
  std::array<sock_filter, 1> nothing{{{BPF_RET | BPF_K, 0, 0, 0}}};
  const sock_fprog program{nothing.size(), nothing.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) return {};
  return last_error();
}

error_code allow_fragments(int fd, IpFamily family) {
  const bool is_v4 = family == IpFamily::IPv4;
  const int value = is_v4 ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT;
  if (::setsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                   is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value, sizeof value) == 0) {
    return {};
  }
  return last_error();
}

Result<UniqueFd> open_raw_socket(IpFamily family, int protocol) {
  UniqueFd socket(
      ::socket(address_family(family), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!socket) return last_error();
  if (const error_code error = deafen(socket.get())) return error;
  if (const error_code error = allow_fragments(socket.get(), family)) return error;
  const bool is_v4 = family == IpFamily::IPv4;
  const int on = 1;
  if (::setsockopt(socket.get(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                   is_v4 ? IP_FREEBIND : IPV6_FREEBIND, &on, sizeof on) != 0) {
    return last_error();
  }
  ask_for_send_room(socket.get(), kSendRoom);
  return socket;
}

}  // namespace wherry::udp
