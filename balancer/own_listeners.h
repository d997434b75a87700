#pragma once

#include "balancer/backend_table.h"
#include "balancer/entrance_map.h"
#include "base/socket_address.h"

namespace wherry::balancer {

/// Where this process itself listens or is led to, and into which service port that is. A backend
/// may well be another service port of this process, but one that leads back to where the client
/// came in would make a connection that begets the next, until none are left for anybody.
///
/// Belongs to one worker's thread.
class OwnListeners {
 public:
  void set(const SocketAddress& address, Entrance entrance);
  void erase(const SocketAddress& address);
  void clear() { entrances_.clear(); }
  /// Filled by steering `node`, whose listeners serve many addresses each.
  [[nodiscard]] EntranceMap& entrances() noexcept { return entrances_; }

  /// Whether a connection to `address` comes back to `from`, directly or by way of other service
  /// ports. An address that only a wildcard covers counts if it is a loopback address, or known to
  /// be local.
  enum class Local { Unknown, Yes };
  [[nodiscard]] bool lead_back(const BackendTable& table, ServicePortId from,
                               const SocketAddress& address, Local local = Local::Unknown) const;
  /// Whether a listener on the wildcard address would take connections to `address`, if it is
  /// local.
  [[nodiscard]] bool have_wildcard(const SocketAddress& address) const;

 private:
  [[nodiscard]] const Entrance* find(const SocketAddress& address, Local local) const;

  EntranceMap entrances_;
};

}  // namespace wherry::balancer
