#include "proxy/steer/host_listeners.h"

#include "base/unique_fd.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

/// Adds the ports of one kind of socket; an error code where the kernel does not say.
error_code list(int netlink, Protocol protocol, unsigned char family, HostPorts& into) {
  struct Request {
    nlmsghdr header;
    inet_diag_req_v2 what;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.what.sdiag_family = family;
  request.what.sdiag_protocol = protocol == Protocol::UDP ? IPPROTO_UDP : IPPROTO_TCP;
  // A UDP socket that is connected to nobody is TCP_CLOSE here.
  request.what.idiag_states = protocol == Protocol::UDP ? 1u << TCP_CLOSE : 1u << TCP_LISTEN;
  if (::send(netlink, &request, sizeof request, 0) < 0) return last_error();
  for (;;) {
    alignas(nlmsghdr) std::array<char, 32768> answer{};
    const ssize_t size = ::recv(netlink, answer.data(), answer.size(), 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      return last_error();
    }
    std::size_t left = static_cast<std::size_t>(size);
    const char* at = answer.data();
    while (left >= sizeof(nlmsghdr)) {
      const auto* header = reinterpret_cast<const nlmsghdr*>(at);
      if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > left) break;
      if (header->nlmsg_type == NLMSG_DONE) return {};
      if (header->nlmsg_type == NLMSG_ERROR) {
        const auto* error = reinterpret_cast<const nlmsgerr*>(at + NLMSG_HDRLEN);
        return {-error->error, boost::system::system_category()};
      }
      if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(inet_diag_msg))) {
        const auto* socket = reinterpret_cast<const inet_diag_msg*>(at + NLMSG_HDRLEN);
        into.emplace(protocol, ntohs(socket->id.idiag_sport));
      }
      const std::size_t step = NLMSG_ALIGN(header->nlmsg_len);
      if (step >= left) break;
      at += step;
      left -= step;
    }
  }
}

}  // namespace

Result<HostPorts> host_ports() {
  UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return last_error();
  HostPorts ports;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const Protocol protocol : {Protocol::TCP, Protocol::UDP}) {
      const error_code error =
          list(netlink.get(), protocol, static_cast<unsigned char>(family), ports);
      // Without IPv6, or without the module for UDP, there are none of them.
      if (error && error.value() != ENOENT && error.value() != EAFNOSUPPORT) return error;
    }
  }
  return ports;
}

}  // namespace wherry::steer
