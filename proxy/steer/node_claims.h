#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "balancer/table_diff.h"
#include "base/clock.h"
#include "proxy/bpf/kernel_steering.h"
#include "proxy/steer/listen_claims.h"
#include "proxy/steer/steering.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

/// What one table changes of what the node's kernel and the workers know.
struct NodeChange {
  std::vector<std::pair<bpf::Destination, bpf::Steered>> set;
  std::vector<bpf::Destination> erase;
  std::vector<EntranceChange> entrances;
  std::vector<IpAddress> new_addresses;   ///< of Services, that shall be routed here now
  std::vector<IpAddress> gone_addresses;  ///< that shall not be any more
  /// A service port that can't be claimed as it is has come or gone: for people, not for the
  /// kernel.
  bool faults = false;

  [[nodiscard]] bool empty() const noexcept {
    return set.empty() && erase.empty() && entrances.empty() && new_addresses.empty() &&
           gone_addresses.empty();
  }
};

/// Which service port owns which address, NodePort and range of ports in steering `node`.
///
/// A service port claims its clusterIP, its NodePort, its external and load balancer IPs (S2 to
/// S5), and on each of them the ports of its range (wherry.io/port-range) where it has one. Of
/// several that claim the same, the oldest owns it (creationTimestamp, then namespace and name),
/// endpoints or not, as in ListenClaims. A port that is claimed alone comes before a range; of
/// ranges that overlap the oldest counts and the others lose all of theirs. Follows tables service
/// port by service port: the cost follows the change. Pure.
class NodeClaims {
 public:
  /// Of other families nothing is claimed.
  explicit NodeClaims(std::vector<IpFamily> families);

  /// From the table that was followed last to the next one.
  [[nodiscard]] NodeChange update(const balancer::BackendTable& old,
                                  const balancer::BackendTable& next);

  /// Who owns an address and port; NodePorts are not looked at.
  [[nodiscard]] std::optional<balancer::Entrance> entrance(Protocol protocol,
                                                           const SocketAddress& address) const;
  [[nodiscard]] std::optional<balancer::Entrance> node_port(Protocol protocol, IpFamily family,
                                                            std::uint16_t port) const;
  /// What a service port owns, its clusterIP first, ranges left out. A NodePort has the wildcard
  /// address.
  [[nodiscard]] std::vector<SocketAddress> owned_by(balancer::ServicePortId id) const;
  /// All addresses of Services.
  [[nodiscard]] std::vector<IpAddress> addresses() const;
  /// NodePorts that somebody owns, with the owner.
  [[nodiscard]] std::vector<std::pair<bpf::Destination, balancer::ServicePortId>> node_ports()
      const;
  /// What is claimed in vain, and whose protocol is not carried; sorted by service port.
  [[nodiscard]] std::vector<ListenProblem> problems() const;
  /// How many destinations are in force.
  [[nodiscard]] std::size_t size() const noexcept { return told_.size(); }

 private:
  /// In the order of precedence.
  struct Claimant {
    WallTime created;
    balancer::ServicePortKey key;
    balancer::ServicePortId id;

    friend auto operator<=>(const Claimant&, const Claimant&) = default;
  };
  struct Own {
    Claimant claimant;
    std::vector<std::pair<bpf::Destination, balancer::AddressKind>> claims;
    std::string problem;  ///< why something is not claimed at all
    ListenProblem::Kind problem_kind = ListenProblem::Kind::Fault;
  };
  struct Told {
    balancer::Entrance entrance;
    bpf::Steered steered;
  };
  /// Where ranges may get into each other's way; no ip: NodePorts.
  struct Place {
    Protocol protocol;
    IpFamily family;
    std::optional<IpAddress> ip;

    friend auto operator<=>(const Place&, const Place&) = default;
  };
  using Touched = std::set<bpf::Destination>;

  [[nodiscard]] Own own_of(const balancer::ServicePortEntry& entry) const;
  void add(const balancer::ServicePortEntry& entry, Touched& touched);
  void drop(balancer::ServicePortId id, Touched& touched);
  void settle_routes(const balancer::NodeView& node, NodeChange& change);
  void touch(const bpf::Destination& destination, Touched& touched);
  void settle(const bpf::Destination& destination, const balancer::BackendTable& table,
              NodeChange& change);
  /// The oldest claimant, where it has not lost to another range.
  [[nodiscard]] const Claimant* owner(const bpf::Destination& destination) const;
  [[nodiscard]] const bpf::Destination* winning_range(const bpf::Destination& range) const;
  [[nodiscard]] std::optional<balancer::Entrance> find(Protocol protocol, IpFamily family,
                                                       const std::optional<IpAddress>& ip,
                                                       std::uint16_t port) const;

  const std::vector<IpFamily> families_;
  std::map<balancer::ServicePortId, Own> own_;
  std::map<bpf::Destination, std::set<Claimant>> claims_;
  std::set<bpf::Destination> contested_;      ///< those of them that somebody claims in vain
  std::set<balancer::ServicePortId> faulty_;  ///< who has a problem of its own
  bool faults_changed_ = false;               ///< since the last update()
  std::map<Place, std::set<bpf::Destination>> ranges_;  ///< that somebody claims
  std::map<bpf::Destination, Told> told_;               ///< what is in force
  std::map<IpAddress, std::size_t> addresses_;          ///< how many claims each has
  std::set<IpAddress> routed_;                          ///< those of them that shall be routed here
  std::set<IpAddress> moved_;                           ///< that may have to be, or not any more
};

/// Who owns an address and port where NodePorts are looked at too, or not: the address's own port
/// comes first. Pure.
[[nodiscard]] std::optional<balancer::Entrance> entrance_of(const NodeClaims& claims,
                                                            Protocol protocol,
                                                            const SocketAddress& address,
                                                            bool serves_node_ports);

}  // namespace wherry::steer
