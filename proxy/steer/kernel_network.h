#pragma once

#include "proxy/steer/arp_guard.h"
#include "proxy/steer/interfaces.h"
#include "proxy/steer/local_routes.h"
#include "proxy/steer/netlink.h"
#include "proxy/steer/route_keeper.h"
#include "proxy/steer/steered_network.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace wherry::steer {

/// How this node's pods are told by the interface that they come in by (F7). Both empty: not at
/// all.
struct PodInterfaceRule {
  std::string name;    ///< of the pods' bridge
  std::string prefix;  ///< of the pods' interfaces

  [[nodiscard]] bool matches(const std::string& interface) const;
};

/// This network namespace: RouteKeeper for routes, ArpGuard for ARP.
///
/// Control thread only.
class KernelNetwork final : public SteeredNetwork {
 public:
  /// `left` is what the record of a process before this one says of ARP; `on_owned` is told of what
  /// has to be written down.
  KernelNetwork(PodInterfaceRule pods, ArpMode arp, const std::vector<ArpChange>& left,
                ArpGuard::OnOwned on_owned);

  /// Reads the network anew. False where the kernel does not tell.
  bool refresh();

  [[nodiscard]] std::vector<IpAddress> addresses() const override;
  [[nodiscard]] std::vector<IpAddress> node_port_addresses(
      const NodePortRule& rule, const std::vector<IpAddress>& node_addresses) const override {
    return steer::node_port_addresses(state_, rule, node_addresses);
  }
  [[nodiscard]] std::vector<unsigned> pod_interfaces() const override;
  void configure(const std::vector<Cidr>& service_cidrs,
                 const std::vector<IpAddress>& node_addresses) override;
  void route(const std::vector<IpAddress>& add, const std::vector<IpAddress>& remove) override;
  Repairs check() override;
  [[nodiscard]] std::vector<std::string> problems() const override;
  [[nodiscard]] std::size_t routes() const noexcept override { return keeper_.size(); }
  void undo() noexcept override;

  /// As it was read last: by check(), refresh(), or at the start.
  [[nodiscard]] const NetworkState& state() const noexcept { return state_; }
  /// Whether the last time that it was to be read it could be: state() is older if not.
  [[nodiscard]] bool is_current() const noexcept { return is_current_; }
  /// Who the kernel names as having done what we do to local routes (NetworkWatch).
  [[nodiscard]] std::uint32_t route_port() const noexcept { return netlink_.port(); }

  /// The same, for `wherry cleanup`: what could not be taken back.
  [[nodiscard]] std::vector<std::string> take_back();

 private:
  const PodInterfaceRule pods_;
  NetlinkSocket netlink_;
  NetlinkReader reader_;
  NetlinkLocalRoutes local_routes_;
  NetlinkArpSwitch arp_switch_;
  RouteKeeper keeper_;
  ArpGuard arp_;
  NetworkState state_;
  bool is_current_ = false;
  std::vector<Cidr> service_cidrs_;
  std::vector<IpAddress> node_addresses_;
  std::string unreadable_;  ///< why the network can't be read
};

}  // namespace wherry::steer
