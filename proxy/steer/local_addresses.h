#pragma once

#include "base/ip_address.h"
#include "proxy/steer/netlink.h"

namespace wherry::steer {

/// Which addresses are this machine's own: those on which a socket may listen.
class LocalAddresses {
 public:
  virtual ~LocalAddresses() = default;
  [[nodiscard]] virtual bool contains(const IpAddress& address) const = 0;
};

/// What the kernel's routing says. Addresses of interfaces, all of 127.0.0.0/8, and what local
/// routes cover (`ip route add local CIDR dev lo`).
///
/// One thread. Keeps its netlink socket, so that the answers do not depend on a descriptor being
/// free.
class KernelAddresses final : public LocalAddresses {
 public:
  KernelAddresses();
  [[nodiscard]] bool contains(const IpAddress& address) const override;

 private:
  mutable NetlinkSocket netlink_;
};

}  // namespace wherry::steer
