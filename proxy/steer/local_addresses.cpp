#include "proxy/steer/local_addresses.h"

#include "base/raw_socket_address.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {

KernelAddresses::KernelAddresses() : netlink_(NETLINK_ROUTE) {}

/// Asks the kernel how it would route to the address: RTN_LOCAL, RTN_UNICAST, ... Binding a socket
/// would tell the same, but not where net.ipv4.ip_nonlocal_bind is set.
bool KernelAddresses::contains(const IpAddress& address) const {
  // The wildcard and all of loopback can always be listened on, and are asked for most.
  if (address.is_unspecified() || address.is_loopback()) return true;
  rtmsg route{};
  route.rtm_family = static_cast<unsigned char>(address_family(address.family()));
  route.rtm_dst_len = static_cast<unsigned char>(address.bytes().size() * 8);
  NetlinkRequest request(RTM_GETROUTE, 0);
  request.fixed(route).attribute(RTA_DST, address);
  const auto answers = netlink_.ask(std::move(request));
  bool is_local = false;
  if (answers) {
    answers->each(RTM_NEWROUTE, [&is_local](const NetlinkAnswer& answer) {
      const auto* found = answer.fixed<rtmsg>();
      is_local |= found != nullptr && found->rtm_type == RTN_LOCAL;
    });
  }
  return is_local;
}

}  // namespace wherry::steer
