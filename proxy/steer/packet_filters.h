#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::steer {

/// Who holds a chain of packet filter rules.
enum class FilterKind {
  Nftables,  ///< nft's and iptables-nft's alike
  Iptables,  ///< iptables-legacy's, ip6tables-legacy's
};

struct FilterChain {
  FilterKind kind = FilterKind::Nftables;
  int family = 0;  ///< NFPROTO_IPV4 (2), NFPROTO_IPV6 (10), NFPROTO_INET (1), ...
  std::string table;
  std::string name;
  bool is_input = false;        ///< packets to this machine go through it (hook input, type filter)
  bool drops_the_rest = false;  ///< what no rule takes is dropped

  friend bool operator==(const FilterChain&, const FilterChain&) = default;
};

struct FilterTable {
  int family = 0;
  std::string name;

  friend bool operator==(const FilterTable&, const FilterTable&) = default;
};

/// What else looks at packets in this network namespace.
struct PacketFilters {
  std::vector<FilterTable> tables;  ///< nftables'
  std::vector<FilterChain> chains;
  std::optional<std::size_t> ipvs_services = 0;  ///< nothing: that can't be read
};

/// Reads all of them; needs CAP_NET_ADMIN in the namespace. `netfilter`: a socket of
/// NETLINK_NETFILTER. What the kernel does not have counts as empty, and looking loads nothing.
[[nodiscard]] Result<PacketFilters> read_packet_filters(NetlinkSocket& netfilter);

/// How many services /proc/net/ip_vs lists. Pure.
[[nodiscard]] std::size_t count_ipvs_services(std::string_view text);

/// Deletes nftables tables with all that is in them, together or not at all.
[[nodiscard]] NetlinkFailure delete_tables(NetlinkSocket& netfilter,
                                           const std::vector<FilterTable>& tables);

/// Deletes nftables chains, and before that every rule that leads to one of them, together or not
/// at all.
[[nodiscard]] NetlinkFailure delete_chains(NetlinkSocket& netfilter,
                                           const std::vector<FilterChain>& chains);

}  // namespace wherry::steer
