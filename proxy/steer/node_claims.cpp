#include "proxy/steer/node_claims.h"

#include "balancer/source_filter.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <utility>

namespace wherry::steer {
namespace {

using balancer::AddressKind;
using balancer::BackendTable;
using balancer::ClientKind;
using balancer::Entrance;
using balancer::NodeView;
using balancer::PortRange;
using balancer::ServicePort;
using balancer::ServicePortEntry;
using balancer::ServicePortId;
using balancer::Verdict;
using bpf::Destination;
using bpf::Steered;

constexpr std::array kClientKinds = {ClientKind::Outside, ClientKind::Node, ClientKind::Pod};

PortRange ports_of(const Destination& destination) {
  return {destination.port, destination.last_port};
}

bool overlap(const Destination& a, const Destination& b) {
  return ports_of(a).overlaps(ports_of(b));
}

/// What clients ask for at the worker: the wildcard address stands for NodePorts.
IpAddress address_of(const Destination& destination) {
  return destination.ip.value_or(IpAddress::any(destination.family));
}

std::string text_of(const Destination& destination) {
  const std::string ports = ports_of(destination).to_string();
  if (!destination.ip) return "nodePort " + ports;
  return destination.is_range() ? "ports " + ports + " of " + destination.ip->to_string()
                                : SocketAddress{*destination.ip, destination.port}.to_string();
}

/// The same that verdict_for() says of each connection, in a form that a kernel can be given.
Steered steered_by(const ServicePortEntry& entry, AddressKind kind, const NodeView& node) {
  Steered steered;
  for (const ClientKind client : kClientKinds) {
    const balancer::Decision* decision = balancer::decision_for(entry, kind, client);
    steered.by_client[static_cast<std::size_t>(client)] =
        decision == nullptr ? balancer::Verdict::Reject : decision->verdict;
  }
  if (entry.service_port.key.protocol == Protocol::UDP) {
    // Every datagram is asked about, also those of flows that go on: policies and ranges cut none
    // of them (U2). The workers, who know the flows, are silent to the others.
    for (Verdict& verdict : steered.by_client) {
      if (verdict == Verdict::Drop) verdict = Verdict::Forward;
    }
    return steered;
  }
  if (balancer::source_ranges_count(entry.service_port, kind)) {
    steered.sources = balancer::allowed_sources(entry.service_port, node);
    // Of whom they speak is known only once their header was read.
    steered.sources->insert(steered.sources->end(), node.proxies.begin(), node.proxies.end());
  }
  return steered;
}

}  // namespace

NodeClaims::NodeClaims(std::vector<IpFamily> families) : families_(std::move(families)) {}

NodeClaims::Own NodeClaims::own_of(const ServicePortEntry& entry) const {
  const ServicePort& port = entry.service_port;
  Own own;
  own.claimant = {port.created.value_or(WallTime::max()), port.key, entry.id};
  if (port.key.protocol == Protocol::SCTP) {
    own.problem = "SCTP is not carried, only TCP and UDP are";
    own.problem_kind = ListenProblem::Kind::NotCarried;
    return own;
  }
  if (std::find(families_.begin(), families_.end(), port.key.family) == families_.end()) {
    own.problem = "this machine has no " + std::string(to_string(port.key.family));
    own.problem_kind = ListenProblem::Kind::NoFamily;
    return own;
  }
  const auto claim = [&](const std::optional<IpAddress>& ip, PortRange ports, AddressKind kind) {
    const Destination destination{port.key.protocol, port.key.family, ip, ports.first, ports.last};
    const bool is_known = std::any_of(own.claims.begin(), own.claims.end(),
                                      [&](const auto& each) { return each.first == destination; });
    // The first wins, in kube-proxy's order: an external IP that is a load balancer IP too is one.
    if (!is_known) own.claims.emplace_back(destination, kind);
  };
  const auto claim_number = [&](const std::optional<IpAddress>& ip, std::uint16_t number,
                                AddressKind kind) {
    if (ip && (ip->is_unspecified() || ip->is_multicast())) {
      own.problem = ip->to_string() + " can't be an address of a Service; give it another one";
      return;
    }
    claim(ip, PortRange::of(number), kind);
    if (port.port_range && port.port_range->contains(number)) claim(ip, *port.port_range, kind);
  };
  if (port.cluster_ip) claim_number(port.cluster_ip, port.port, AddressKind::ClusterIp);
  if (port.node_port != 0) claim_number(std::nullopt, port.node_port, AddressKind::NodePort);
  for (const IpAddress& ip : port.external_ips)
    claim_number(ip, port.port, AddressKind::ExternalIp);
  for (const IpAddress& ip : port.load_balancer_ips) {
    claim_number(ip, port.port, AddressKind::LoadBalancerIp);
  }
  return own;
}

NodeChange NodeClaims::update(const BackendTable& old, const BackendTable& next) {
  NodeChange change;
  const balancer::TableDiff difference = balancer::diff(old, next);
  Touched touched;
  // What is new first: an address that moves from one service port to another keeps its route.
  for (const ServicePortId id : difference.added) add(*next.find(id), touched);
  for (const ServicePortId id : difference.changed) {
    const ServicePortEntry& entry = *next.find(id);
    const ServicePortEntry* before = old.find(id);
    if (before != nullptr && before->service_port == entry.service_port) {
      // Only its endpoints changed: whoever owned its addresses still does.
      for (const auto& [destination, kind] : own_.at(id).claims) touched.insert(destination);
    } else {
      add(entry, touched);
    }
  }
  for (const ServicePortId id : difference.removed) drop(id, touched);
  const NodeView& was = old.node();
  const NodeView& is = next.node();
  if (was.addresses != is.addresses || was.proxies != is.proxies) {
    // Who is in a source range may depend on the node's address (F1).
    for (const auto& [destination, told] : told_) {
      if (told.steered.sources) touched.insert(destination);
    }
  }
  std::set_symmetric_difference(was.other_nodes.begin(), was.other_nodes.end(),
                                is.other_nodes.begin(), is.other_nodes.end(),
                                std::inserter(moved_, moved_.end()));
  for (const Destination& destination : touched) settle(destination, next, change);
  settle_routes(next.node(), change);
  change.faults = std::exchange(faults_changed_, false);
  return change;
}

void NodeClaims::add(const ServicePortEntry& entry, Touched& touched) {
  Own own = own_of(entry);
  for (const auto& [destination, kind] : own.claims) {
    if (!destination.ip) continue;
    ++addresses_[*destination.ip];
    moved_.insert(*destination.ip);
  }
  drop(entry.id, touched);
  if (!own.problem.empty()) {
    faulty_.insert(entry.id);
    faults_changed_ = true;
  }
  for (const auto& [destination, kind] : own.claims) {
    claims_[destination].insert(own.claimant);
    if (destination.is_range()) {
      ranges_[{destination.protocol, destination.family, destination.ip}].insert(destination);
    }
    touch(destination, touched);
  }
  own_.insert_or_assign(entry.id, std::move(own));
}

void NodeClaims::drop(ServicePortId id, Touched& touched) {
  const auto known = own_.find(id);
  if (known == own_.end()) return;
  if (faulty_.erase(id) > 0) faults_changed_ = true;
  const Own own = std::move(known->second);
  own_.erase(known);
  for (const auto& [destination, kind] : own.claims) {
    touch(destination, touched);
    const auto claims = claims_.find(destination);
    claims->second.erase(own.claimant);
    if (claims->second.empty()) {
      claims_.erase(claims);
      if (destination.is_range()) {
        const auto ranges =
            ranges_.find({destination.protocol, destination.family, destination.ip});
        ranges->second.erase(destination);
        if (ranges->second.empty()) ranges_.erase(ranges);
      }
    }
    if (!destination.ip) continue;
    const auto count = addresses_.find(*destination.ip);
    moved_.insert(*destination.ip);
    if (--count->second == 0) addresses_.erase(count);
  }
}

/// Who asks for another node's address means that node, also where it is a Service's external IP: a
/// route to here would cut the two nodes off from each other.
void NodeClaims::settle_routes(const NodeView& node, NodeChange& change) {
  for (const IpAddress& ip : std::exchange(moved_, {})) {
    const bool wanted = addresses_.contains(ip) &&
                        !std::binary_search(node.other_nodes.begin(), node.other_nodes.end(), ip);
    if (wanted && routed_.insert(ip).second) change.new_addresses.push_back(ip);
    if (!wanted && routed_.erase(ip) > 0) change.gone_addresses.push_back(ip);
  }
}

/// One range may decide about all others of its place.
void NodeClaims::touch(const Destination& destination, Touched& touched) {
  touched.insert(destination);
  if (!destination.is_range()) return;
  const auto ranges = ranges_.find({destination.protocol, destination.family, destination.ip});
  if (ranges == ranges_.end()) return;
  touched.insert(ranges->second.begin(), ranges->second.end());
}

/// The range that counts where this one is; itself, or an older one that overlaps it. Of three in a
/// row the middle one may lose to the first, and the last one is free then: the oldest chooses
/// first, then the next, until this one is reached.
const Destination* NodeClaims::winning_range(const Destination& range) const {
  const auto ranges = ranges_.find({range.protocol, range.family, range.ip});
  if (ranges == ranges_.end()) return nullptr;
  std::vector<const Destination*> by_age;
  for (const Destination& each : ranges->second) by_age.push_back(&each);
  std::sort(by_age.begin(), by_age.end(), [this](const Destination* a, const Destination* b) {
    return *claims_.at(*a).begin() < *claims_.at(*b).begin();
  });
  std::vector<const Destination*> chosen;
  for (const Destination* each : by_age) {
    const auto found = std::find_if(chosen.begin(), chosen.end(), [each](const Destination* other) {
      return overlap(*each, *other);
    });
    const Destination* winner = found == chosen.end() ? each : *found;
    if (winner == each) chosen.push_back(each);
    if (*each == range) return winner;
  }
  return nullptr;
}

const NodeClaims::Claimant* NodeClaims::owner(const Destination& destination) const {
  const auto claims = claims_.find(destination);
  if (claims == claims_.end()) return nullptr;
  if (destination.is_range()) {
    const Destination* winner = winning_range(destination);
    if (winner == nullptr || *winner != destination) return nullptr;
  }
  return &*claims->second.begin();
}

void NodeClaims::settle(const Destination& destination, const BackendTable& table,
                        NodeChange& change) {
  const Claimant* claimant = owner(destination);
  const auto claimants = claims_.find(destination);
  if (claimants != claims_.end() && (claimant == nullptr || claimants->second.size() > 1)) {
    contested_.insert(destination);
  } else {
    contested_.erase(destination);
  }
  const auto known = told_.find(destination);
  const auto lead = [&](std::optional<Entrance> entrance) {
    change.entrances.push_back(
        {destination.protocol, address_of(destination), ports_of(destination), entrance});
  };
  if (claimant == nullptr) {
    if (known == told_.end()) return;
    told_.erase(known);
    change.erase.push_back(destination);
    return lead(std::nullopt);
  }
  const auto& claims = own_.at(claimant->id).claims;
  const auto claimed = std::find_if(claims.begin(), claims.end(),
                                    [&](const auto& each) { return each.first == destination; });
  const Entrance entrance(claimant->id, claimed->second);
  Steered steered = steered_by(*table.find(claimant->id), claimed->second, table.node());
  if (known == told_.end() || known->second.entrance != entrance) lead(entrance);
  if (known == told_.end() || known->second.steered != steered) {
    change.set.emplace_back(destination, steered);
  }
  told_.insert_or_assign(destination, Told{entrance, std::move(steered)});
}

std::optional<Entrance> NodeClaims::find(Protocol protocol, IpFamily family,
                                         const std::optional<IpAddress>& ip,
                                         std::uint16_t port) const {
  const auto exact = told_.find({protocol, family, ip, port, port});
  if (exact != told_.end()) return exact->second.entrance;
  const auto ranges = ranges_.find({protocol, family, ip});
  if (ranges == ranges_.end()) return std::nullopt;
  for (const Destination& range : ranges->second) {
    const auto told = told_.find(range);
    if (told != told_.end() && ports_of(range).contains(port)) return told->second.entrance;
  }
  return std::nullopt;
}

std::optional<Entrance> NodeClaims::entrance(Protocol protocol,
                                             const SocketAddress& address) const {
  return find(protocol, address.ip.family(), address.ip, address.port);
}

std::optional<Entrance> NodeClaims::node_port(Protocol protocol, IpFamily family,
                                              std::uint16_t port) const {
  return find(protocol, family, std::nullopt, port);
}

std::optional<Entrance> entrance_of(const NodeClaims& claims, Protocol protocol,
                                    const SocketAddress& address, bool serves_node_ports) {
  auto found = claims.entrance(protocol, address);
  if (found || !serves_node_ports) return found;
  return claims.node_port(protocol, address.ip.family(), address.port);
}

std::vector<SocketAddress> NodeClaims::owned_by(ServicePortId id) const {
  std::vector<SocketAddress> addresses;
  const auto known = own_.find(id);
  if (known == own_.end()) return addresses;
  for (const auto& [destination, kind] : known->second.claims) {
    if (destination.is_range()) continue;
    const auto told = told_.find(destination);
    if (told == told_.end() || told->second.entrance.service_port != id) continue;
    addresses.push_back({address_of(destination), destination.port});
  }
  return addresses;
}

std::vector<IpAddress> NodeClaims::addresses() const {
  std::vector<IpAddress> all;
  all.reserve(addresses_.size());
  for (const auto& [ip, count] : addresses_) all.push_back(ip);
  return all;
}

std::vector<std::pair<Destination, ServicePortId>> NodeClaims::node_ports() const {
  std::vector<std::pair<Destination, ServicePortId>> all;
  for (const Protocol protocol : {Protocol::TCP, Protocol::UDP}) {
    for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
      // What has no address comes first.
      for (auto at = told_.lower_bound({protocol, family, std::nullopt, 0, 0});
           at != told_.end() && at->first.protocol == protocol && at->first.family == family &&
           !at->first.ip;
           ++at) {
        all.emplace_back(at->first, at->second.entrance.service_port);
      }
    }
  }
  return all;
}

