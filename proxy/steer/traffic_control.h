#pragma once

#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <cstdint>
#include <optional>
#include <set>

namespace wherry::steer {

/// Ours among the filters of an interface's ingress. The priority is low, which comes early: a
/// filter before it that decides (CNI plugins put theirs at 1) hides packets from it. Ours decides
/// nothing, so that those after it go on as if it were not there.
inline constexpr std::uint32_t kFilterPriority = 1;
inline constexpr std::uint32_t kFilterHandle = 87;
/// What its program is called: by this a filter of ours is known without a record.
inline constexpr char kFilterName[] = "wherry_return";

/// What hangs on an interface's clsact (or ingress) qdisc.
struct HookFilters {
  /// The number of the program under our priority, handle and name.
  std::optional<std::uint32_t> ours;
  bool others = false;  ///< somebody else's, at ingress or egress
};

/// Whether a notification (RTNLGRP_TC) may say that our filter is gone from an interface, or that
/// another one is in its place, or that what it hung on is gone. Of filters of our priority that
/// are removed together no handle is told.
[[nodiscard]] bool tells_of_removed_filter(const NetlinkAnswer& message);

/// The filters that packets pass as they come in at interfaces (tc(8)). One thread.
class TrafficControl {
 public:
  virtual ~TrafficControl() = default;

  /// Interfaces that filters can be put on, by index: they have a clsact or an ingress qdisc.
  [[nodiscard]] virtual Result<std::set<unsigned>> hooked() = 0;
  [[nodiscard]] virtual Result<HookFilters> filters(unsigned interface) = 0;
  /// Gives an interface a clsact qdisc. Fails with file_exists where it has one.
  [[nodiscard]] virtual NetlinkFailure add_hook(unsigned interface) = 0;
  /// Takes it away with everything that hangs on it.
  [[nodiscard]] virtual NetlinkFailure remove_hook(unsigned interface) = 0;
  /// Puts a program in our place, or in that of what was there.
  [[nodiscard]] virtual NetlinkFailure put(unsigned interface, int program) = 0;
  /// What is not there is no failure.
  [[nodiscard]] virtual NetlinkFailure take(unsigned interface) = 0;
};

/// Through rtnetlink, in the namespace that the socket is in. Changing needs CAP_NET_ADMIN.
class NetlinkTrafficControl final : public TrafficControl {
 public:
  explicit NetlinkTrafficControl(NetlinkSocket& netlink) : netlink_(netlink) {}

  [[nodiscard]] Result<std::set<unsigned>> hooked() override;
  [[nodiscard]] Result<HookFilters> filters(unsigned interface) override;
  [[nodiscard]] NetlinkFailure add_hook(unsigned interface) override;
  [[nodiscard]] NetlinkFailure remove_hook(unsigned interface) override;
  [[nodiscard]] NetlinkFailure put(unsigned interface, int program) override;
  [[nodiscard]] NetlinkFailure take(unsigned interface) override;

 private:
  [[nodiscard]] error_code add_filters(unsigned interface, std::uint32_t parent, HookFilters& into);

  NetlinkSocket& netlink_;
};

}  // namespace wherry::steer
