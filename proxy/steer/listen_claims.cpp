#include "proxy/steer/listen_claims.h"

#include <algorithm>
#include <utility>

namespace wherry::steer {
namespace {

using balancer::AddressKind;
using balancer::ServicePort;
using balancer::ServicePortEntry;
using balancer::ServicePortId;

/// The same place in the other family, for the second half of a dual-stack Service.
std::optional<IpAddress> counterpart(const IpAddress& address) {
  const IpFamily family = other(address.family());
  if (address.is_loopback()) return IpAddress::loopback(family);
  if (address.is_unspecified()) return IpAddress::any(family);
  return std::nullopt;
}

/// Which of some addresses a service port of this family listens on. A Service of one family
/// listens wherever it is told: the relay does not mind carrying IPv4 clients to IPv6 backends.
std::optional<IpAddress> choose(const std::vector<IpAddress>& addresses, const ServicePort& port) {
  const auto same_family = std::find_if(
      addresses.begin(), addresses.end(),
      [&port](const IpAddress& address) { return address.family() == port.key.family; });
  if (same_family != addresses.end()) return *same_family;
  return port.dual_stack ? counterpart(addresses.front()) : addresses.front();
}

bool is_carried(Protocol protocol) {
  return protocol == Protocol::TCP || protocol == Protocol::UDP;
}

/// Whether one listener takes the other's connections, or would if it were there.
bool overlap(const SocketAddress& a, const SocketAddress& b) {
  return a.port == b.port && a.ip.family() == b.ip.family() &&
         (a.ip == b.ip || a.ip.is_unspecified() || b.ip.is_unspecified());
}

/// The same place at another address.
ListenAddress at_ip(const ListenAddress& address, const IpAddress& ip) {
  return {{ip, address.address.port}, address.protocol};
}

std::tuple<IpFamily, Protocol, std::uint16_t> port_of(const ListenAddress& address) {
  return {address.address.ip.family(), address.protocol, address.address.port};
}

}  // namespace

ListenClaims::ListenClaims(ListenRules rules, const LocalAddresses& local_addresses)
    : rules_(std::move(rules)), local_addresses_(local_addresses) {
  if (rules_.pool) pool_.emplace(*rules_.pool);
}

ListenClaims::Placement ListenClaims::place(const ServicePort& port) {
  Placement placement;
  if (port.cluster_ip && local_addresses_.contains(*port.cluster_ip)) {
    placement.address = port.cluster_ip;
    return placement;
  }
  std::vector<IpAddress> addresses = port.listen_addresses;
  if (addresses.empty() && pool_ &&
      (!port.dual_stack || rules_.pool->family() == port.key.family)) {
    const auto own = pool_->take(port.key.service);
    if (!own) {
      placement.problem = "the pool " + rules_.pool->to_string() +
                          " has no address left for it; give --listen-pool a larger block, or the "
                          "Service the annotation " +
                          std::string(balancer::kListenAddressAnnotation);
      return placement;
    }
    addresses.push_back(*own);
    placement.in_pool = true;
  }
  if (addresses.empty()) addresses.push_back(rules_.listen_address);
  placement.address = choose(addresses, port);
  if (!placement.address) {
    placement.problem = "there is no " + std::string(to_string(port.key.family)) +
                        " address to listen on for it; give the Service the annotation " +
                        std::string(balancer::kListenAddressAnnotation) +
                        " with one of each family";
  }
  return placement;
}

std::string ListenClaims::claim(const SocketAddress& address, AddressKind kind,
                                Claims& claims) const {
  const bool is_tcp = claims.claimant.key.protocol == Protocol::TCP;
  if (is_tcp && rules_.admin && overlap(address, *rules_.admin)) {
    const std::string remedy =
        kind == AddressKind::NodePort
            ? "the Service another nodePort"
            : "the Service the annotation " + std::string(balancer::kListenAddressAnnotation);
    return address.to_string() + " is taken by wherry's own admin server at " +
           rules_.admin->to_string() + "; give --admin-address another port, or " + remedy;
  }
  const bool is_known = std::any_of(claims.addresses.begin(), claims.addresses.end(),
                                    [&address](const auto& each) { return each.first == address; });
  // The first wins, in kube-proxy's order: an external IP that is a load balancer IP too is one.
  if (!is_known) claims.addresses.emplace_back(address, kind);
  return {};
}

/// Addresses for clients from outside, as far as they are this machine's. A NodePort keeps its
/// number: it is above 1024 by itself.
std::string ListenClaims::claim_external(const ServicePort& port, Claims& claims) const {
  std::string problem;
  const auto add = [&](const SocketAddress& address, AddressKind kind) {
    std::string wrong = claim(address, kind, claims);
    if (problem.empty()) problem = std::move(wrong);
  };
  if (port.node_port != 0 && rules_.node_port_addresses) {
    for (const IpAddress& ip : rules_.node_port_addresses(port.key.family)) {
      add({ip, port.node_port}, AddressKind::NodePort);
    }
  } else if (port.node_port != 0) {
    if (const auto address = choose({rules_.listen_address}, port)) {
      add({*address, port.node_port}, AddressKind::NodePort);
    }
  }
  const auto number = static_cast<std::uint16_t>(port.port + rules_.port_offset);
  for (const IpAddress& ip : port.external_ips) {
    if (local_addresses_.contains(ip)) add({ip, number}, AddressKind::ExternalIp);
  }
  for (const IpAddress& ip : port.load_balancer_ips) {
    if (local_addresses_.contains(ip)) add({ip, number}, AddressKind::LoadBalancerIp);
  }
  return problem;
}

std::set<ListenAddress> ListenClaims::update(const ServicePortEntry& entry) {
  const ServicePort& port = entry.service_port;
  if (rules_.beside_node && port.cluster_ip) return remove(entry.id);
  Claims claims;
  claims.claimant = {port.created.value_or(WallTime::max()), port.key, entry.id};
  std::string problem;
  const unsigned number = unsigned{port.port} + rules_.port_offset;
  if (!is_carried(port.key.protocol)) {
    problem = std::string(to_string(port.key.protocol)) + " is not carried, only TCP and UDP are";
  } else if (number > 65535) {
    problem = "port " + std::to_string(port.port) + " plus --port-offset " +
              std::to_string(rules_.port_offset) +
              " is past 65535; give a smaller offset, or the Service another port";
  } else {
    Placement placement = place(port);
    problem = std::move(placement.problem);
    claims.in_pool = placement.in_pool;
    if (placement.address) {
      problem = claim({*placement.address, static_cast<std::uint16_t>(number)},
                      AddressKind::ClusterIp, claims);
    }
    if (!rules_.beside_node) {
      std::string other = claim_external(port, claims);
      if (problem.empty()) problem = std::move(other);
    }
  }
  if (!problem.empty()) {
    claims.misplaced =
        ListenProblem{port.key, "service port " + port.key.to_string() + ": " + problem,
                      !is_carried(port.key.protocol) ? ListenProblem::Kind::NotCarried
                      : number > 65535               ? ListenProblem::Kind::Fault
                                                     : ListenProblem::Kind::Conflict};
  }
  // Counted before the old claims go, so that the Service keeps its address of the pool.
  if (claims.in_pool) ++pool_users_[port.key.service];
  std::set<ListenAddress> touched = remove(entry.id);
  for (const auto& [address, kind] : claims.addresses) {
    add_claim({address, port.key.protocol}, claims.claimant, touched);
  }
  claims_.insert_or_assign(entry.id, std::move(claims));
  return touched;
}

std::set<ListenAddress> ListenClaims::remove(ServicePortId id) {
  std::set<ListenAddress> touched;
  const auto known = claims_.find(id);
  if (known == claims_.end()) return touched;
  const Claims claims = std::move(known->second);
  claims_.erase(known);
  for (const auto& [address, kind] : claims.addresses) {
    drop_claim({address, claims.claimant.key.protocol}, claims.claimant, touched);
  }
  if (claims.in_pool) {
    const auto count = pool_users_.find(claims.claimant.key.service);
    if (--count->second == 0) {
      pool_users_.erase(count);
      pool_->give_back(claims.claimant.key.service);
    }
  }
  return touched;
}

void ListenClaims::add_claim(const ListenAddress& address, const Claimant& claimant,
                             std::set<ListenAddress>& touched) {
  PortClaims& port = ports_[port_of(address)];
  const auto [claims, is_new] = port.by_ip.try_emplace(address.address.ip);
  claimed_ += is_new ? 1 : 0;
  claims->second.insert(claimant);
  touch(port, address, touched);
}

void ListenClaims::drop_claim(const ListenAddress& address, const Claimant& claimant,
                              std::set<ListenAddress>& touched) {
  const auto found = ports_.find(port_of(address));
  PortClaims& port = found->second;
  touch(port, address, touched);
  const auto claims = port.by_ip.find(address.address.ip);
  claims->second.erase(claimant);
  if (!claims->second.empty()) return;
  port.by_ip.erase(claims);
  --claimed_;
  if (port.by_ip.empty()) ports_.erase(found);
}

/// Where the wildcard is claimed, any claim may decide about all.
void ListenClaims::touch(const PortClaims& port, const ListenAddress& address,
                         std::set<ListenAddress>& touched) {
  port.wildcard_wins.reset();
  touched.insert(address);
  if (!port.by_ip.contains(IpAddress::any(address.address.ip.family()))) return;
  for (const auto& [ip, claims] : port.by_ip) touched.insert(at_ip(address, ip));
}

const ListenClaims::PortClaims* ListenClaims::claims_to(const ListenAddress& address) const {
  const auto found = ports_.find(port_of(address));
  return found == ports_.end() || !found->second.by_ip.contains(address.address.ip)
             ? nullptr
             : &found->second;
}

ListenClaims::Holder ListenClaims::holder(const ListenAddress& address) const {
  const PortClaims& port = *claims_to(address);
  const auto by_age = [](const auto& a, const auto& b) {
    return *a.second.begin() < *b.second.begin();
  };
  const auto wildcard = port.by_ip.find(IpAddress::any(address.address.ip.family()));
  const auto own = port.by_ip.find(address.address.ip);
  auto held = own;
  if (wildcard != port.by_ip.end()) {
    if (!port.wildcard_wins) {
      port.wildcard_wins =
          std::min_element(port.by_ip.begin(), port.by_ip.end(), by_age) == wildcard;
    }
    if (*port.wildcard_wins) {
      held = wildcard;
    } else if (own == wildcard) {
      held = std::min_element(port.by_ip.begin(), port.by_ip.end(), by_age);
    }
  }
  return {*held->second.begin(), {held->first, address.address.port}};
}

std::vector<ListenAddress> ListenClaims::overlapping(const ListenAddress& address) const {
  std::vector<ListenAddress> all;
  const auto found = ports_.find(port_of(address));
  if (found == ports_.end()) return all;
  for (const auto& [ip, claims] : found->second.by_ip) {
    const ListenAddress each = at_ip(address, ip);
    if (each != address && overlap(each.address, address.address)) all.push_back(each);
  }
  return all;
}

std::optional<ServicePortId> ListenClaims::owner(const ListenAddress& address) const {
  if (claims_to(address) == nullptr) return std::nullopt;
  const Holder found = holder(address);
  return found.address == address.address ? std::optional(found.claimant.id) : std::nullopt;
}

std::optional<balancer::Entrance> ListenClaims::entrance(const ListenAddress& address) const {
  const auto id = owner(address);
  if (!id) return std::nullopt;
  const auto& addresses = claims_.at(*id).addresses;
  const auto claimed = std::find_if(addresses.begin(), addresses.end(), [&](const auto& each) {
    return each.first == address.address;
  });
  return balancer::Entrance(*id, claimed->second);
}

std::optional<balancer::Entrance> ListenClaims::entrance_of(const ListenAddress& address) const {
  if (auto exact = entrance(address)) return exact;
  const IpAddress& ip = address.address.ip;
  if (!local_addresses_.contains(ip)) return std::nullopt;
  return entrance(at_ip(address, IpAddress::any(ip.family())));
}

std::vector<SocketAddress> ListenClaims::owned_by(ServicePortId id) const {
  std::vector<SocketAddress> addresses;
  const auto known = claims_.find(id);
  if (known == claims_.end()) return addresses;
  for (const auto& [address, kind] : known->second.addresses) {
    if (owner({address, known->second.claimant.key.protocol}) == id) addresses.push_back(address);
  }
  return addresses;
}

std::vector<ServicePortId> ListenClaims::misplaced() const {
  std::vector<ServicePortId> ids;
  for (const auto& [id, claims] : claims_) {
    if (claims.misplaced) ids.push_back(id);
  }
  return ids;
}

std::string ListenClaims::lost_to(const Holder& winner, const SocketAddress& address) const {
  std::string text = address.to_string();
  if (winner.address != address) {
    text += (address.ip.is_unspecified() ? " takes in " : " is part of ") +
            winner.address.to_string() + ", which";
  }
  text += " belongs to the older service port " + winner.claimant.key.to_string() +
          "; give one of the Services the annotation " +
          std::string(balancer::kListenAddressAnnotation) + " with another address";
  if (winner.address.ip.is_unspecified() || address.ip.is_unspecified()) {
    text += " (0.0.0.0 and :: leave no port to any other address)";
  }
  if (!rules_.pool) text += ", or each Service an address of its own with --listen-pool";
  return text;
}

std::vector<ListenProblem> ListenClaims::problems_of(ServicePortId id) const {
  std::vector<ListenProblem> problems;
  const auto known = claims_.find(id);
  if (known == claims_.end()) return problems;
  const Claims& claims = known->second;
  if (claims.misplaced) problems.push_back(*claims.misplaced);
  for (const auto& [address, kind] : claims.addresses) {
    const Holder winner = holder({address, claims.claimant.key.protocol});
    if (winner.claimant.id == id) continue;
    problems.push_back({claims.claimant.key, "service port " + claims.claimant.key.to_string() +
                                                 ": " + lost_to(winner, address)});
  }
  return problems;
}

std::vector<ListenProblem> ListenClaims::problems() const {
  std::vector<ListenProblem> all;
  for (const auto& [id, claims] : claims_) {
    for (ListenProblem& problem : problems_of(id)) all.push_back(std::move(problem));
  }
  std::sort(all.begin(), all.end(), [](const ListenProblem& a, const ListenProblem& b) {
    return a.service_port < b.service_port;
  });
  return all;
}

}  // namespace wherry::steer
