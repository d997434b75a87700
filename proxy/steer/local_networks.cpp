#include "proxy/steer/local_networks.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

namespace wherry::steer {
namespace {

constexpr std::array<std::string_view, 5> kPodKinds = {"veth", "bridge", "netkit", "tun",
                                                       "openvswitch"};

bool is_pod_kind(const Interface& interface) {
  return std::find(kPodKinds.begin(), kPodKinds.end(), interface.kind) != kPodKinds.end();
}

bool has_any(const Interface& interface, std::span<const IpAddress> addresses) {
  return std::any_of(
      interface.addresses.begin(), interface.addresses.end(),
      [&addresses](const InterfaceAddress& each) { return is_among(each.ip, addresses); });
}

/// Interfaces behind which pods of this node are, and nobody else.
std::set<unsigned> pod_interfaces(const NetworkState& now,
                                  std::span<const IpAddress> node_addresses) {
  std::set<unsigned> found;
  if (node_addresses.empty()) return found;
  for (const Interface& each : now.interfaces) {
    if (is_pod_kind(each) && !has_any(each, node_addresses)) found.insert(each.index);
  }
  for (const UnicastRoute& route : now.routes) {
    if (route.destination.prefix_length() == 0) found.erase(route.interface);
  }
  // A bridge with a port to the outside joins the pods to a network of others.
  for (const Interface& each : now.interfaces) {
    if (each.master != 0 && !is_pod_kind(each)) found.erase(each.master);
  }
  return found;
}

bool is_link_local(const Cidr& block) {
  static const Cidr v4 = *Cidr::parse("169.254.0.0/16");
  static const Cidr v6 = *Cidr::parse("fe80::/10");
  return v4.contains(block.base()) || v6.contains(block.base());
}

}  // namespace

balancer::LocalNetworks local_networks(const NetworkState& now, std::span<const Cidr> pod_cidrs,
                                       std::span<const IpAddress> node_addresses) {
  std::vector<Cidr> pods(pod_cidrs.begin(), pod_cidrs.end());
  const std::set<unsigned> interfaces = pod_interfaces(now, node_addresses);
  for (const UnicastRoute& route : now.routes) {
    if (route.has_gateway || !interfaces.contains(route.interface)) continue;
    const Cidr& block = route.destination;
    if (is_link_local(block) || block.base().is_multicast()) continue;
    pods.push_back(block);
  }
  std::vector<IpAddress> own(node_addresses.begin(), node_addresses.end());
  for (const Interface& each : now.interfaces) {
    for (const InterfaceAddress& address : each.addresses) own.push_back(address.ip);
  }
  std::sort(own.begin(), own.end());
  own.erase(std::unique(own.begin(), own.end()), own.end());
  return {pods, own};
}

}  // namespace wherry::steer
