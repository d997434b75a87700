#include "proxy/steer/node_network.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace wherry::steer {
namespace {

/// Where kube-proxy's IPVS mode puts all VIPs.
constexpr std::string_view kIpvsInterface = "kube-ipvs0";

constexpr std::array<std::string_view, 14> kTunnels{
    "vxlan",  "geneve", "wireguard", "ipip", "ip6tnl", "sit",  "gre",
    "gretap", "ip6gre", "ip6gretap", "vti",  "vti6",   "xfrm", "tun"};

/// The blocks that the rule comes to; those of a family that it says nothing of are missing.
std::vector<Cidr> blocks_of(const NodePortRule& rule,
                            const std::vector<IpAddress>& node_addresses) {
  std::vector<Cidr> blocks = rule.cidrs;
  if (!rule.primary) return blocks;
  for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
    const auto first =
        std::find_if(node_addresses.begin(), node_addresses.end(),
                     [family](const IpAddress& each) { return each.family() == family; });
    if (first != node_addresses.end() && !first->is_loopback()) blocks.push_back(Cidr::of(*first));
  }
  return blocks;
}

bool is_tunnel(const Interface& interface) {
  return std::find(kTunnels.begin(), kTunnels.end(), interface.kind) != kTunnels.end();
}

/// Whether a socket can listen there that names no link.
bool is_free_to_bind(const InterfaceAddress& address) {
  const bool needs_link = address.is_link_local && address.ip.family() == IpFamily::IPv6;
  return !needs_link && !address.is_tentative;
}

/// Every interface has these, whoever is behind it.
bool is_of_every_link(const Cidr& destination) {
  return destination.base().is_multicast() ||
         (destination.family() == IpFamily::IPv6 && destination.base().bytes()[0] == 0xfe &&
          (destination.base().bytes()[1] & 0xc0) == 0x80);
}

}  // namespace

std::vector<IpAddress> node_port_addresses(const NetworkState& network, const NodePortRule& rule,
                                           const std::vector<IpAddress>& node_addresses) {
  const auto blocks = blocks_of(rule, node_addresses);
  std::set<IpAddress> found;
  for (const Interface& interface : network.interfaces) {
    if (interface.name == kIpvsInterface) continue;
    for (const InterfaceAddress& address : interface.addresses) {
      const IpFamily family = address.ip.family();
      const bool is_free = std::none_of(blocks.begin(), blocks.end(), [family](const Cidr& each) {
        return each.family() == family;
      });
      if (!address.ip.is_loopback() && (is_free || is_in_any(address.ip, blocks))) {
        found.insert(address.ip);
      }
    }
  }
  return {found.begin(), found.end()};
}

std::set<IpAddress> health_check_addresses(const NetworkState& network, const NodePortRule& rule,
                                           const std::vector<IpAddress>& node_addresses) {
  const auto blocks = blocks_of(rule, node_addresses);
  std::set<IpAddress> found;
  for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
    const auto is_of_family = [family](const Cidr& each) { return each.family() == family; };
    // 0.0.0.0/0 and ::/0 are what kube-proxy has for "all".
    const auto is_all = [&](const Cidr& each) {
      return is_of_family(each) && each.prefix_length() == 0;
    };
    if (std::none_of(blocks.begin(), blocks.end(), is_of_family) ||
        std::any_of(blocks.begin(), blocks.end(), is_all)) {
      found.insert(IpAddress::any(family));
    }
  }
  for (const Interface& interface : network.interfaces) {
    if (interface.name == kIpvsInterface) continue;
    for (const InterfaceAddress& address : interface.addresses) {
      const bool is_covered = found.contains(IpAddress::any(address.ip.family()));
      if (!is_covered && is_free_to_bind(address) && is_in_any(address.ip, blocks)) {
        found.insert(address.ip);
      }
    }
  }
  return found;
}

std::vector<IpAddress> node_port_listen_addresses(IpFamily family, const NetworkState& network,
                                                  const NodePortRule& rule,
                                                  const std::vector<IpAddress>& node_addresses) {
  std::set<IpAddress> found = health_check_addresses(network, rule, node_addresses);
  std::erase_if(found, [family](const IpAddress& each) { return each.family() != family; });
  if (!found.contains(IpAddress::any(family))) found.insert(IpAddress::loopback(family));
  return {found.begin(), found.end()};
}

PodNetwork pod_network(const NetworkState& network, const std::vector<IpAddress>& node_addresses) {
  std::set<unsigned> candidates;
  for (const Interface& interface : network.interfaces) {
    const bool is_nodes = std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                      [&node_addresses](const InterfaceAddress& each) {
                                        return is_among(each.ip, node_addresses);
                                      });
    if (!interface.is_loopback && !is_nodes && !is_tunnel(interface)) {
      candidates.insert(interface.index);
    }
  }
  for (const UnicastRoute& route : network.routes) {
    if (route.destination.prefix_length() == 0) candidates.erase(route.interface);
  }
  std::set<unsigned> with_pods;
  PodNetwork pods;
  for (const UnicastRoute& route : network.routes) {
    if (route.has_gateway || !candidates.contains(route.interface) ||
        is_of_every_link(route.destination)) {
      continue;
    }
    with_pods.insert(route.interface);
    const bool is_known =
        std::find(pods.blocks.begin(), pods.blocks.end(), route.destination) != pods.blocks.end();
    if (!is_known) pods.blocks.push_back(route.destination);
  }
  pods.interfaces.assign(with_pods.begin(), with_pods.end());
  return pods;
}

}  // namespace wherry::steer
