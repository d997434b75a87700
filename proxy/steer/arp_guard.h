#pragma once

#include "base/result.h"
#include "proxy/steer/interfaces.h"

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wherry::steer {

/// An interface whose handling of ARP is ours for now.
struct ArpChange {
  unsigned interface = 0;  ///< its index
  std::string name;
  ArpValues before;
  ArpValues set;

  friend bool operator==(const ArpChange&, const ArpChange&) = default;
};

enum class ArpMode {
  /// Addresses that only a route makes local are not answered for, all of interfaces are, as ever:
  /// arp_ignore 3. Requests come from an interface's address: arp_announce 2.
  RoutesAreSilent,
  /// Besides, an interface answers for its own addresses only: arp_ignore 1 (ipvs.strictARP).
  Strict,
};

/// What an interface is to be set to, where something is to be set. `of_all`: net.ipv4.conf.all.
/// Values that somebody chose already stay, if they keep VIPs silent. Pure.
[[nodiscard]] std::optional<ArpValues> arp_values_for(const Interface& interface,
                                                      const ArpValues& of_all, ArpMode mode);

/// Interfaces with values that arp_values_for() chooses, each with these: "eth0 (3, 2)". Without a
/// record it can't be told whether a crashed wherry or somebody else has set them. Pure.
[[nodiscard]] std::vector<std::string> interfaces_like_ours(const NetworkState& now);

/// Sees to it that no interface answers ARP for a VIP that only a route makes local, nor asks in
/// its name.
///
/// Every node has those routes: without this each would claim every VIP of its link, and take
/// traffic from the one that MetalLB or kube-vip has chosen. arp_announce belongs to it: an answer
/// from a VIP makes the node ask for its way's next hop, and who hears a request from the VIP's
/// address takes the node for its owner. IPv6 needs nothing: neighbour discovery answers and asks
/// for addresses of interfaces only.
///
/// Control thread only. `on_owned` is told of everything that is ours before the kernel is touched:
/// who writes that down can undo it after a crash.
class ArpGuard {
 public:
  using OnOwned = std::function<void(const std::vector<ArpChange>&)>;
  ArpGuard(ArpSwitch& arp, ArpMode mode, OnOwned on_owned);

  /// What a crashed predecessor had set, from its record. Before the first check().
  void adopt(const std::vector<ArpChange>& left);

  /// Sets what has to be set: new interfaces, and those that somebody has set back (R7). Says how
  /// many of the latter.
  std::size_t check(const NetworkState& now);

  /// Gives every interface back what it had, where it still has what was set here. Says what is
  /// left, and why.
  [[nodiscard]] std::vector<std::string> restore(const NetworkState& now);

  [[nodiscard]] std::vector<ArpChange> owned() const;
  /// Interfaces that could not be set, as one would tell an operator.
  [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  ArpSwitch& arp_;
  const ArpMode mode_;
  const OnOwned on_owned_;
  std::map<unsigned, ArpChange> owned_;  ///< by interface index
  std::set<unsigned> refused_;           ///< of those, which could not be set
  std::vector<std::string> problems_;
};

}  // namespace wherry::steer
