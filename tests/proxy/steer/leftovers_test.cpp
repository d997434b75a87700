#include "proxy/steer/leftovers.h"

#include "proxy/steer/legacy_chains.h"
#include "tests/proxy/steer/in_namespace.h"

#include <gmock/gmock.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

namespace wherry::steer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<Leftover::Kind> kinds(const std::vector<Leftover>& all) {
  std::vector<Leftover::Kind> found;
  for (const Leftover& each : all) found.push_back(each.kind);
  return found;
}

FilterChain chain(FilterKind kind, const char* table, const char* name) {
  return {.kind = kind, .family = NFPROTO_IPV4, .table = table, .name = name};
}

TEST(Leftovers, AreNoneOnACleanNode) {
  PacketFilters filters;
  filters.tables = {{NFPROTO_IPV4, "nat"}, {NFPROTO_BRIDGE, "kube-proxy"}};
  filters.chains = {chain(FilterKind::Nftables, "nat", "PREROUTING"),
                    chain(FilterKind::Nftables, "nat", "CNI-HOSTPORT-DNAT")};

  EXPECT_THAT(leftovers(filters, {}), IsEmpty());
}

TEST(Leftovers, AreNamedEachKindOnceWithTheRemedy) {
  PacketFilters filters;
  filters.tables = {{NFPROTO_IPV4, "kube-proxy"}, {NFPROTO_IPV6, "kube-proxy"}};
  filters.chains = {chain(FilterKind::Nftables, "nat", "KUBE-SERVICES"),
                    chain(FilterKind::Nftables, "nat", "KUBE-SVC-ERIFXISQEP7F7OF4"),
                    chain(FilterKind::Iptables, "nat", "KUBE-SERVICES")};
  filters.ipvs_services = 3;
  FilterChain input = chain(FilterKind::Nftables, "filter", "INPUT");
  input.is_input = true;
  input.drops_the_rest = true;
  filters.chains.push_back(input);

  const auto found = leftovers(filters, {});

  using Kind = Leftover::Kind;
  EXPECT_THAT(kinds(found),
              ElementsAre(Kind::KubeProxyNftables, Kind::KubeProxyIptables, Kind::KubeProxyLegacy,
                          Kind::KubeProxyIpvs, Kind::InputDrop));
  EXPECT_THAT(found[0].text, HasSubstr("wherry cleanup --kube-proxy"));
  EXPECT_THAT(found[1].text, HasSubstr("2 chains of kube-proxy (nftables chain ip nat "
                                       "KUBE-SERVICES, ...)"));
  EXPECT_THAT(found[2].text, HasSubstr("iptables-legacy-restore"));
  EXPECT_THAT(found[3].text, HasSubstr("3 IPVS services"));
  EXPECT_THAT(found[4].text, HasSubstr("nftables chain ip filter INPUT"));
}

TEST(Leftovers, KnowTheInterfaceOfIpvsThoughItsServicesAreGone) {
  NetworkState network;
  network.interfaces.push_back({.index = 2, .name = "kube-ipvs0", .kind = "dummy"});

  EXPECT_THAT(kinds(leftovers({}, network)), ElementsAre(Leftover::Kind::KubeProxyIpvs));
}

TEST(Leftovers, LeaveOutAFirewallThatAcceptsTheRestAndOneThatDropsWhatIsForwarded) {
  PacketFilters filters;
  FilterChain accepts = chain(FilterKind::Nftables, "filter", "INPUT");
  accepts.is_input = true;
  FilterChain forward = chain(FilterKind::Nftables, "filter", "FORWARD");
  forward.drops_the_rest = true;
  filters.chains = {accepts, forward};

  EXPECT_THAT(leftovers(filters, {}), IsEmpty());
}

TEST(KubeProxyChain, IsNotTheKubeletsNorKubeRouters) {
  for (const char* name :
       {"KUBE-SERVICES", "KUBE-SEP-X", "KUBE-EXT-X", "KUBE-FW-X", "KUBE-NODE-PORT"}) {
    EXPECT_TRUE(is_kube_proxy_chain(name)) << name;
  }
  for (const char* name : {"KUBE-KUBELET-CANARY", "KUBE-FIREWALL", "KUBE-IPTABLES-HINT",
                           "KUBE-MARK-MASQ", "KUBE-POSTROUTING", "KUBE-ROUTER-INPUT",
                           "KUBE-POD-FW-X", "KUBE-NWPLCY-X", "CNI-KUBE-SVC-"}) {
    EXPECT_FALSE(is_kube_proxy_chain(name)) << name;
  }
}

