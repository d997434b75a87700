#pragma once

#include "base/ip_address.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <optional>
#include <string>
#include <vector>

namespace wherry::steer {

// What a host on a node's link sees, by packets of its own making. All of these work in the
// namespace of the thread, over its interface "far", and wait a second at most.

/// Asks by ARP who has each of these; says which were answered for. A link keeps packets in order:
/// once the last one, which must have an owner, was answered, none of the others will be.
[[nodiscard]] std::vector<IpAddress> ask_who_has(const std::vector<IpAddress>& addresses);

/// The same by neighbour solicitations (RFC 4861), which every node on the link gets.
[[nodiscard]] std::vector<IpAddress> solicit_neighbours(const std::vector<IpAddress>& addresses);

/// Hears ARP requests on an interface.
class ArpListener {
 public:
  explicit ArpListener(const std::string& interface);
  /// The sender's address in the next request.
  [[nodiscard]] std::optional<IpAddress> next_asker() const;

 private:
  UniqueFd fd_;
};

/// Sends a datagram from an address of this namespace, of whatever kind.
void send_from(const IpAddress& source, const IpAddress& destination);

/// Listens on all addresses of a family.
class TcpListener {
 public:
  explicit TcpListener(IpFamily family);
  [[nodiscard]] std::uint16_t port() const;

 private:
  UniqueFd fd_;
};

[[nodiscard]] bool can_connect(const SocketAddress& address);

}  // namespace wherry::steer
