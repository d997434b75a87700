#pragma once

#include "balancer/client_address.h"
#include "base/async/coalescer.h"
#include "base/async/timers.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/metrics.h"
#include "config/options.h"
#include "proxy/steer/interfaces.h"
#include "proxy/steer/netlink.h"
#include "proxy/steer/node_record.h"
#include "proxy/steer/repair_log.h"
#include "proxy/steer/return_path.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wherry::app {

/// The own Node, as far as it says where this node's pods are.
struct NodePlaces {
  std::vector<Cidr> pod_cidrs;       ///< Node.spec.podCIDRs; never the cluster's
  std::vector<IpAddress> addresses;  ///< of the Node
};

/// Shows backends their clients' own addresses, where that can be had (--transparent, in steering
/// `node`): sets up the way back for the answers, keeps it, and tells the workers who may be shown.
///
/// Control thread only; in the node's network namespace.
class ClientAddresses {
 public:
  struct Parts {
    Timers& timers;
    const Clock& clock;
    std::function<NodePlaces()> node;
    /// Gets what keeps_client_address() wants to know; null: nobody may be shown.
    std::function<void(std::shared_ptr<const balancer::LocalNetworks>)> tell;
    /// What is ours has changed: add_to() lists it, for the record.
    std::function<void()> on_owned;
  };

  ClientAddresses(config::Transparent how, Parts parts);

  /// Once. Says in the log whether clients' addresses are shown, and why not. `left` is what a
  /// predecessor's record lists: taken over, or removed.
  void start(const steer::NodeRecord& left);
  /// Interfaces, addresses or routes have changed, and are `now` like this. Follows them, and puts
  /// back what somebody took away (R7); every 30 s, from start() to stop(), it looks by itself.
  void check(steer::NetworkState now);
  /// Somebody has taken away what is ours (NetworkChange::return_path): it is put back within
  /// milliseconds, ten times a second at most, whoever goes on doing so.
  void mend();
  /// The Node has changed.
  void node_changed();
  /// Nobody new is shown; connections that go on keep their way back until undo().
  void stop();
  /// After the last connection has ended: takes everything back.
  void undo();

  /// Lists what is ours.
  void add_to(steer::NodeRecord& record) const;
  /// What an operator should look at, in words with the remedy.
  [[nodiscard]] std::vector<std::string> problems() const;
  /// Who the kernel names as having done what is done here (NetworkWatch).
  [[nodiscard]] std::uint32_t port() const noexcept { return netlink_.port(); }
  void collect(MetricFamilies& into) const;

 private:
  [[nodiscard]] std::string open(const steer::NodeRecord& left);
  [[nodiscard]] bool look();
  void keep();
  void tell();
  void wait_for_check();

  const config::Transparent how_;
  const Parts parts_;
  steer::NetlinkSocket netlink_;
  steer::NetlinkReader reader_;
  steer::NetworkState now_;
  std::unique_ptr<steer::ReturnPath> path_;  ///< null: nobody is shown
  std::string why_not_;                      ///< it was wanted, and can't be had
  std::string unread_;   ///< why the last look at the network failed; empty: it did not
  std::string failure_;  ///< of the last keep()
  balancer::LocalNetworks told_;
  std::vector<steer::LinkChange> recorded_;
  steer::RepairLog repairs_;
  Coalescer mending_;
  Timer check_;
  bool stopped_ = false;
};

}  // namespace wherry::app
