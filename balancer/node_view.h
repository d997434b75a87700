#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "watcher/model/node.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::balancer {

/// Where this process runs, as far as the choice of endpoints depends on it.
struct NodeTopology {
  std::string node_name;  ///< of the Node: endpoints with this nodeName are local (E3)
  std::string zone;       ///< label topology.kubernetes.io/zone; empty: no zone mode (E13)

  friend bool operator==(const NodeTopology&, const NodeTopology&) = default;
};

/// This node, as far as decisions depend on it.
struct NodeView {
  NodeTopology topology;
  std::vector<IpAddress> addresses;  ///< the first of each family is the node's address (W10)
  std::vector<Cidr> pod_cidrs;       ///< where this node's pods are
  /// Whose TCP connections begin with a PROXY header that says who the client is.
  std::vector<Cidr> proxies{};
  /// Of other Nodes, as far as they are known, sorted: whoever sends there means them.
  std::vector<IpAddress> other_nodes{};

  /// The node's address in a family, if it has one.
  [[nodiscard]] std::optional<IpAddress> address(IpFamily family) const;

  friend bool operator==(const NodeView&, const NodeView&) = default;
};

/// A Node of the API as its own proxy sees it; `node` is null where there is no such Node. The
/// name is the one that this process was given: the Node's own, or what endpoints have to match.
[[nodiscard]] NodeView view_of(const model::Node* node, std::string node_name);

/// Whether a peer's connections are somebody else's, of whom a PROXY header tells. Pure.
[[nodiscard]] bool speaks_for_others(const IpAddress& peer, const NodeView& node);

/// Who a client is. Short circuits (E8) depend on it.
enum class ClientKind : std::uint8_t {
  Outside,  ///< not on this node; pods of other nodes too
  Node,     ///< this node itself
  Pod,      ///< a pod of this node
};

/// "outside", "node" or "pod".
[[nodiscard]] std::string_view to_string(ClientKind kind) noexcept;

/// Who a client with this address is that connected to `destination`. What comes from the address
/// that it goes to comes from this machine. The node's own addresses come before its pods' blocks.
/// Pure.
[[nodiscard]] ClientKind client_kind(const IpAddress& client, const IpAddress& destination,
                                     const NodeView& node);

}  // namespace wherry::balancer
