#include "proxy/steer/leftovers.h"

#include "proxy/steer/ipvs.h"
#include "proxy/steer/legacy_chains.h"
#include "tests/proxy/steer/in_namespace.h"

#include <gmock/gmock.h>

#include <linux/genetlink.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sstream>
#include <string>

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
  EXPECT_THAT(kinds(found), ElementsAre(Kind::KubeProxyNftables, Kind::KubeProxyIptables,
                                        Kind::KubeProxyLegacy, Kind::OtherIpvs, Kind::InputDrop));
  EXPECT_THAT(found[0].text, HasSubstr("wherry cleanup --kube-proxy"));
  EXPECT_THAT(found[1].text, HasSubstr("2 chains of kube-proxy (nftables chain ip nat "
                                       "KUBE-SERVICES, ...)"));
  EXPECT_THAT(found[2].text, HasSubstr("1 chain of kube-proxy (iptables-legacy chain "
                                       "KUBE-SERVICES of table nat) takes"));
  EXPECT_THAT(found[2].text, HasSubstr("wherry cleanup --kube-proxy"));
  EXPECT_THAT(found[3].text, HasSubstr("3 IPVS services take packets"));
  EXPECT_THAT(found[3].text, HasSubstr("ipvsadm --clear"));
  EXPECT_THAT(found[4].text, HasSubstr("nftables chain ip filter INPUT"));
}

TEST(Leftovers, KnowTheInterfaceOfIpvsThoughItsServicesAreGone) {
  NetworkState network;
  network.interfaces.push_back({.index = 2, .name = "kube-ipvs0", .kind = "dummy"});

  const auto found = leftovers({}, network);

  EXPECT_THAT(kinds(found), ElementsAre(Leftover::Kind::KubeProxyIpvs));
  EXPECT_THAT(found[0].text, HasSubstr("wherry cleanup --kube-proxy"));
  EXPECT_THAT(found[0].text, HasSubstr("ip link delete kube-ipvs0"));
}

/// keepalived's: `cleanup --kube-proxy` has nothing to do with them, as often as it is run.
TEST(Leftovers, R5_OfIpvsWithoutKubeProxysInterfaceAreANote) {
  PacketFilters filters;
  filters.ipvs_services = 1;

  const KubeProxyRemoval after = left_of_kube_proxy(filters, {});

  EXPECT_THAT(after.left, IsEmpty());
  EXPECT_THAT(after.notes, ElementsAre(HasSubstr("1 IPVS service takes packets")));
}

TEST(Leftovers, OfIpvsThatCanNotBeReadAreNotNone) {
  PacketFilters filters;
  filters.ipvs_services.reset();
  NetworkState network;

  EXPECT_THAT(kinds(leftovers(filters, network)), ElementsAre(Leftover::Kind::OtherIpvs));

  network.interfaces.push_back({.index = 2, .name = "kube-ipvs0", .kind = "dummy"});
  EXPECT_THAT(left_of_kube_proxy(filters, network).left,
              ElementsAre(HasSubstr("IPVS services and the interface kube-ipvs0")));
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
  static NetworkState network() {
    NetlinkSocket route(NETLINK_ROUTE);
    const auto found = NetlinkReader(route).read();
    EXPECT_TRUE(found) << found.error().message();
    return found ? *found : NetworkState{};
  }
  static std::vector<std::string> remove() { return removal().left; }
  static KubeProxyRemoval removal() {
    NetlinkSocket netfilter(NETLINK_NETFILTER);
    NetlinkSocket route(NETLINK_ROUTE);
    NetlinkSocket generic(NETLINK_GENERIC);
    return remove_kube_proxy({netfilter, route, generic}, network());
  }
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

/// Gives a program what is too long for an argument to read.
bool feed(const std::string& program, const std::string& text) {
  std::FILE* const pipe = ::popen(program.c_str(), "w");
  if (pipe == nullptr) return false;
  std::fwrite(text.data(), 1, text.size(), pipe);
  return ::pclose(pipe) == 0;
}

/// For iptables-restore, but for the end.
std::string many_chains() {
  std::string rules = "*nat\n:KUBE-SERVICES - [0:0]\n";
  for (int i = 0; i < 5000; ++i) rules += ":KUBE-SVC-" + std::to_string(i) + " - [0:0]\n";
  for (int i = 0; i < 5000; ++i) {
    rules += "-A KUBE-SERVICES -j KUBE-SVC-" + std::to_string(i) + "\n";
  }
  return rules;
}

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

    EXPECT_THAT(remove(), IsEmpty());

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

    EXPECT_THAT(remove(), IsEmpty());

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
    const std::string rules = many_chains();
    ASSERT_TRUE(feed("iptables-nft-restore", rules + "COMMIT\n"));

    EXPECT_THAT(remove(), IsEmpty());
  });
}

