#include "proxy/steer/route_keeper.h"

#include <algorithm>
#include <utility>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

bool covers(const Cidr& outer, const Cidr& inner) {
  return outer.prefix_length() <= inner.prefix_length() && outer.contains(inner.base());
}

std::string remedy_for(const NetlinkFailure& failure) {
  if (failure.code == errc::operation_not_permitted) {
    return "; give wherry the capability CAP_NET_ADMIN in this network namespace";
  }
  if (failure.code == errc::network_down || failure.code == errc::no_such_device) {
    return "; bring the interface lo up";
  }
  return "; it is tried again at every check";
}

}  // namespace

void RouteKeeper::want(const RouteChange& change) {
  for (const IpAddress& vip : change.remove) vips_.erase(vip);
  vips_.insert(change.add.begin(), change.add.end());
  const bool is_all_new = change.service_cidrs || change.node_addresses;
  if (change.service_cidrs) service_cidrs_ = *change.service_cidrs;
  if (change.node_addresses) node_addresses_ = *change.node_addresses;
  if (!has_checked_) return;
  if (is_all_new) {
    choose_blocks();
    reconcile(all_wanted());
    return;
  }
  std::vector<LocalRoute> missing;
  std::vector<Cidr> superfluous;
  for (const IpAddress& vip : change.add) {
    const auto route = route_for(vip);
    if (route && !installed_.contains(key_of(route->destination))) missing.push_back(*route);
  }
  for (const IpAddress& vip : change.remove) {
    const Cidr own = Cidr::of(vip);
    failed_.erase(key_of(own));
    const bool is_block = std::find(blocks_.begin(), blocks_.end(), own) != blocks_.end();
    if (!vips_.contains(vip) && !is_block && installed_.contains(key_of(own))) {
      superfluous.push_back(own);
    }
  }
  put(missing);
  remove(superfluous);
}

Result<RouteCheck> RouteKeeper::check(const NetworkState& now) {
  const auto found = routes_.list();
  if (!found) return found.error();
  own_.clear();
  tentative_.clear();
  now_ = now;
  for (const Interface& each : now.interfaces) {
    for (const InterfaceAddress& address : each.addresses) {
      own_.insert(address.ip);
      if (address.is_tentative) tentative_.insert(address.ip);
    }
  }
  const Routes believed = std::exchange(installed_, {});
  for (const LocalRoute& route : *found)
    installed_.insert_or_assign(key_of(route.destination), route);
  choose_blocks();
  const Routes wanted = all_wanted();

  RouteCheck result;
  for (const auto& [key, route] : wanted) {
    const auto there = installed_.find(key);
    const auto before = believed.find(key);
    const bool was_right = before != believed.end() && before->second == route;
    const bool is_right = there != installed_.end() && there->second == route;
    if (was_right && !is_right) ++result.restored;
  }
  for (const auto& [key, route] : installed_) {
    if (!wanted.contains(key) && !believed.contains(key)) ++result.removed;
  }
  has_checked_ = true;
  reconcile(wanted);
  return result;
}

std::vector<RouteProblem> RouteKeeper::remove_all() {
  std::vector<RouteProblem> left;
  std::vector<Cidr> all;
  const auto found = routes_.list();
  if (found) {
    for (const LocalRoute& route : *found) all.push_back(route.destination);
  } else {
    // Those that are known can go all the same.
    for (const auto& [key, route] : installed_) all.push_back(route.destination);
  }
  for (const RouteFailure& failure : routes_.remove(all)) {
    left.push_back({failure.route.destination,
                    "the kernel does not remove the route: " + failure.why.to_string() +
                        remedy_for(failure.why)});
  }
  installed_.clear();
  failed_.clear();
  has_checked_ = false;
  return left;
}

std::vector<RouteProblem> RouteKeeper::problems() const {
  std::vector<RouteProblem> all = refused_;
  for (const auto& [key, problem] : failed_) all.push_back(problem);
  return all;
}

/// Of the service CIDRs: without those that lie in another, and those that would take a network
/// away from the node.
void RouteKeeper::choose_blocks() {
  blocks_.clear();
  refused_.clear();
  for (const Cidr& cidr : service_cidrs_) {
    if (const std::string inside = network_in(cidr); !inside.empty()) {
      refused_.push_back({cidr, "the service CIDR holds " + inside +
                                    ", and gets no route, which would cut the node off there; its "
                                    "Services get one route each. Name the cluster's real service "
                                    "CIDR (--service-cidr)"});
      continue;
    }
    const bool is_inside =
        std::any_of(service_cidrs_.begin(), service_cidrs_.end(),
                    [&cidr](const Cidr& other) { return !(other == cidr) && covers(other, cidr); });
    const bool is_twice = std::find(blocks_.begin(), blocks_.end(), cidr) != blocks_.end();
    if (!is_inside && !is_twice) blocks_.push_back(cidr);
  }
}

