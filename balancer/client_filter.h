#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "base/cidr.h"

#include <optional>
#include <vector>

namespace wherry::balancer {

/// Whose connections to one kind of address of a service port are answered at all, forwarded or
/// refused; those of all others are dropped. It says of every client what verdict_for() says, in a
/// form that a kernel can be given.
struct ClientFilter {
  bool nobody = false;     ///< everything is dropped; the rest does not count
  bool node_only = false;  ///< this node and its pods alone (E7, E8)
  std::vector<Cidr> node;  ///< with node_only: where they are, besides the address itself that a
                           ///< connection goes to
  /// Of these, those in a range; none: all (F1).
  std::optional<std::vector<Cidr>> ranges;

  /// They are answered in any case, unless nobody is: of whom they speak is known only later.
  std::vector<Cidr> proxies{};

  [[nodiscard]] bool everybody() const noexcept { return !nobody && !node_only && !ranges; }
  /// Whether a client is answered that connects to `destination`.
  [[nodiscard]] bool answers(const IpAddress& client, const IpAddress& destination) const;

  friend bool operator==(const ClientFilter&, const ClientFilter&) = default;
};

/// Whether anybody is to be answered or dropped there: false where every client is refused, which
/// the kernel does best by itself.
[[nodiscard]] bool is_served(const ServicePortEntry& entry, AddressKind kind);

/// Pure. Precondition: is_served().
[[nodiscard]] ClientFilter client_filter(const ServicePortEntry& entry, AddressKind kind,
                                         const NodeView& node);

}  // namespace wherry::balancer
