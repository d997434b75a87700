#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "proxy/steer/interfaces.h"

#include <set>
#include <vector>

/// What a node's network says of its Services' clients and of its NodePorts. Pure.
namespace wherry::steer {

/// On which addresses of this machine NodePorts are served (F2).
struct NodePortRule {
  bool primary = false;       ///< on the Node's own
  std::vector<Cidr> cidrs{};  ///< and on those in here
};

/// The addresses of this machine's interfaces where NodePorts are served, in order. A family for
/// which the rule says nothing has all of its addresses there. Those of loopback are left out: they
/// serve NodePorts always (F3). So are VIPs that an IPVS proxy has left on its interface.
[[nodiscard]] std::vector<IpAddress> node_port_addresses(
    const NetworkState& network, const NodePortRule& rule,
    const std::vector<IpAddress>& node_addresses);

/// Where the health check node ports of Services listen (H3): of each family its wildcard, or,
/// where the rule says something of it, the addresses of this machine's interfaces that it names.
/// Loopback is among these if it is named. Link-local addresses of IPv6 never are, for one has to
/// name the link to listen there; nor are those that duplicate address detection still looks at.
[[nodiscard]] std::set<IpAddress> health_check_addresses(
    const NetworkState& network, const NodePortRule& rule,
    const std::vector<IpAddress>& node_addresses);

/// Where NodePorts of a family listen, each with sockets of its own, for want of a program that
/// leads them (F2): where health checks do, for what can't be bound there can't be here, and on
/// loopback.
[[nodiscard]] std::vector<IpAddress> node_port_listen_addresses(
    IpFamily family, const NetworkState& network, const NodePortRule& rule,
    const std::vector<IpAddress>& node_addresses);

/// Where this node's pods are.
struct PodNetwork {
  std::vector<unsigned> interfaces{};  ///< their indices, in order
  std::vector<Cidr> blocks{};          ///< what is routed to them

  friend bool operator==(const PodNetwork&, const PodNetwork&) = default;
};

/// Pods are what is routed on-link over an interface that carries no address of the Node and no
/// default route. Tunnels are left out: what is on-link there is another node's.
[[nodiscard]] PodNetwork pod_network(const NetworkState& network,
                                     const std::vector<IpAddress>& node_addresses);

}  // namespace wherry::steer