/// A rule set with counts, as iptables-save prints it: lines that begin with "=" stay when
/// kube-proxy's go. Rules without a target, those that go to a chain and do not come back, matches
/// of all sizes, and policies.
constexpr const char* kLegacyRules =
    "=*nat\n"
    "=:PREROUTING ACCEPT [7:70]\n"
    "=:INPUT ACCEPT [0:0]\n"
    "=:OUTPUT ACCEPT [8:80]\n"
    "=:POSTROUTING ACCEPT [9:90]\n"
    "=:CNI-HOSTPORT - [0:0]\n"
    "=:KUBE-KUBELET-CANARY - [0:0]\n"
    "=:KUBE-MARK-MASQ - [0:0]\n"
    " :KUBE-NODEPORTS - [0:0]\n"
    "=:KUBE-POSTROUTING - [0:0]\n"
    " :KUBE-PROXY-CANARY - [0:0]\n"
    " :KUBE-SEP-A - [0:0]\n"
    " :KUBE-SERVICES - [0:0]\n"
    " :KUBE-SVC-A - [0:0]\n"
    "=:LAST - [0:0]\n"
    " [1:10]-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n"
    "=[2:20]-A PREROUTING -j CNI-HOSTPORT\n"
    " [3:30]-A OUTPUT -g KUBE-SERVICES\n"
    "=[4:40]-A OUTPUT -p tcp -m comment --comment counts\n"
    "=[5:50]-A POSTROUTING -j KUBE-POSTROUTING\n"
    "=[6:60]-A CNI-HOSTPORT -p tcp -m tcp --dport 8080 -j KUBE-MARK-MASQ\n"
    " [1:11]-A CNI-HOSTPORT -j KUBE-NODEPORTS\n"
    "=[1:12]-A CNI-HOSTPORT -g LAST\n"
    "=[1:13]-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n"
    " [1:14]-A KUBE-SEP-A -j KUBE-MARK-MASQ\n"
    " [1:15]-A KUBE-SERVICES -p tcp -m tcp --dport 443 -j KUBE-SVC-A\n"
    " [1:16]-A KUBE-SERVICES -j KUBE-NODEPORTS\n"
    " [1:17]-A KUBE-SVC-A -m comment --comment x -j KUBE-SEP-A\n"
    "=[1:18]-A LAST -p udp -m udp --dport 53 -j ACCEPT\n"
    "=COMMIT\n"
    "=*filter\n"
    "=:INPUT DROP [1:2]\n"
    "=:FORWARD ACCEPT [3:4]\n"
    "=:OUTPUT ACCEPT [5:6]\n"
    "=:KUBE-FIREWALL - [0:0]\n"
    " :KUBE-FORWARD - [0:0]\n"
    " [7:70]-A FORWARD -j KUBE-FORWARD\n"
    "=[8:80]-A OUTPUT -j KUBE-FIREWALL\n"
    " [9:90]-A KUBE-FORWARD -j ACCEPT\n"
    "=COMMIT\n"
    "=*mangle\n"
    "=:PREROUTING ACCEPT [0:0]\n"
    "=:INPUT ACCEPT [0:0]\n"
    "=:FORWARD ACCEPT [0:0]\n"
    "=:OUTPUT ACCEPT [0:0]\n"
    "=:POSTROUTING ACCEPT [0:0]\n"
    "=:KUBE-KUBELET-CANARY - [0:0]\n"
    " :KUBE-PROXY-CANARY - [0:0]\n"
    "=COMMIT\n";

/// All of its lines, or those that stay.
std::string legacy_rules(bool all) {
  std::istringstream lines(kLegacyRules);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (all || line.front() == '=') text += line.substr(1) + '\n';
  }
  return text;
}

/// What iptables-legacy has, of all tables, without what is of the moment.
std::string saved(const std::string& iptables) {
  std::string text;
  for (const char* table : {"nat", "filter", "mangle"}) {
    text += output_of(iptables + "-save -c -t " + table + " | grep -v '^#' | sed 's/ $//'");
  }
  return text;
}

TEST_F(PacketFiltersTest, R5_OfIptablesLegacyLoseKubeProxysChainsAndNothingElse) {
  if (!has("iptables-legacy")) GTEST_SKIP() << "needs iptables-legacy (iptables)";
  for (const std::string iptables : {"iptables-legacy", "ip6tables-legacy"}) {
    std::string wanted;
    in_new_network([&] {
      ASSERT_TRUE(feed(iptables + "-restore -c", legacy_rules(false)));
      wanted = saved(iptables);
    });
    in_new_network([&] {
      ASSERT_TRUE(feed(iptables + "-restore -c", legacy_rules(true)));
      EXPECT_THAT(kinds_here(),
                  ElementsAre(Leftover::Kind::KubeProxyLegacy, Leftover::Kind::InputDrop));

      EXPECT_THAT(remove(), IsEmpty()) << "the kubelet's chains and the firewall are none of ours";

      EXPECT_EQ(saved(iptables), wanted);
      EXPECT_THAT(remove(), IsEmpty());
      EXPECT_EQ(saved(iptables), wanted) << "and a second time";
    });
  }
}

