#pragma once

#include "balancer/backend_table.h"
#include "base/async/timers.h"
#include "base/metrics.h"
#include "proxy/steer/bind_steering.h"
#include "proxy/steer/node_claims.h"
#include "proxy/steer/repair_log.h"
#include "proxy/steer/steered_network.h"
#include "proxy/steer/steering.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

/// Steering `node` where the kernel takes no program: the same routes, and a listener of its own
/// for each address and port of a Service.
///
/// Control thread only. What it lacks, and says at start: processes of the host that listen on the
/// wildcard address are reached at Services' addresses too, and so is whoever listens there at
/// their other ports (E10); wherry.io/port-range has no effect; sockets grow with Services.
class RoutedSteering final : public Steering {
 public:
  RoutedSteering(std::vector<IpFamily> families, std::vector<Cidr> service_cidrs,
                 SteeredNetwork& network, Timers& timers, std::unique_ptr<BindSteering> listeners);

  void apply(std::shared_ptr<const balancer::BackendTable> next) override;
  void addresses_changed() override;
  void set_service_cidrs(const std::vector<Cidr>& cidrs) override;
  void stop() noexcept override;
  void undo() noexcept override;

  [[nodiscard]] std::string mode() const override { return "node"; }
  [[nodiscard]] std::vector<SocketAddress> listening(balancer::ServicePortId id) const override {
    return listeners_->listening(id);
  }
  [[nodiscard]] std::optional<balancer::Entrance> entrance(
      Protocol protocol, const SocketAddress& address) const override {
    return listeners_->entrance(protocol, address);
  }
  /// Where nobody listens nothing is served, whatever a Service says: its NodePort at an address
  /// that --nodeport-addresses leaves out.
  [[nodiscard]] bool is_complete() const override { return true; }
  [[nodiscard]] bool passes(const IpAddress& address) const override;
  [[nodiscard]] std::vector<std::string> problems() const override;
  [[nodiscard]] std::vector<std::string> not_carried() const override {
    return listeners_->not_carried();
  }
  [[nodiscard]] std::size_t open_addresses() const noexcept override {
    return listeners_->open_addresses();
  }
  [[nodiscard]] std::size_t open_sockets() const noexcept override {
    return listeners_->open_sockets();
  }
  [[nodiscard]] bool carries_udp() const noexcept override { return listeners_->carries_udp(); }
  [[nodiscard]] std::uint64_t filter_failures() const noexcept override {
    return listeners_->filter_failures();
  }
  void collect(MetricFamilies& into) const override;

 private:
  void refresh_routes();
  void wait_for_check();
  void check();

  const std::vector<Cidr> given_cidrs_;
  SteeredNetwork& network_;
  Timers& timers_;
  const std::unique_ptr<BindSteering> listeners_;
  NodeClaims claims_;  ///< which addresses Services have
  std::shared_ptr<const balancer::BackendTable> table_;
  std::vector<Cidr> cluster_cidrs_;
  RepairLog repairs_;
  Timer check_;
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace wherry::steer