TEST(IpvsServices, AreCountedWithoutHeadingsAndBackends) {
  EXPECT_EQ(count_ipvs_services("IP Virtual Server version 1.2.1 (size=4096)\n"
                                "Prot LocalAddress:Port Scheduler Flags\n"
                                "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
                                "TCP  0A600001:01BB rr\n"
                                "  -> C0A80105:192B      Masq    1      0          0\n"
                                "UDP  [fd000096000000000000000000000010]:0035 rr persistent 10800\n"
                                "FWM  00000001 rr"),
            3u);
  EXPECT_EQ(count_ipvs_services(""), 0u);
}

/// Real packet filters, in a namespace of their own.
class PacketFiltersTest : public ::testing::Test {
 protected:
  static PacketFilters read() {
    NetlinkSocket netfilter(NETLINK_NETFILTER);
    const auto found = read_packet_filters(netfilter);
    EXPECT_TRUE(found) << found.error().message();
    return found ? *found : PacketFilters{};
  }
  static std::vector<Leftover::Kind> kinds_here() { return kinds(leftovers(read(), {})); }
  static bool has(const char* program) {
    return run("command -v " + std::string(program) + " >/dev/null");
  }
};

constexpr const char* kNftablesMode =
    "nft -f - <<'X'\n"
    "table ip kube-proxy {\n"
    "  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict\n"
    "    elements = { 10.96.0.1 . tcp . 443 : goto service-A } }\n"
    "  chain service-A { meta l4proto tcp dnat to 10.0.0.1:6443; }\n"
    "  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }\n"
    "  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }\n"
    "}\n"
    "table ip6 kube-proxy {\n"
    "  chain services {\n  }\n"
    "}\n"
    "table inet other {\n"
    "  chain input { type filter hook input priority 0; policy accept;\n  }\n"
    "}\n"
    "X";

TEST_F(PacketFiltersTest, OfACleanNamespaceAreNone) {
  in_new_network([] {
    EXPECT_THAT(read().tables, IsEmpty());
    EXPECT_THAT(read().chains, IsEmpty());
  });
}

TEST_F(PacketFiltersTest, R5_ShowKubeProxysTablesAndLoseThemAndNothingElse) {
  if (!has("nft")) GTEST_SKIP() << "needs nft (nftables)";
  in_new_network([] {
    ASSERT_TRUE(run(kNftablesMode));
    EXPECT_THAT(kinds_here(), ElementsAre(Leftover::Kind::KubeProxyNftables));
    NetlinkSocket netfilter(NETLINK_NETFILTER);

    EXPECT_THAT(remove_kube_proxy(netfilter, {}), IsEmpty());

    EXPECT_THAT(read().tables, ElementsAre(FilterTable{NFPROTO_INET, "other"}));
  });
}

/// As kube-proxy writes them for one Service, beside the kubelet's and a host port's.
std::string iptables_mode(const std::string& iptables) {
  return iptables +
         "-restore <<'X'\n"
         "*nat\n"
         ":KUBE-SERVICES - [0:0]\n"
         ":KUBE-NODEPORTS - [0:0]\n"
         ":KUBE-POSTROUTING - [0:0]\n"
         ":KUBE-MARK-MASQ - [0:0]\n"
         ":KUBE-SVC-A - [0:0]\n"
         ":KUBE-SEP-A - [0:0]\n"
         ":CNI-HOSTPORT - [0:0]\n"
         "-A PREROUTING -j KUBE-SERVICES\n"
         "-A PREROUTING -j CNI-HOSTPORT\n"
         "-A OUTPUT -j KUBE-SERVICES\n"
         "-A POSTROUTING -j KUBE-POSTROUTING\n"
         "-A CNI-HOSTPORT -p tcp --dport 8080 -j KUBE-MARK-MASQ\n"
         "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp --dport 443 -j KUBE-SVC-A\n"
         "-A KUBE-SERVICES -j KUBE-NODEPORTS\n"
         "-A KUBE-SVC-A -j KUBE-SEP-A\n"
         "-A KUBE-SEP-A -j KUBE-MARK-MASQ\n"
         "-A KUBE-SEP-A -p tcp -j DNAT --to-destination 10.0.0.1:6443\n"
         "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n"
         "COMMIT\n"
         "*filter\n"
         ":KUBE-FORWARD - [0:0]\n"
         ":KUBE-FIREWALL - [0:0]\n"
         "-A FORWARD -j KUBE-FORWARD\n"
         "-A OUTPUT -j KUBE-FIREWALL\n"
         "COMMIT\n"
         "X";
}

