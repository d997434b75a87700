#pragma once

#include "base/async/asio.h"
#include "proxy/steer/netlink.h"

#include <functional>
#include <memory>

namespace wherry::steer {

/// Hears what the kernel tells of its network stack: one netlink socket that is in groups
/// (RTMGRP_LINK, ...).
///
/// Control thread only. Where netlink is closed to the process it stays silent. May be destroyed
/// whenever none of its functions runs.
class NetlinkWatch {
 public:
  struct Listener {
    std::function<void(const NetlinkAnswer&)> on_message;
    /// Messages were lost (ENOBUFS): anything may have changed.
    std::function<void()> on_loss;
    /// All that was there has been handed over. May stop() the watch, not destroy it.
    std::function<void()> on_end;
  };
  NetlinkWatch(asio::io_context& loop, unsigned groups, Listener listener);
  ~NetlinkWatch();

  void start();
  void stop() noexcept;

 private:
  class Descriptor;
  void wait();
  void read_all();

  const Listener listener_;
  std::unique_ptr<Descriptor> descriptor_;
};

/// What of the network has changed, as far as steering depends on it.
struct NetworkChange {
  bool interfaces = false;  ///< came, went, were renamed, went up or down
  bool addresses = false;
  bool routes = false;        ///< unicast ones, of whomever
  bool local_routes = false;  ///< what makes addresses this machine's, and it was not us

  friend bool operator==(const NetworkChange&, const NetworkChange&) = default;
};

/// Says what changes in this network namespace (rtnetlink(7)), but for what a given socket of ours
/// (NetlinkSocket::port()) did to local routes: ten thousand of those would be ten thousand reasons
/// to look at everything. Port 0 is nobody's: everything is told then.
///
/// Control thread only. Called once for all that has changed meanwhile. Where netlink is closed to
/// the process it stays silent. May be stopped by what it calls.
class NetworkWatch {
 public:
  NetworkWatch(asio::io_context& loop, std::uint32_t own_port,
               std::function<void(const NetworkChange&)> on_change);

  void start() { watch_.start(); }
  void stop() noexcept { watch_.stop(); }

 private:
  void look_at(const NetlinkAnswer& message);

  const std::uint32_t own_port_;
  const std::function<void(const NetworkChange&)> on_change_;
  NetworkChange change_;
  NetlinkWatch watch_;
};

}  // namespace wherry::steer
