#include "proxy/steer/host_listeners.h"

#include "proxy/steer/netlink.h"

#include <cerrno>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {
namespace {

/// Adds the ports of one kind of socket; an error code where the kernel does not say.
error_code list(NetlinkSocket& netlink, Protocol protocol, unsigned char family, HostPorts& into) {
  inet_diag_req_v2 what{};
  what.sdiag_family = family;
  what.sdiag_protocol = protocol == Protocol::UDP ? IPPROTO_UDP : IPPROTO_TCP;
  // A UDP socket that is connected to nobody is TCP_CLOSE here.
  what.idiag_states = protocol == Protocol::UDP ? 1u << TCP_CLOSE : 1u << TCP_LISTEN;
  NetlinkRequest request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
  request.fixed(what);
  const auto answers = netlink.ask(std::move(request));
  if (!answers) return answers.error();
  answers->each(SOCK_DIAG_BY_FAMILY, [&into, protocol](const NetlinkAnswer& answer) {
    const auto* socket = answer.fixed<inet_diag_msg>();
    if (socket != nullptr) into.emplace(protocol, ntohs(socket->id.idiag_sport));
  });
  return {};
}

}  // namespace

Result<HostPorts> host_ports() {
  NetlinkSocket netlink(NETLINK_SOCK_DIAG);
  HostPorts ports;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const Protocol protocol : {Protocol::TCP, Protocol::UDP}) {
      const error_code error = list(netlink, protocol, static_cast<unsigned char>(family), ports);
      // Without IPv6, or without the module for UDP, there are none of them.
      if (error && error.value() != ENOENT && error.value() != EAFNOSUPPORT) return error;
    }
  }
  return ports;
}

}  // namespace wherry::steer
