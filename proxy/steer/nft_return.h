#pragma once

#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <cstddef>
#include <cstdint>

namespace wherry::steer {

/// The one nftables rule that brings backends' answers back, in place of the return program
/// (--transparent nft, never by itself): in a table of its own,
///
///     table inet wherry_return {
///       chain prerouting {
///         type filter hook prerouting priority mangle;
///         socket transparent 1 meta mark set meta mark or MARK
///       }
///     }
///
/// written through nfnetlink, so that no nft program is needed. Needs CAP_NET_ADMIN and the
/// kernel's nf_tables and nft_socket. Control thread only.
///
/// Between ports of one bridge it sees nothing, unless br_netfilter hands their packets over. Of
/// fragments it sees the ports only where connection tracking has put them together before.
class NftReturn {
 public:
  explicit NftReturn(std::uint32_t mark) : netlink_(12 /* NETLINK_NETFILTER */), mark_(mark) {}

  /// Puts the table there, in place of what is under its name, in one transaction.
  [[nodiscard]] NetlinkFailure add();
  /// Puts it back where it is missing or changed; says how many things were.
  [[nodiscard]] Result<std::size_t> check();
  /// What is not there is no failure.
  [[nodiscard]] NetlinkFailure remove();

 private:
  NetlinkSocket netlink_;
  const std::uint32_t mark_;
};

}  // namespace wherry::steer
