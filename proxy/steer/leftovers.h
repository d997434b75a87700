#pragma once

#include "proxy/steer/interfaces.h"
#include "proxy/steer/packet_filters.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::steer {

/// Something in this network namespace that takes Services' packets before wherry gets them.
struct Leftover {
  enum class Kind {
    KubeProxyNftables,  ///< the tables of its mode nftables
    KubeProxyIptables,  ///< its chains, made by iptables-nft
    KubeProxyLegacy,    ///< its chains, made by iptables-legacy
    KubeProxyIpvs,      ///< the interface that carries its VIPs in mode ipvs
    OtherIpvs,          ///< IPVS services without it, which may be keepalived's
    InputDrop,          ///< a firewall that drops what no rule of it accepts
  };
  Kind kind;
  std::string text;  ///< what was found and what it does, and the remedy

  friend bool operator==(const Leftover&, const Leftover&) = default;
};

/// What stands in the way, as one would tell an operator; each kind once. Pure.
[[nodiscard]] std::vector<Leftover> leftovers(const PacketFilters& filters,
                                              const NetworkState& network);

/// Whether a chain is one of kube-proxy's that take Services' packets (modes iptables and ipvs).
/// The kubelet's and kube-router's KUBE-* chains are not.
[[nodiscard]] bool is_kube_proxy_chain(std::string_view name);

/// What remove_kube_proxy() talks to the kernel by.
struct KernelSockets {
  NetlinkSocket& netfilter;  ///< NETLINK_NETFILTER
  NetlinkSocket& route;      ///< NETLINK_ROUTE
  NetlinkSocket& generic;    ///< NETLINK_GENERIC
};

/// What remove_kube_proxy() could not, or did not want to, remove; each with its remedy.
struct KubeProxyRemoval {
  std::vector<std::string> left;
  /// What the operator should know though nothing is left to do: services of IPVS that may be
  /// somebody else's.
  std::vector<std::string> notes;
};

/// What is there of kube-proxy's after a removal. Pure.
[[nodiscard]] KubeProxyRemoval left_of_kube_proxy(const PacketFilters& filters,
                                                  const NetworkState& network);

/// Removes kube-proxy's nftables tables, its iptables chains (made by iptables-nft or
/// iptables-legacy), and of its mode ipvs the interface kube-ipvs0 and all services of IPVS (R5).
/// `network` is this namespace as it is before.
///
/// KUBE-MARK-MASQ and KUBE-POSTROUTING stay: CNI plugins use them for host ports. Without
/// kube-ipvs0 services of IPVS stay.
[[nodiscard]] KubeProxyRemoval remove_kube_proxy(const KernelSockets& sockets,
                                                 const NetworkState& network);

}  // namespace wherry::steer
