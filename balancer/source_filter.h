#pragma once

#include "balancer/node_view.h"
#include "balancer/service_port.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace wherry::balancer {

/// Which of a service port's addresses a client has connected to.
enum class AddressKind : std::uint8_t { ClusterIp, NodePort, ExternalIp, LoadBalancerIp };

/// "clusterIP", "nodePort", "externalIP" or "loadBalancerIP", as Kubernetes spells the fields.
[[nodiscard]] std::string_view to_string(AddressKind kind) noexcept;

/// Whether a service port's source ranges say who may connect to addresses of this kind: to load
/// balancer IPs alone, or, with --source-ranges-everywhere, to all that are external (F1).
[[nodiscard]] bool source_ranges_count(const ServicePort& service_port, AddressKind kind);

/// Who may, where source_ranges_count(): the ranges themselves, and the service port's own load
/// balancer IPs (with --source-ranges-everywhere its external IPs too) where a range has the node's
/// address in it. A connection of the node to an address that is routed to itself comes from that
/// address (F1). Pure.
[[nodiscard]] std::vector<Cidr> allowed_sources(const ServicePort& service_port,
                                                const NodeView& node);

/// Whether a client may connect to an address of this kind, by the source ranges alone. Pure.
[[nodiscard]] bool source_is_allowed(const ServicePort& service_port, AddressKind kind,
                                     const IpAddress& client, const NodeView& node);

}  // namespace wherry::balancer