std::vector<ListenProblem> NodeClaims::problems() const {
  std::vector<ListenProblem> all;
  const auto add = [&all](const Own& own, const std::string& text, ListenProblem::Kind kind) {
    all.push_back(
        {own.claimant.key, "service port " + own.claimant.key.to_string() + ": " + text, kind});
  };
  for (const ServicePortId id : faulty_) {
    const Own& own = own_.at(id);
    add(own, own.problem, own.problem_kind);
  }
  for (const Destination& destination : contested_) {
    const Destination* winner = destination.is_range() ? winning_range(destination) : &destination;
    if (winner == nullptr) continue;
    const Claimant& holder = *claims_.at(*winner).begin();
    for (const Claimant& claimant : claims_.at(destination)) {
      if (holder.id == claimant.id) continue;
      add(own_.at(claimant.id),
          text_of(destination) +
              (*winner == destination ? "" : " overlap " + text_of(*winner) + ", which") +
              (destination.is_range() ? " belong" : " belongs") + " to the older service port " +
              holder.key.to_string() + "; give one of the Services " +
              (destination.ip ? destination.is_range() ? "another range" : "another address or port"
                              : "another nodePort"),
          ListenProblem::Kind::Conflict);
    }
  }
  std::sort(all.begin(), all.end(), [](const ListenProblem& a, const ListenProblem& b) {
    return std::tie(a.service_port, a.text) < std::tie(b.service_port, b.text);
  });
  return all;
}

}  // namespace wherry::steer
