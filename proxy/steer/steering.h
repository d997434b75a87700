#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "balancer/port_range.h"
#include "base/cidr.h"
#include "base/metrics.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::steer {

/// How the traffic of service ports comes to this process: by listeners of their own
/// (BindSteering), or by the node's routes and its kernel (NodeSteering).
///
/// Control thread only.
class Steering {
 public:
  Steering() = default;
  Steering(const Steering&) = delete;
  Steering& operator=(const Steering&) = delete;
  virtual ~Steering() = default;

  /// Follows the table; nothing is served before the first call.
  virtual void apply(std::shared_ptr<const balancer::BackendTable> next) = 0;
  /// Addresses, routes or interfaces of this machine came or went.
  virtual void addresses_changed() = 0;
  /// Blocks out of which the cluster gives addresses to Services, as its API says (W4).
  virtual void set_service_cidrs(const std::vector<Cidr>&) {}
  /// Takes no new clients: opens nothing more, and changes nothing any more for those who are
  /// there. The host closes the listeners.
  virtual void stop() noexcept = 0;
  /// After stop(), when no session is left: takes back what was set up on this machine.
  virtual void undo() noexcept {}

  /// Whether clients get here as the first table says: it is not before that they may be sent.
  [[nodiscard]] virtual bool is_in_force() const { return true; }
  /// "bind" or "node", for people.
  [[nodiscard]] virtual std::string mode() const = 0;
  /// Where clients find a service port.
  [[nodiscard]] virtual std::vector<SocketAddress> listening(balancer::ServicePortId id) const = 0;
  /// Which service port a client of an address comes to, served now or not.
  [[nodiscard]] virtual std::optional<balancer::Entrance> entrance(
      Protocol protocol, const SocketAddress& address) const = 0;
  /// Whether entrance() knows all there is: what it does not know leads nowhere.
  [[nodiscard]] virtual bool is_complete() const { return false; }
  /// Whether ports of an address that are nobody's are left to the host's own processes (E10).
  [[nodiscard]] virtual bool passes(const IpAddress&) const { return true; }
  /// Blocks whose free addresses are silent (E10).
  [[nodiscard]] virtual std::vector<Cidr> service_cidrs() const { return {}; }
  /// What an operator should look at, in words with the remedy.
  [[nodiscard]] virtual std::vector<std::string> problems() const = 0;
  /// Service ports of protocols that are not carried.
  [[nodiscard]] virtual std::vector<std::string> not_carried() const = 0;
  [[nodiscard]] virtual std::size_t open_addresses() const noexcept = 0;
  /// Descriptors that are no session's.
  [[nodiscard]] virtual std::size_t open_sockets() const noexcept = 0;
  /// Whether some service port of UDP is served.
  [[nodiscard]] virtual bool carries_udp() const noexcept = 0;
  /// How often the kernel took no packet filter for a listening socket.
  [[nodiscard]] virtual std::uint64_t filter_failures() const noexcept { return 0; }
  virtual void collect(MetricFamilies& into) const = 0;
};

/// That an address and its ports lead into a service port now, or nowhere.
struct EntranceChange {
  Protocol protocol = Protocol::TCP;
  IpAddress ip;  ///< the wildcard of its family: a NodePort
  balancer::PortRange ports;
  std::optional<balancer::Entrance> entrance;

  friend bool operator==(const EntranceChange&, const EntranceChange&) = default;
};

/// Who accepts for many service ports on one set of sockets: the workers.
class EntranceHost {
 public:
  virtual ~EntranceHost() = default;

  /// Sockets of one protocol and family, one for each worker.
  virtual void open_shared(Protocol protocol, IpFamily family, std::vector<UniqueFd> sockets) = 0;
  /// Behind which interfaces, by index, this node's pods are (F7).
  virtual void use_pod_interfaces(std::vector<unsigned> interfaces) = 0;
  /// `done` is called on the control thread, later, once every worker knows, and has taken all
  /// tables into use that were published before.
  virtual void lead(std::vector<EntranceChange> changes, std::function<void()> done) = 0;
};

}  // namespace wherry::steer
