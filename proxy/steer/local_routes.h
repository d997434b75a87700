#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace wherry::steer {

/// Whose a route or a rule is (rtm_protocol, FRA_PROTOCOL): 87 is nobody's in the kernel's list
/// (linux/rtnetlink.h) nor in iproute2's. `ip route show table local proto 87` lists ours.
inline constexpr std::uint8_t kRouteProtocol = 87;

/// Of our routes. The metric is part of a route's identity: with one of our own, adding, replacing
/// and removing can't meet anybody else's route to the same addresses. The kernel's routes to the
/// node's own addresses have 0 and come before ours.
inline constexpr std::uint32_t kRouteMetric = 87;

/// An AnyIP route of ours: packets to these addresses are for this machine
/// (`ip route add local DESTINATION dev lo`).
struct LocalRoute {
  Cidr destination;
  /// Where this machine's own connections to there come from; without it they would come from the
  /// very address that they go to.
  std::optional<IpAddress> source;

  friend bool operator==(const LocalRoute&, const LocalRoute&) = default;
};

struct RouteFailure {
  LocalRoute route;
  NetlinkFailure why;
};

/// The AnyIP routes of ours that the kernel has. One thread.
class LocalRoutes {
 public:
  virtual ~LocalRoutes() = default;

  [[nodiscard]] virtual Result<std::vector<LocalRoute>> list() = 0;
  /// Adds routes, or gives those that are there another source, in one step each.
  [[nodiscard]] virtual std::vector<RouteFailure> put(std::span<const LocalRoute> routes) = 0;
  /// Removes routes of ours; one that is not there is no failure.
  [[nodiscard]] virtual std::vector<RouteFailure> remove(std::span<const Cidr> destinations) = 0;
};

/// Through rtnetlink, in the namespace that the socket is in. Changing needs CAP_NET_ADMIN.
class NetlinkLocalRoutes final : public LocalRoutes {
 public:
  explicit NetlinkLocalRoutes(NetlinkSocket& netlink) : netlink_(netlink) {}

  [[nodiscard]] Result<std::vector<LocalRoute>> list() override;
  [[nodiscard]] std::vector<RouteFailure> put(std::span<const LocalRoute> routes) override;
  [[nodiscard]] std::vector<RouteFailure> remove(std::span<const Cidr> destinations) override;

 private:
  [[nodiscard]] error_code list(IpFamily ip_family, std::vector<LocalRoute>& into);

  NetlinkSocket& netlink_;
};

}  // namespace wherry::steer
