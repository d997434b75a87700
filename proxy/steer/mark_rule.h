#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <cstdint>
#include <vector>

namespace wherry::steer {

/// Packets that come in with a mark are for this machine, whatever address they go to:
/// `ip rule add fwmark MARK/MASK lookup TABLE priority PRIORITY` and
/// `ip route add local default dev lo table TABLE`, for IPv4 and IPv6. What does not come in, which
/// the kernel takes for coming from lo, passes over that rule (`iif lo goto`, one priority before,
/// and `nop`, one after): this machine's own packets, and the look for the way back to a packet's
/// source, which rp_filter with src_valid_mark, Calico's and firewalld's rpfilter do with its mark.
struct MarkRuleSpec {
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;  ///< which bits of a packet's mark are looked at
  std::uint32_t table = 0;
  std::uint32_t priority = 0;  ///< smaller comes first; 1 to 32764

  friend bool operator==(const MarkRuleSpec&, const MarkRuleSpec&) = default;
};

/// What MarkRule::check() did.
struct MarkRuleCheck {
  std::vector<IpFamily> mended;  ///< of these something was missing, and is back
  error_code error;              ///< the family after those could not be looked at or mended
};

/// A mark rule of this network namespace, with its routes; both carry our protocol number
/// (kRouteProtocol; of rules since Linux 4.17), and are touched by that alone.
///
/// Control thread only. Changing needs CAP_NET_ADMIN. A kernel without IPv6 gets the IPv4 half.
class MarkRule {
 public:
  MarkRule(NetlinkSocket& netlink, MarkRuleSpec spec) : netlink_(netlink), spec_(spec) {}

  /// What is there already is no failure: a predecessor's is taken over.
  [[nodiscard]] NetlinkFailure add();

  /// Puts back what is missing.
  [[nodiscard]] MarkRuleCheck check();

  /// What is not there any more is no failure.
  [[nodiscard]] NetlinkFailure remove();

 private:
  [[nodiscard]] NetlinkFailure add(IpFamily family);
  [[nodiscard]] Result<bool> mend(IpFamily family);
  [[nodiscard]] Result<bool> has_rule(IpFamily family);
  [[nodiscard]] Result<bool> has_route(IpFamily family);

  NetlinkSocket& netlink_;
  const MarkRuleSpec spec_;
};

/// Whether a notification (RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE) says that a rule of ours is gone.
[[nodiscard]] bool tells_of_removed_rule(const NetlinkAnswer& message);

/// Every mark rule of ours in this namespace, for who has no record of it.
[[nodiscard]] Result<std::vector<MarkRuleSpec>> list_mark_rules(NetlinkSocket& netlink);

}  // namespace wherry::steer
