#pragma once

#include "balancer/backend_table.h"
#include "balancer/node_view.h"
#include "balancer/source_filter.h"

namespace wherry::balancer {

/// A way into a service port: what listeners and kernel maps lead to.
struct Entrance {
  Entrance() = default;
  Entrance(ServicePortId id,
           AddressKind of = AddressKind::ClusterIp)  // NOLINT(google-explicit-constructor)
      : service_port(id), kind(of) {}

  ServicePortId service_port;
  AddressKind kind = AddressKind::ClusterIp;
  /// The kernel has looked at who the client is (the sk_lookup program), and keeps away whom the
  /// verdict or the source ranges do: of connections; of datagrams it refuses none that may belong
  /// to a flow (U2). Of the way in, not of the service port: whoever leads the kernel here sets it.
  bool is_judged = false;

  friend auto operator<=>(const Entrance&, const Entrance&) = default;
};

/// The decision about traffic to one kind of address from one kind of client (E6 to E8); nullptr
/// where the service port has no such address (any more).
[[nodiscard]] const Decision* decision_for(const ServicePortEntry& entry, AddressKind kind,
                                           ClientKind client);

/// What becomes of one connection.
struct ConnectionVerdict {
  Verdict verdict = Verdict::Reject;
  Reason reason = Reason::NoEndpoints;
  const Decision* decision = nullptr;  ///< the entry's; null where there is none
};

/// The whole rule for one connection: the decision for its kind, and the source ranges, which turn
/// a forward into a drop; what nobody serves is rejected before anything else (E9 over F1). Pure.
[[nodiscard]] ConnectionVerdict verdict_for(const ServicePortEntry& entry, AddressKind kind,
                                            ClientKind client_is, const IpAddress& client,
                                            const NodeView& node);

/// Who asks for what: all that the verdict on a connection or flow depends on, as its carrier knows
/// it.
struct Asking {
  Entrance entrance;
  IpAddress client;
  IpAddress asked;          ///< of this machine's addresses, the one that the client connected to
  bool is_proxied = false;  ///< a PROXY header names the client: the kernel has looked at another
  /// Who it is by the interface that it came in by, where that is known: counts for whom addresses
  /// take for an outsider (F7).
  ClientKind by_interface = ClientKind::Outside;
};

/// The same rule, for whoever carries. Where the kernel has judged already (Entrance::is_judged) it
/// counts that it let the client in: it sees more than addresses tell, such as the interface by
/// which the client came, and so who is of this node (E8). Pure.
[[nodiscard]] ConnectionVerdict verdict_for(const ServicePortEntry& entry, const Asking& asking,
                                            const NodeView& node);

/// Whether what comes to an address of this kind comes under externalTrafficPolicy Local, so that
/// backends may see clients from outside as they are (ClientAndBackend::external_local). Pure.
[[nodiscard]] bool is_external_local(const ServicePort& service_port, AddressKind kind);

/// Where a client is connected to that asked for a port: the backend; at another port of it where
/// the client asked for another one of the Service's range (port_range.h). Port 0 where that is no
/// port: it can't be connected to. Pure.
[[nodiscard]] SocketAddress dial_address(const ServicePort& service_port, AddressKind kind,
                                         const SocketAddress& backend, std::uint16_t asked);

/// Whether the verdict on connections to an address of this kind depends on who the client is.
[[nodiscard]] bool depends_on_client(const ServicePortEntry& entry, AddressKind kind);

}  // namespace wherry::balancer
