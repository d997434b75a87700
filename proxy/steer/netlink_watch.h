#pragma once

#include "base/async/asio.h"
#include "proxy/steer/netlink.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

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
  /// What of ours brings answers to clients' addresses back (ReturnPath: rules, their route,
  /// filters and the qdiscs below) was removed or replaced, and it was not us.
  bool return_path = false;

  friend bool operator==(const NetworkChange&, const NetworkChange&) = default;
};

/// Says what changes in this network namespace (rtnetlink(7)), but for what given sockets of ours
/// (NetlinkSocket::port()) did to local routes, rules and filters: ten thousand of those would be
/// ten thousand reasons to look at everything, and each repair one for the next. Port 0 is
/// nobody's: everything is told then. Of rules and filters only what takes ours away is told:
/// others' come and go with every pod.
///
/// Control thread only. Called once for all that has changed meanwhile. Where netlink is closed to
/// the process it stays silent. May be stopped by what it calls.
class NetworkWatch {
 public:
  NetworkWatch(asio::io_context& loop, std::uint32_t own_port,
               std::function<void(const NetworkChange&)> on_change);

  /// What this socket does is ours, too. Before start().
  void pass_over(std::uint32_t own_port);

  void start() { watch_.start(); }
  void stop() noexcept { watch_.stop(); }

 private:
  void look_at(const NetlinkAnswer& message);
  void look_at_route(const NetlinkAnswer& message);
  [[nodiscard]] bool is_ours(const NetlinkAnswer& message) const;

  std::vector<std::uint32_t> own_ports_;
  const std::function<void(const NetworkChange&)> on_change_;
  NetworkChange change_;
  NetlinkWatch watch_;
};

}  // namespace wherry::steer
