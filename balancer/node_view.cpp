#include "balancer/node_view.h"

#include <algorithm>
#include <utility>

namespace wherry::balancer {

std::optional<IpAddress> NodeView::address(IpFamily family) const {
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const IpAddress& each) { return each.family() == family; });
  return found == addresses.end() ? std::nullopt : std::optional(*found);
}

NodeView view_of(const model::Node* node, std::string node_name) {
  NodeView view;
  view.topology.node_name = std::move(node_name);
  if (node == nullptr) return view;
  view.topology.zone = node->zone();
  view.addresses = node->addresses;
  view.pod_cidrs = node->pod_cidrs;
  return view;
}

bool speaks_for_others(const IpAddress& peer, const NodeView& node) {
  return is_in_any(peer, node.proxies);
}

std::string_view to_string(ClientKind kind) noexcept {
  switch (kind) {
    case ClientKind::Outside:
      return "outside";
    case ClientKind::Node:
      return "node";
    case ClientKind::Pod:
      return "pod";
  }
  return "?";
}

ClientKind client_kind(const IpAddress& client, const IpAddress& destination,
                       const NodeView& node) {
  if (client.is_loopback() || client == destination) return ClientKind::Node;
  if (is_among(client, node.addresses)) return ClientKind::Node;
  return is_in_any(client, node.pod_cidrs) ? ClientKind::Pod : ClientKind::Outside;
}

}  // namespace wherry::balancer
