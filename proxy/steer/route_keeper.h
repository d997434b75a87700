#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/interfaces.h"
#include "proxy/steer/local_routes.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

/// Where the addresses are that this machine is to take for its own, and from where it itself
/// connects to them. What is left empty stays as it is.
struct RouteChange {
  std::vector<IpAddress> add{};                      ///< VIPs that a Service has now
  std::vector<IpAddress> remove{};                   ///< VIPs that no Service has any more
  std::optional<std::vector<Cidr>> service_cidrs{};  ///< all of them
  /// The node's address of each family that it has one of.
  std::optional<std::vector<IpAddress>> node_addresses{};
};

/// A block that gets no route, or a route that the kernel did not take, as one would tell an
/// operator.
struct RouteProblem {
  Cidr destination;
  std::string text;  ///< what is wrong, and the remedy

  friend bool operator==(const RouteProblem&, const RouteProblem&) = default;
};

/// What a look at the routes found.
struct RouteCheck {
  std::size_t restored = 0;  ///< ours that somebody had removed or changed
  std::size_t removed = 0;   ///< ours that nobody wants: a crashed predecessor's

  friend bool operator==(const RouteCheck&, const RouteCheck&) = default;
};

/// Keeps the AnyIP routes that bring the traffic of VIPs to this machine (design: steering `node`).
///
/// A service CIDR gets one route, a VIP outside of all of them one of its own. An address that is
/// the node's own gets none: the kernel takes it for its own already, and must go on to do so when
/// the Service is gone. So does a service CIDR that holds the network of one of the node's
/// interfaces: that would cut the node off from it; its VIPs get routes of their own.
///
/// Control thread only. Touches routes of ours only (LocalRoutes). A change costs one request to
/// the kernel for each VIP in it. What fails is a problem() until it works, and is tried again by
/// each check().
class RouteKeeper {
 public:
  explicit RouteKeeper(LocalRoutes& routes) : routes_(routes) {}

  /// Before the first check() nothing is done but to take note: what a predecessor has left is
  /// taken over then, without a gap.
  void want(const RouteChange& change);

  /// Compares with what the kernel has, and makes it so (R7). `now` says which addresses are the
  /// node's own. An error is a list that could not be had: nothing was changed.
  [[nodiscard]] Result<RouteCheck> check(const NetworkState& now);

  /// Removes every route of ours, known or not. For a stop; want() and check() may follow.
  /// Says which routes are left, and why.
  [[nodiscard]] std::vector<RouteProblem> remove_all();

  [[nodiscard]] std::vector<RouteProblem> problems() const;
  [[nodiscard]] std::size_t size() const noexcept { return installed_.size(); }

 private:
  /// Ordered like the addresses, a block before those in it.
  using Key = std::pair<IpAddress, int>;
  using Routes = std::map<Key, LocalRoute>;

  [[nodiscard]] static Key key_of(const Cidr& cidr) { return {cidr.base(), cidr.prefix_length()}; }
  [[nodiscard]] std::optional<LocalRoute> route_for(const IpAddress& vip) const;
  [[nodiscard]] std::optional<IpAddress> source_for(const Cidr& destination) const;
  [[nodiscard]] Routes all_wanted() const;
  void choose_blocks();
  [[nodiscard]] std::string network_in(const Cidr& cidr) const;
  void reconcile(const Routes& wanted);
  void put(const std::vector<LocalRoute>& routes);
  void remove(const std::vector<Cidr>& destinations);

  LocalRoutes& routes_;
  bool has_checked_ = false;
  std::set<IpAddress> vips_;
  std::vector<Cidr> service_cidrs_;
  std::vector<IpAddress> node_addresses_;
  NetworkState now_;         ///< at the last check()
  std::set<IpAddress> own_;  ///< addresses of the node's interfaces
  std::set<IpAddress> tentative_;
  std::vector<Cidr> blocks_;           ///< of service_cidrs_, those that get a route
  std::vector<RouteProblem> refused_;  ///< of service_cidrs_, the others
  Routes installed_;                   ///< what the kernel has, as far as we know
  std::map<Key, RouteProblem> failed_;
};

}  // namespace wherry::steer
