#pragma once

#include "balancer/connection_verdict.h"
#include "balancer/port_range.h"
#include "base/socket_address.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

namespace wherry::balancer {

/// Which way into which service port an address and port is, for one protocol.
///
/// No thread of its own: whoever holds it. Ranges of one address never overlap. A port that is set
/// alone comes before a range that has it, and both before the wildcard address, which stands for
/// every address of its family (NodePorts).
class EntranceMap {
 public:
  void set(const IpAddress& ip, PortRange ports, Entrance entrance);
  void erase(const IpAddress& ip, PortRange ports);
  void clear();

  /// At this very address; nullptr if there is none.
  [[nodiscard]] const Entrance* find(const SocketAddress& asked) const;
  /// The same, or where the wildcard takes it in.
  [[nodiscard]] const Entrance* find_with_wildcard(const SocketAddress& asked) const;
  [[nodiscard]] bool has_wildcard(IpFamily family, std::uint16_t port) const {
    return find({IpAddress::any(family), port}) != nullptr;
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_address_.size() + ranges_.size(); }

 private:
  struct Range {
    std::uint16_t first = 0;
    Entrance entrance;
  };
  std::unordered_map<SocketAddress, Entrance> by_address_;
  std::map<std::pair<IpAddress, std::uint16_t>, Range> ranges_;  ///< by address and last port
};

}  // namespace wherry::balancer
