#include "balancer/connection_verdict.h"

namespace wherry::balancer {

const Decision* decision_for(const ServicePortEntry& entry, AddressKind kind, ClientKind client) {
  if (kind == AddressKind::ClusterIp) return &entry.internal;
  if (client != ClientKind::Outside && entry.external_from_node) return &*entry.external_from_node;
  return entry.external ? &*entry.external : nullptr;
}

ConnectionVerdict verdict_for(const ServicePortEntry& entry, AddressKind kind, ClientKind client_is,
                              const IpAddress& client, const NodeView& node) {
  const Decision* decision = decision_for(entry, kind, client_is);
  if (decision == nullptr) return {};
  ConnectionVerdict result{decision->verdict, decision->reason, decision};
  if (decision->verdict == Verdict::Forward &&
      !source_is_allowed(entry.service_port, kind, client, node)) {
    result.verdict = Verdict::Drop;
    result.reason = Reason::SourceRanges;
  }
  return result;
}

ConnectionVerdict verdict_for(const ServicePortEntry& entry, const Asking& asking,
                              const NodeView& node) {
  const AddressKind kind = asking.entrance.kind;
  auto client_is = ClientKind::Outside;
  if (depends_on_client(entry, kind)) {
    client_is = client_kind(asking.client, asking.asked, node);
    if (client_is == ClientKind::Outside) client_is = asking.by_interface;
  }
  const auto verdict = verdict_for(entry, kind, client_is, asking.client, node);
  if (!asking.entrance.is_judged || asking.is_proxied) return verdict;
  if (verdict.reason != Reason::NoLocalEndpoints) return verdict;
  // To whom this is no drop is of this node, and the kernel let in nobody else.
  return verdict_for(entry, kind, ClientKind::Node, asking.client, node);
}

bool is_external_local(const ServicePort& service_port, AddressKind kind) {
  return kind != AddressKind::ClusterIp &&
         service_port.external_policy == model::TrafficPolicy::Local;
}

SocketAddress dial_address(const ServicePort& service_port, AddressKind kind,
                           const SocketAddress& backend, std::uint16_t asked) {
  if (!service_port.port_range || !service_port.port_range->contains(asked)) return backend;
  const std::uint16_t declared =
      kind == AddressKind::NodePort ? service_port.node_port : service_port.port;
  return backend_of_range(backend, declared, asked).value_or(SocketAddress{backend.ip, 0});
}

bool depends_on_client(const ServicePortEntry& entry, AddressKind kind) {
  if (kind == AddressKind::ClusterIp) return false;
  return entry.external_from_node.has_value() || source_ranges_count(entry.service_port, kind);
}

}  // namespace wherry::balancer
