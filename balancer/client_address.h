#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"

#include <span>
#include <vector>

namespace wherry::balancer {

/// Addresses whose packets are known to cross this node, or to belong to it. Immutable; shared by
/// workers.
class LocalNetworks {
 public:
  LocalNetworks() = default;
  /// `pods`: where this node's pods are. `own`: every address of this machine's interfaces.
  LocalNetworks(std::span<const Cidr> pods, std::span<const IpAddress> own);

  /// Whether a pod of this node has the address. Narrower than ClientKind::Pod: the cluster's CIDR
  /// never counts here, because the packets of another node's pod don't come back this way.
  [[nodiscard]] bool has_pod(const IpAddress& address) const;
  [[nodiscard]] bool is_own(const IpAddress& address) const;

  friend bool operator==(const LocalNetworks&, const LocalNetworks&) = default;

 private:
  std::vector<Cidr> pods_;
  std::vector<IpAddress> single_pods_;  ///< sorted: some networks have a route for every pod
  std::vector<IpAddress> own_;          ///< sorted
};

/// A connection or flow, as far as it matters whose address its backend sees.
struct ClientAndBackend {
  IpAddress client;
  IpAddress asked_for;  ///< what the client connected to
  IpAddress backend;
  /// It came to an address for clients from outside, whose Service has externalTrafficPolicy Local.
  bool external_local = false;
};

/// Whether the backend may see the client's own address. That is where the backend's replies are
/// sure to come back through this node from outside of it, so that they can be brought to our
/// socket; else the backend sees the node's address. The rule (F5, F6, E7) is
/// in deploy/operations.md, "Who the client is". Pure.
[[nodiscard]] bool keeps_client_address(const ClientAndBackend& of, const LocalNetworks& networks);

}  // namespace wherry::balancer