TEST_F(PacketFiltersTest, R5_ShowKubeProxysChainsAndLoseThemAndNothingElse) {
  if (!has("iptables-nft")) GTEST_SKIP() << "needs iptables-nft (iptables)";
  in_new_network([] {
    ASSERT_TRUE(run(iptables_mode("iptables-nft")));
    EXPECT_THAT(kinds_here(), ElementsAre(Leftover::Kind::KubeProxyIptables));
    NetlinkSocket netfilter(NETLINK_NETFILTER);

    EXPECT_THAT(remove_kube_proxy(netfilter, {}), IsEmpty());

    const std::string left = output_of("iptables-nft-save");
    for (const char* gone : {"KUBE-SERVICES", "KUBE-S", "KUBE-NODEPORTS", "KUBE-FORWARD"}) {
      EXPECT_THAT(left, Not(HasSubstr(gone)));
    }
    for (const char* kept : {"-A PREROUTING -j CNI-HOSTPORT", "-A POSTROUTING -j KUBE-POSTROUTING",
                             "-A CNI-HOSTPORT -p tcp -m tcp --dport 8080 -j KUBE-MARK-MASQ",
                             "-A OUTPUT -j KUBE-FIREWALL"}) {
      EXPECT_THAT(left, HasSubstr(kept));
    }
  });
}

TEST_F(PacketFiltersTest, R5_LoseThousandsOfChainsAtOnce) {
  if (!has("iptables-nft")) GTEST_SKIP() << "needs iptables-nft (iptables)";
  in_new_network([] {
    std::string rules = "iptables-nft-restore <<'X'\n*nat\n:KUBE-SERVICES - [0:0]\n";
    for (int i = 0; i < 5000; ++i) rules += ":KUBE-SVC-" + std::to_string(i) + " - [0:0]\n";
    for (int i = 0; i < 5000; ++i) {
      rules += "-A KUBE-SERVICES -j KUBE-SVC-" + std::to_string(i) + "\n";
    }
    // Too long for an argument.
    std::FILE* const shell = ::popen("sh", "w");
    ASSERT_NE(shell, nullptr);
    std::fwrite(rules.data(), 1, rules.size(), shell);
    std::fputs("COMMIT\nX\n", shell);
    ASSERT_EQ(::pclose(shell), 0);
    NetlinkSocket netfilter(NETLINK_NETFILTER);

    EXPECT_THAT(remove_kube_proxy(netfilter, {}), IsEmpty());
  });
}

TEST_F(PacketFiltersTest, OfIptablesLegacyAreNamedWithTheCommandThatRemovesThem) {
  if (!has("iptables-legacy")) GTEST_SKIP() << "needs iptables-legacy (iptables)";
  for (const char* iptables : {"iptables-legacy", "ip6tables-legacy"}) {
    in_new_network([iptables] {
      const bool is_four = std::string_view(iptables) == "iptables-legacy";
      ASSERT_TRUE(run(std::string(iptables) + " -t nat -N KUBE-SERVICES && " + iptables +
                      " -t nat -A PREROUTING -j KUBE-SERVICES && " + iptables +
                      " -t filter -N KUBE-FIREWALL"));
      NetlinkSocket netfilter(NETLINK_NETFILTER);

      EXPECT_THAT(kinds_here(), ElementsAre(Leftover::Kind::KubeProxyLegacy));
      EXPECT_THAT(read().chains,
                  Contains(FilterChain{.kind = FilterKind::Iptables,
                                       .family = is_four ? NFPROTO_IPV4 : NFPROTO_IPV6,
                                       .table = "nat",
                                       .name = "KUBE-SERVICES"}));
      const auto left = remove_kube_proxy(netfilter, {});
      ASSERT_THAT(left, SizeIs(1));
      EXPECT_THAT(left[0], HasSubstr("kube-proxy --cleanup"));
    });
  }
}

TEST_F(PacketFiltersTest, ShowAFirewallThatDropsWhatIsForThisMachine) {
  if (!has("nft") || !has("iptables-nft")) GTEST_SKIP() << "needs nft and iptables";
  for (const char* firewall :
       {"nft add table inet filter && nft 'add chain inet filter input { type filter hook input "
        "priority 0; policy drop; }'",
        "iptables-nft -P INPUT DROP", "ip6tables-nft -P INPUT DROP",
        "iptables-legacy -P INPUT DROP", "ip6tables-legacy -P INPUT DROP"}) {
    in_new_network([firewall] {
      ASSERT_TRUE(run(firewall));
      EXPECT_THAT(kinds_here(), ElementsAre(Leftover::Kind::InputDrop)) << firewall;
    });
  }
}

TEST_F(PacketFiltersTest, ShowNoFirewallWhereOtherThingsAreDropped) {
  if (!has("nft") || !has("iptables-legacy")) GTEST_SKIP() << "needs nft and iptables";
  for (const char* other :
       {"nft add table inet filter && nft 'add chain inet filter forward { type filter hook "
        "forward priority 0; policy drop; }'",
        "nft add table arp filter && nft 'add chain arp filter input { type filter hook input "
        "priority 0; policy drop; }'",
        "iptables-legacy -P FORWARD DROP", "iptables-legacy -P OUTPUT DROP"}) {
    in_new_network([other] {
      ASSERT_TRUE(run(other));
      EXPECT_THAT(kinds_here(), IsEmpty()) << other;
    });
  }
}

}  // namespace
}  // namespace wherry::steer
