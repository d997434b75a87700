#include "balancer/client_filter.h"

namespace wherry::balancer {
namespace {

Verdict verdict_of(const ServicePortEntry& entry, AddressKind kind, ClientKind client) {
  const Decision* decision = decision_for(entry, kind, client);
  return decision == nullptr ? Verdict::Reject : decision->verdict;
}

/// What client_kind() takes for this node or its pods.
std::vector<Cidr> blocks_of(const NodeView& node) {
  std::vector<Cidr> blocks{*Cidr::parse("127.0.0.0/8"),
                           Cidr::of(IpAddress::loopback(IpFamily::IPv6))};
  for (const IpAddress& address : node.addresses) blocks.push_back(Cidr::of(address));
  blocks.insert(blocks.end(), node.pod_cidrs.begin(), node.pod_cidrs.end());
  return blocks;
}

}  // namespace

bool ClientFilter::answers(const IpAddress& client, const IpAddress& destination) const {
  if (nobody) return false;
  if (is_in_any(client, proxies)) return true;
  if (node_only && client != destination && !is_in_any(client, this->node)) return false;
  return !ranges || is_in_any(client, *ranges);
}

bool is_served(const ServicePortEntry& entry, AddressKind kind) {
  return verdict_of(entry, kind, ClientKind::Outside) != Verdict::Reject ||
         verdict_of(entry, kind, ClientKind::Node) != Verdict::Reject;
}

ClientFilter client_filter(const ServicePortEntry& entry, AddressKind kind, const NodeView& node) {
  ClientFilter filter;
  const Verdict outside = verdict_of(entry, kind, ClientKind::Outside);
  const Verdict inside = verdict_of(entry, kind, ClientKind::Node);
  filter.nobody = outside == Verdict::Drop && inside == Verdict::Drop;
  if (filter.nobody) return filter;
  filter.node_only = outside == Verdict::Drop;
  if (filter.node_only) filter.node = blocks_of(node);
  if (source_ranges_count(entry.service_port, kind)) {
    filter.ranges = allowed_sources(entry.service_port, node);
  }
  // Only a TCP connection begins with a header.
  if (!filter.everybody() && entry.service_port.key.protocol == Protocol::TCP) {
    filter.proxies = node.proxies;
  }
  return filter;
}

}  // namespace wherry::balancer
