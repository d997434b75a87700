#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "proxy/steer/address_pool.h"
#include "proxy/steer/listen_address.h"
#include "proxy/steer/local_addresses.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace wherry::steer {

/// Where service ports listen in steering `bind`.
struct ListenRules {
  IpAddress listen_address = IpAddress::loopback(IpFamily::IPv4);
  std::optional<Cidr> pool;
  std::uint16_t port_offset = 0;
  std::optional<SocketAddress> admin;  ///< where this process answers operators
  /// Beside steering `node`: only Services without clusterIP listen, and only at their listen
  /// address; all else is served there.
  bool beside_node = false;
  /// Where NodePorts are served in place of the listen address: addresses of a family.
  std::function<std::vector<IpAddress>(IpFamily)> node_port_addresses;
};

/// A service port that does not get an address that it wants, and the way out.
struct ListenProblem {
  enum class Kind {
    Conflict,    ///< somebody else has it, or there is none left
    NotCarried,  ///< its protocol is carried nowhere: nothing is wrong with this machine (U1)
    NoFamily,    ///< this machine lacks its family: no news for an operator
    Fault,       ///< can never be served as configured, whoever comes or goes
  };
  balancer::ServicePortKey service_port;
  std::string text;
  Kind kind = Kind::Conflict;
};

/// Which service port owns which address and port of which protocol.
///
/// A service port claims the Service's clusterIP where that is an address of this machine, else its
/// listen address: from the annotation, from the pool, or the general one. Its NodePort it claims
/// on the general listen address, its external and load balancer IPs where they are addresses of
/// this machine (S3 to S5). Of several that claim
/// the same, the oldest owns it (creationTimestamp, then namespace and name), endpoints or not; the
/// next one takes over when it goes. The wildcard address (0.0.0.0, ::) is the same as every other
/// one of its family: it goes to its claimant only if that is older than all that claim the port.
/// Claims follow the table service port by service port; nothing is opened here.
class ListenClaims {
 public:
  ListenClaims(ListenRules rules, const LocalAddresses& local_addresses);

  /// A service port of the table is new or has changed, or is gone. Each returns the addresses
  /// whose owner may have changed.
  std::set<ListenAddress> update(const balancer::ServicePortEntry& entry);
  std::set<ListenAddress> remove(balancer::ServicePortId id);

  /// Who listens there; nothing where nobody does.
  [[nodiscard]] std::optional<balancer::ServicePortId> owner(const ListenAddress& address) const;
  /// The same, with what the address is to the Service.
  [[nodiscard]] std::optional<balancer::Entrance> entrance(const ListenAddress& address) const;
  /// Where a client of this address comes in: there, or where the wildcard takes it in.
  [[nodiscard]] std::optional<balancer::Entrance> entrance_of(const ListenAddress& address) const;
  /// Where a service port listens: the addresses that it owns, the first of them in place of the
  /// clusterIP.
  [[nodiscard]] std::vector<SocketAddress> owned_by(balancer::ServicePortId id) const;
  /// Service ports for which there is no address to claim; update() them again when addresses have
  /// come free.
  [[nodiscard]] std::vector<balancer::ServicePortId> misplaced() const;
  /// Everything that is claimed in vain, sorted by service port.
  [[nodiscard]] std::vector<ListenProblem> problems() const;
  [[nodiscard]] std::vector<ListenProblem> problems_of(balancer::ServicePortId id) const;
  /// What is claimed and can't be listened on together with `address`.
  [[nodiscard]] std::vector<ListenAddress> overlapping(const ListenAddress& address) const;
  /// How many addresses somebody claims.
  [[nodiscard]] std::size_t size() const noexcept { return claimed_; }

 private:
  /// In the order of precedence.
  struct Claimant {
    WallTime created;
    balancer::ServicePortKey key;
    balancer::ServicePortId id;

    friend auto operator<=>(const Claimant&, const Claimant&) = default;
  };
  struct Claims {
    Claimant claimant;
    std::vector<std::pair<SocketAddress, balancer::AddressKind>> addresses;
    std::optional<ListenProblem> misplaced;  ///< why there is no address to claim
    bool in_pool = false;
  };

  /// All claims to one port of a protocol in one family.
  struct PortClaims {
    std::map<IpAddress, std::set<Claimant>> by_ip;
    /// Whether the wildcard's oldest claimant is the oldest of all; unknown until asked for.
    mutable std::optional<bool> wildcard_wins;
  };
  using Port = std::tuple<IpFamily, Protocol, std::uint16_t>;
  struct Holder {
    const Claimant& claimant;
    SocketAddress address;  ///< not the one that was asked for where the wildcard is concerned
  };

  struct Placement {
    std::optional<IpAddress> address;
    std::string problem;  ///< why there is none
    bool in_pool = false;
  };
  [[nodiscard]] Placement place(const balancer::ServicePort& port);
  /// What is wrong with claiming this address, or nothing, and it is among the claims then.
  [[nodiscard]] std::string claim(const SocketAddress& address, balancer::AddressKind kind,
                                  Claims& claims) const;
  [[nodiscard]] std::string claim_external(const balancer::ServicePort& port, Claims& claims) const;
  [[nodiscard]] const PortClaims* claims_to(const ListenAddress& address) const;
  /// Who keeps everybody else from an address. Precondition: somebody claims it.
  [[nodiscard]] Holder holder(const ListenAddress& address) const;
  void add_claim(const ListenAddress& address, const Claimant& claimant,
                 std::set<ListenAddress>& touched);
  void drop_claim(const ListenAddress& address, const Claimant& claimant,
                  std::set<ListenAddress>& touched);
  static void touch(const PortClaims& port, const ListenAddress& address,
                    std::set<ListenAddress>& touched);
  [[nodiscard]] std::string lost_to(const Holder& winner, const SocketAddress& address) const;

  const ListenRules rules_;
  const LocalAddresses& local_addresses_;
  std::optional<AddressPool> pool_;
  std::map<balancer::ServicePortId, Claims> claims_;
  std::map<model::ObjectKey, std::size_t> pool_users_;  ///< how many of a Service are in the pool
  std::map<Port, PortClaims> ports_;
  std::size_t claimed_ = 0;  ///< addresses in ports_
};

}  // namespace wherry::steer