TEST_F(PacketFiltersTest, R5_OfIptablesLegacyLoseThousandsOfChainsAtOnce) {
  if (!has("iptables-legacy")) GTEST_SKIP() << "needs iptables-legacy (iptables)";
  in_new_network([] {
    ASSERT_TRUE(feed("iptables-legacy-restore", many_chains() + "COMMIT\n"));

    EXPECT_THAT(remove(), IsEmpty());

    EXPECT_THAT(output_of("iptables-legacy-save -t nat"), Not(HasSubstr("KUBE")));
  });
}

TEST_F(PacketFiltersTest, OfIptablesLegacyAreNotTouchedInAnEmptyNamespace) {
  in_new_network([] {
    EXPECT_THAT(remove(), IsEmpty());
    EXPECT_THAT(output_of("cat /proc/thread-self/net/ip_tables_names"), IsEmpty());
  });
}

/// What the kernel says is a table; cut off or bent anywhere it is none, and nothing is read that
/// is not there.
TEST_F(PacketFiltersTest, OfIptablesLegacyAreWholeTablesOrNone) {
  if (!has("iptables-legacy")) GTEST_SKIP() << "needs iptables-legacy (iptables)";
  in_new_network([] {
    ASSERT_TRUE(feed("iptables-legacy-restore -c", legacy_rules(true)));
    const auto tables = read_legacy_tables(IpFamily::IPv4);
    ASSERT_TRUE(tables);
    ASSERT_THAT(*tables, SizeIs(3));
    for (const LegacyTable& table : *tables) {
      ASSERT_TRUE(without_chains(table, is_kube_proxy_chain));
      for (std::size_t size = 0; size < table.entries.size(); size += 5) {
        LegacyTable cut = table;
        cut.entries.resize(size);
        EXPECT_FALSE(without_chains(cut, is_kube_proxy_chain)) << size;
        (void)chains_of(cut);
      }
      for (std::size_t at = 0; at < table.entries.size(); at += 3) {
        LegacyTable bent = table;
        bent.entries[at] ^= std::byte{0xff};
        (void)without_chains(bent, is_kube_proxy_chain);
        (void)chains_of(bent);
      }
      for (std::size_t hook = 0; hook < LegacyTable::kHooks; ++hook) {
        if ((table.valid_hooks & (1u << hook)) == 0) continue;
        for (const std::size_t beyond : {table.entries.size(), table.entries.size() + 8}) {
          LegacyTable bent = table;
          bent.hook_entry[hook] = static_cast<std::uint32_t>(beyond);
          EXPECT_FALSE(without_chains(bent, is_kube_proxy_chain)) << table.name << hook;
          bent.hook_entry = table.hook_entry;
          bent.underflow[hook] = static_cast<std::uint32_t>(beyond);
          EXPECT_FALSE(without_chains(bent, is_kube_proxy_chain)) << table.name << hook;
          (void)drops_the_rest(bent, static_cast<unsigned>(hook));
        }
      }
    }
  });
}

/// What counts goes on all the time; what somebody else changed must not be overwritten.
TEST_F(PacketFiltersTest, OfIptablesLegacyAreTheSameTableWhateverTheyHaveCounted) {
  if (!has("iptables-legacy")) GTEST_SKIP() << "needs iptables-legacy (iptables)";
  in_new_network([] {
    const auto read = [] { return read_legacy_tables(IpFamily::IPv4)->at(0); };
    ASSERT_TRUE(
        feed("iptables-legacy-restore -c", "*filter\n[7:70]-A OUTPUT -p tcp -j ACCEPT\nCOMMIT\n"));
    const LegacyTable before = read();
    ASSERT_TRUE(run("iptables-legacy -t filter -Z"));
    const LegacyTable counted = read();
    EXPECT_NE(counted.entries, before.entries);
    EXPECT_TRUE(has_same_rules(before, counted));

    ASSERT_TRUE(run("iptables-legacy -t filter -R OUTPUT 1 -p udp -j ACCEPT"));
    EXPECT_FALSE(has_same_rules(before, read()));
    ASSERT_TRUE(run("iptables-legacy -t filter -R OUTPUT 1 -p tcp -j ACCEPT"));
    EXPECT_TRUE(has_same_rules(before, read()));
    ASSERT_TRUE(run("iptables-legacy -t filter -P OUTPUT DROP"));
    EXPECT_FALSE(has_same_rules(before, read()));
  });
}

