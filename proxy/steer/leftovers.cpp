#include "proxy/steer/leftovers.h"

#include "proxy/steer/ipvs.h"
#include "proxy/steer/legacy_chains.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <linux/netfilter.h>
#include <optional>
#include <utility>

namespace wherry::steer {
namespace {

constexpr std::string_view kProxyTable = "kube-proxy";
constexpr std::string_view kRemedy =
    "; stop kube-proxy on this node and run \"wherry cleanup --kube-proxy\", also while wherry "
    "runs, or \"kube-proxy --cleanup\". Leave it if kube-proxy serves other Services beside wherry";

constexpr std::array<std::string_view, 12> kChains{"KUBE-SERVICES",
                                                   "KUBE-NODEPORTS",
                                                   "KUBE-EXTERNAL-SERVICES",
                                                   "KUBE-FORWARD",
                                                   "KUBE-PROXY-FIREWALL",
                                                   "KUBE-PROXY-CANARY",
                                                   "KUBE-LOAD-BALANCER",
                                                   "KUBE-NODE-PORT",
                                                   "KUBE-IPVS-FILTER",
                                                   "KUBE-IPVS-OUT-FILTER",
                                                   "KUBE-SOURCE-RANGES-FIREWALL",
                                                   "KUBE-LOAD-BALANCER-FW"};
constexpr std::array<std::string_view, 6> kPrefixes{"KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-",
                                                    "KUBE-EXT-", "KUBE-XLB-", "KUBE-FW-"};

std::string_view family_name(int family) {
  switch (family) {
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    default:
      return "inet";
  }
}

/// As nft and iptables would be asked for it.
std::string name_of(const FilterChain& chain) {
  if (chain.kind == FilterKind::Nftables) {
    return "nftables chain " + std::string(family_name(chain.family)) + ' ' + chain.table + ' ' +
           chain.name;
  }
  return std::string(chain.family == NFPROTO_IPV4 ? "iptables" : "ip6tables") + "-legacy chain " +
         chain.name + " of table " + chain.table;
}

std::vector<FilterTable> proxy_tables(const PacketFilters& filters) {
  std::vector<FilterTable> found;
  for (const FilterTable& table : filters.tables) {
    const bool is_of_ip = table.family == NFPROTO_IPV4 || table.family == NFPROTO_IPV6;
    if (is_of_ip && table.name == kProxyTable) found.push_back(table);
  }
  return found;
}

bool is_proxy_chain(const FilterChain& chain) {
  // iptables-nft's tables have the names of iptables'.
  const bool is_iptables = chain.table == "nat" || chain.table == "filter" ||
                           chain.table == "mangle" || chain.table == "raw";
  return is_iptables && is_kube_proxy_chain(chain.name);
}

std::vector<FilterChain> proxy_chains(const PacketFilters& filters, FilterKind kind) {
  std::vector<FilterChain> found;
  std::copy_if(
      filters.chains.begin(), filters.chains.end(), std::back_inserter(found),
      [kind](const FilterChain& each) { return each.kind == kind && is_proxy_chain(each); });
  return found;
}

bool is_ipvs_interface(const Interface& interface) { return interface.name == kIpvsInterface; }

bool has_ipvs_interface(const NetworkState& network) {
  return std::any_of(network.interfaces.begin(), network.interfaces.end(), is_ipvs_interface);
}

std::string count_of(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

constexpr std::string_view kClear =
    "\"ipvsadm --clear\", which removes the services of others, such as keepalived's, too";

std::string other_ipvs_text(const std::optional<std::size_t>& services) {
  if (!services) {
    return "whether IPVS takes packets before wherry does can't be told, as /proc/net/ip_vs can't "
           "be read; look at it by \"ipvsadm -L -n\"";
  }
  return count_of(*services, "IPVS service") + (*services == 1 ? " takes" : " take") +
         " packets before wherry does; what is kube-proxy's of that is removed by " +
         std::string(kClear);
}

std::string ipvs_text(const std::optional<std::size_t>& services) {
  const std::string what = services ? count_of(*services, "IPVS service") : "IPVS services";
  return what + " and the interface kube-ipvs0 take Services' packets before wherry does" +
         std::string(kRemedy) + ". By hand: \"ip link delete kube-ipvs0\" and " +
         std::string(kClear);
}

/// kube-proxy's mode ipvs. The services first, whatever is known of them: the interface shows that
/// they are kube-proxy's.
void remove_ipvs(const KernelSockets& sockets, NetworkState& network,
                 std::vector<std::string>& left) {
  const auto found =
      std::find_if(network.interfaces.begin(), network.interfaces.end(), is_ipvs_interface);
  if (found == network.interfaces.end()) return;
  if (const auto failure = flush_ipvs(sockets.generic)) {
    left.push_back("the services of IPVS can't be removed: " + failure.to_string());
    return;
  }
  if (const auto failure = delete_interface(sockets.route, found->index)) {
    left.push_back("the interface kube-ipvs0 can't be deleted: " + failure.to_string());
    return;
  }
  network.interfaces.erase(found);
}

std::string chains_text(const std::vector<FilterChain>& chains) {
  const bool is_one = chains.size() == 1;
  return count_of(chains.size(), "chain") + " of kube-proxy (" + name_of(chains.front()) +
         (is_one ? ") takes" : ", ...) take") + " Services' packets before wherry does";
}

std::string input_text(const std::vector<FilterChain>& chains) {
  std::string names;
  for (const FilterChain& chain : chains) names += (names.empty() ? "" : ", ") + name_of(chain);
  return "a firewall drops packets to this machine that none of its rules accepts (" + names +
         "): Services' packets are such here, while kube-proxy forwarded them; add rules that "
         "accept the Services' addresses and NodePorts, and what belongs to connections";
}

}  // namespace

bool is_kube_proxy_chain(std::string_view name) {
  return std::find(kChains.begin(), kChains.end(), name) != kChains.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [name](std::string_view each) { return name.starts_with(each); });
}

std::vector<Leftover> leftovers(const PacketFilters& filters, const NetworkState& network) {
  std::vector<Leftover> found;
  if (!proxy_tables(filters).empty()) {
    found.push_back({Leftover::Kind::KubeProxyNftables,
                     "the nftables table kube-proxy takes Services' packets before wherry does" +
                         std::string(kRemedy)});
  }
  if (const auto chains = proxy_chains(filters, FilterKind::Nftables); !chains.empty()) {
    found.push_back(
        {Leftover::Kind::KubeProxyIptables, chains_text(chains) + std::string(kRemedy)});
  }
  if (const auto chains = proxy_chains(filters, FilterKind::Iptables); !chains.empty()) {
    found.push_back({Leftover::Kind::KubeProxyLegacy, chains_text(chains) + std::string(kRemedy)});
  }
  if (has_ipvs_interface(network)) {
    found.push_back({Leftover::Kind::KubeProxyIpvs, ipvs_text(filters.ipvs_services)});
  } else if (filters.ipvs_services != 0u) {
    found.push_back({Leftover::Kind::OtherIpvs, other_ipvs_text(filters.ipvs_services)});
  }
  std::vector<FilterChain> dropping;
  std::copy_if(filters.chains.begin(), filters.chains.end(), std::back_inserter(dropping),
               [](const FilterChain& each) { return each.is_input && each.drops_the_rest; });
  if (!dropping.empty()) {
    found.push_back({Leftover::Kind::InputDrop, input_text(dropping)});
  }
  return found;
}

KubeProxyRemoval left_of_kube_proxy(const PacketFilters& filters, const NetworkState& network) {
  KubeProxyRemoval removal;
  for (Leftover& each : leftovers(filters, network)) {
    switch (each.kind) {
      case Leftover::Kind::InputDrop:
        break;
      case Leftover::Kind::OtherIpvs:
        removal.notes.push_back(std::move(each.text));
        break;
      default:
        removal.left.push_back(std::move(each.text));
    }
  }
  return removal;
}

KubeProxyRemoval remove_kube_proxy(const KernelSockets& sockets, const NetworkState& network) {
  KubeProxyRemoval removal;
  std::vector<std::string>& left = removal.left;
  const auto before = read_packet_filters(sockets.netfilter);
  if (!before) {
    left.push_back("kube-proxy's rules can't be looked for: " + before.error().message() +
                   "; give wherry the capability CAP_NET_ADMIN in this network namespace");
    return removal;
  }
  if (const auto failure = delete_tables(sockets.netfilter, proxy_tables(*before))) {
    left.push_back("the nftables table kube-proxy can't be deleted: " + failure.to_string());
  }
  if (const auto failure =
          delete_chains(sockets.netfilter, proxy_chains(*before, FilterKind::Nftables))) {
    left.push_back("kube-proxy's chains can't be deleted: " + failure.to_string());
  }
  if (!proxy_chains(*before, FilterKind::Iptables).empty()) {
    bool is_locked = true;
    for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
      const LegacyDeletion deletion = delete_legacy_chains(family, is_proxy_chain);
      if (deletion.error) {
        left.push_back("kube-proxy's chains of iptables-legacy (" + std::string(to_string(family)) +
                       ") can't be deleted: " + deletion.error.message());
      }
      is_locked &= deletion.is_locked;
    }
    if (!is_locked) {
      removal.notes.emplace_back(
          "iptables-legacy's tables were written without the lock of iptables' programs, as there "
          "is no place for /run/xtables.lock: see that nobody changed rules at that moment, or "
          "mount the host's");
    }
  }
  NetworkState now = network;
  remove_ipvs(sockets, now, left);
  const auto after = read_packet_filters(sockets.netfilter);
  if (!after) return removal;
  KubeProxyRemoval rest = left_of_kube_proxy(*after, now);
  std::move(rest.left.begin(), rest.left.end(), std::back_inserter(left));
  std::move(rest.notes.begin(), rest.notes.end(), std::back_inserter(removal.notes));
  return removal;
}

}  // namespace wherry::steer
