#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "proxy/steer/node_network.h"
#include "proxy/steer/repair_log.h"

#include <cstddef>
#include <string>
#include <vector>

namespace wherry::steer {

/// What steering `node` sees of this machine's network, and changes there: the routes by which
/// packets to Services' addresses come to this machine, and what keeps it from answering ARP for
/// them.
///
/// Control thread only.
class SteeredNetwork {
 public:
  virtual ~SteeredNetwork() = default;

  /// The addresses of this machine's interfaces; those that are only routed here are none.
  [[nodiscard]] virtual std::vector<IpAddress> addresses() const = 0;
  /// Those of them where NodePorts are served (F2).
  [[nodiscard]] virtual std::vector<IpAddress> node_port_addresses(
      const NodePortRule& rule, const std::vector<IpAddress>& node_addresses) const = 0;
  /// Interfaces behind which this node's pods are, by index; none where that is told by addresses.
  [[nodiscard]] virtual std::vector<unsigned> pod_interfaces() const = 0;

  /// Whole blocks that shall be routed here, and the Node's addresses: from the first of a family
  /// this machine's own connections over those routes come (F1, E8).
  virtual void configure(const std::vector<Cidr>& service_cidrs,
                         const std::vector<IpAddress>& node_addresses) = 0;
  /// Addresses of Services that shall be routed here, and which no more. Those in a block need no
  /// route, and those of the machine itself get none. What fails is named in problems() and tried
  /// again by check().
  virtual void route(const std::vector<IpAddress>& add, const std::vector<IpAddress>& remove) = 0;
  /// Compares what is there with what shall be, and puts back what somebody took away (R7): says
  /// what. The first call takes over what a process before this one has left.
  virtual Repairs check() = 0;
  [[nodiscard]] virtual std::vector<std::string> problems() const = 0;
  [[nodiscard]] virtual std::size_t routes() const noexcept = 0;
  /// Takes everything back.
  virtual void undo() noexcept = 0;
};

}  // namespace wherry::steer