/// In a mount namespace of the test's own, which goes with its thread.
bool hide_run(const std::string& then) {
  return ::unshare(CLONE_NEWNS | CLONE_FS) == 0 &&
         run("mount --make-rprivate / && mount -t tmpfs none /run && " + then);
}

TEST_F(PacketFiltersTest, R5_OfIptablesLegacyGoWithoutALockOnlyWhereThereIsNoPlaceForOne) {
  if (!has("iptables-legacy")) GTEST_SKIP() << "needs iptables-legacy (iptables)";
  in_new_network([] {
    ASSERT_TRUE(feed("iptables-legacy-restore", "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n"));
    ASSERT_TRUE(hide_run("mount -o remount,ro /run"));

    const KubeProxyRemoval done = removal();

    EXPECT_THAT(done.left, IsEmpty());
    EXPECT_THAT(done.notes, ElementsAre(HasSubstr("without the lock")));
    EXPECT_THAT(kinds_here(), IsEmpty());
  });
  in_new_network([] {
    ASSERT_TRUE(feed("iptables-legacy-restore", "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n"));
    ASSERT_TRUE(hide_run("ln -s elsewhere /run/xtables.lock"));

    EXPECT_THAT(remove(), Contains(HasSubstr("can't be deleted: Too many levels")));
    EXPECT_THAT(kinds_here(), ElementsAre(Leftover::Kind::KubeProxyLegacy));
  });
}

TEST_F(PacketFiltersTest, R5_LoseTheInterfaceOfIpvs) {
  in_new_network([] {
    ASSERT_TRUE(
        run("ip link add kube-ipvs0 type bridge && ip addr add 10.96.0.10/32 dev kube-ipvs0 "
            "&& ip link add kube-ipvs1 type bridge"));

    EXPECT_THAT(remove(), IsEmpty());

    EXPECT_THAT(output_of("ip -o link"), Not(HasSubstr("kube-ipvs0")));
    EXPECT_THAT(output_of("ip -o link"), HasSubstr("kube-ipvs1"));
  });
}

/// Without the interface nobody would know any more whose services those are.
TEST_F(PacketFiltersTest, R5_KeepTheInterfaceOfIpvsWhereItsServicesCanNotBeRemoved) {
  in_new_network([] {
    ASSERT_TRUE(run("ip link add kube-ipvs0 type bridge"));
    NetlinkSocket netfilter(NETLINK_NETFILTER);
    NetlinkSocket route(NETLINK_ROUTE);
    NetlinkSocket deaf(NETLINK_USERSOCK);  // nobody in the kernel listens there

    const auto left = remove_kube_proxy({netfilter, route, deaf}, network()).left;

    ASSERT_THAT(left, SizeIs(2));
    EXPECT_THAT(left[0], HasSubstr("the services of IPVS can't be removed"));
    EXPECT_THAT(output_of("ip -o link"), HasSubstr("kube-ipvs0"));
  });
}

TEST_F(PacketFiltersTest, R5_AreSaidToBeLeftWhereTheInterfaceStays) {
  in_new_network([] {
    NetlinkSocket netfilter(NETLINK_NETFILTER);
    NetlinkSocket route(NETLINK_ROUTE);
    NetlinkSocket generic(NETLINK_GENERIC);
    NetworkState network;
    network.interfaces.push_back({.index = 4711, .name = "kube-ipvs0", .kind = "dummy"});

    const auto left = remove_kube_proxy({netfilter, route, generic}, network).left;

    ASSERT_THAT(left, SizeIs(2));
    EXPECT_THAT(left[0], HasSubstr("kube-ipvs0 can't be deleted: No such device"));
    EXPECT_THAT(left[1], HasSubstr("ip link delete kube-ipvs0"));
  });
}

TEST(Ipvs, FamiliesOfGenericNetlinkAreFoundByName) {
  NetlinkSocket generic(NETLINK_GENERIC);

  const auto found = find_family(generic, "nlctrl");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(*found, GENL_ID_CTRL);
  const auto none = find_family(generic, "wherry-none");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), boost::system::errc::no_such_file_or_directory);
}

/// As ipvsadm --clear says it (libipvs): a header of generic netlink and nothing else.
TEST(Ipvs, R5_IsFlushedByOneRequestWithoutAttributes) {
  const NetlinkRequest request = flush_ipvs_request(0x1234);
  const auto bytes = request.bytes();
  ASSERT_EQ(bytes.size(), sizeof(nlmsghdr) + sizeof(genlmsghdr));
  const auto* header = reinterpret_cast<const nlmsghdr*>(bytes.data());
  const auto* generic = reinterpret_cast<const genlmsghdr*>(bytes.data() + sizeof(nlmsghdr));

  EXPECT_EQ(header->nlmsg_type, 0x1234);
  EXPECT_EQ(generic->cmd, 17);  // IPVS_CMD_FLUSH, which never changes
  EXPECT_EQ(generic->version, 1);
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