/// What of the node's networks lies in a block, for a sentence; nothing where none does.
std::string RouteKeeper::network_in(const Cidr& cidr) const {
  for (const Interface& interface : now_.interfaces) {
    for (const InterfaceAddress& address : interface.addresses) {
      const bool is_network = !(Cidr::of(address.ip).prefix_length() == address.prefix_length);
      const bool is_node = is_among(address.ip, node_addresses_);
      // A single address of another kind is a VIP that a DNS cache or an IPVS proxy has put on an
      // interface of its own.
      if ((is_network || is_node) && cidr.contains(address.ip)) {
        return "the address " + address.ip.to_string() + '/' +
               std::to_string(address.prefix_length) + " of " + interface.name;
      }
    }
  }
  for (const UnicastRoute& route : now_.routes) {
    // A way to the whole block, or by a gateway, is no network of this node's.
    if (!route.has_gateway && covers(cidr, route.destination) && !(cidr == route.destination)) {
      return "the network " + route.destination.to_string() + ", which is on this node's link";
    }
  }
  return {};
}

std::optional<LocalRoute> RouteKeeper::route_for(const IpAddress& vip) const {
  if (vip.is_unspecified() || vip.is_loopback() || vip.is_multicast()) return std::nullopt;
  if (own_.contains(vip) || is_in_any(vip, blocks_)) return std::nullopt;
  const Cidr destination = Cidr::of(vip);
  return LocalRoute{destination, source_for(destination)};
}

/// The kernel takes no source that is not an address of this machine, or not yet (IPv6).
std::optional<IpAddress> RouteKeeper::source_for(const Cidr& destination) const {
  for (const IpAddress& address : node_addresses_) {
    if (address.family() == destination.family() && own_.contains(address) &&
        !tentative_.contains(address)) {
      return address;
    }
  }
  return std::nullopt;
}

RouteKeeper::Routes RouteKeeper::all_wanted() const {
  Routes wanted;
  for (const Cidr& block : blocks_) {
    wanted.insert_or_assign(key_of(block), LocalRoute{block, source_for(block)});
  }
  for (const IpAddress& vip : vips_) {
    if (const auto route = route_for(vip)) {
      wanted.insert_or_assign(key_of(route->destination), *route);
    }
  }
  return wanted;
}

/// New routes come before old ones go: a block may take over what VIPs had for themselves.
void RouteKeeper::reconcile(const Routes& wanted) {
  std::erase_if(failed_, [&wanted](const auto& each) { return !wanted.contains(each.first); });
  std::vector<LocalRoute> missing;
  for (const auto& [key, route] : wanted) {
    const auto there = installed_.find(key);
    if (there == installed_.end() || !(there->second == route)) missing.push_back(route);
  }
  std::vector<Cidr> superfluous;
  for (const auto& [key, route] : installed_) {
    if (!wanted.contains(key)) superfluous.push_back(route.destination);
  }
  put(missing);
  remove(superfluous);
}

void RouteKeeper::put(const std::vector<LocalRoute>& routes) {
  if (routes.empty()) return;
  for (const LocalRoute& route : routes) {
    installed_.insert_or_assign(key_of(route.destination), route);
    failed_.erase(key_of(route.destination));
  }
  for (const RouteFailure& failure : routes_.put(routes)) {
    const Cidr& destination = failure.route.destination;
    installed_.erase(key_of(destination));
    failed_.insert_or_assign(
        key_of(destination),
        RouteProblem{destination,
                     "the kernel does not take the route \"local " + destination.to_string() +
                         " dev lo\": " + failure.why.to_string() + remedy_for(failure.why)});
  }
}

void RouteKeeper::remove(const std::vector<Cidr>& destinations) {
  if (destinations.empty()) return;
  for (const Cidr& destination : destinations) installed_.erase(key_of(destination));
  // What could not be removed is found again by the next check().
  for (const RouteFailure& failure : routes_.remove(destinations)) {
    const Cidr& destination = failure.route.destination;
    failed_.insert_or_assign(
        key_of(destination),
        RouteProblem{destination, "the kernel does not remove the route: " +
                                      failure.why.to_string() + remedy_for(failure.why)});
  }
}

}  // namespace wherry::steer
