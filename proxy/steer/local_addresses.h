#pragma once

#include "base/async/asio.h"
#include "base/ip_address.h"
#include "proxy/steer/netlink.h"
#include "proxy/steer/netlink_watch.h"

#include <functional>

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

/// Says when addresses or routes of this network namespace change (rtnetlink(7)).
///
/// Control thread only. Where netlink is closed to the process it stays silent.
class AddressWatch {
 public:
  AddressWatch(asio::io_context& loop, std::function<void()> on_change);

  void start() { watch_.start(); }
  void stop() noexcept { watch_.stop(); }

 private:
  NetlinkWatch watch_;
};

}  // namespace wherry::steer
