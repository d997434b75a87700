#include "config/setting.h"

#include "tests/config/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

std::optional<std::string> apply(Options& options, std::string_view flag, const std::string& text) {
  const std::vector<std::string> texts{text};
  return find_flag(flag)->apply(options, texts);
}

class EverySetting : public ::testing::TestWithParam<std::string> {
 protected:
  const Setting& setting_ = *find_flag(GetParam());
};

TEST_P(EverySetting, IsFoundByItsFlagAndByItsKey) {
  EXPECT_EQ(setting_.flag, GetParam());
  EXPECT_EQ(find_key(setting_.key()), &setting_);
}

TEST_P(EverySetting, HasASampleThatTestsCanSet) {
  const Sample* sample = sample_of(GetParam());

  ASSERT_NE(sample, nullptr) << "give --" << GetParam() << " a sample in tests/config/samples.cpp";
  EXPECT_NE(sample->value, sample->other_value);
  EXPECT_NE(sample->seen(Options{}), sample->value);
}

TEST_P(EverySetting, HasHelpAndAWordForItsValue) {
  EXPECT_THAT(setting_.help, Not(IsEmpty()));
  EXPECT_THAT(setting_.value, Not(IsEmpty()));
}

TEST_P(EverySetting, ShowsWhatWasSet) {
  const Setting& shown = setting_.same_as.empty() ? setting_ : *find_flag(setting_.same_as);
  const Sample& sample = *sample_of(GetParam());
  Options options;

  ASSERT_EQ(setting_.apply(options, sample.texts), std::nullopt);

  EXPECT_EQ(shown.show(options), sample.value);
}

TEST_P(EverySetting, IsASettingOfItsOwnOrAnotherNameOfOne) {
  if (setting_.same_as.empty()) return;
  const Setting* same = find_flag(setting_.same_as);
  ASSERT_NE(same, nullptr);
  EXPECT_TRUE(same->same_as.empty());
  EXPECT_EQ(same->kind, setting_.kind);
  EXPECT_EQ(same->value, setting_.value);
}

TEST_P(EverySetting, ChangesNothingButItsOwnOption) {
  const Sample& sample = *sample_of(GetParam());
  Options options;

  ASSERT_EQ(setting_.apply(options, sample.texts), std::nullopt);

  const std::string_view own = setting_.same_as.empty() ? setting_.flag : setting_.same_as;
  for (const Setting& other : settings()) {
    if (other.flag == own) continue;
    EXPECT_EQ(other.show(options), other.show(Options{})) << other.flag;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EverySetting, ::testing::ValuesIn(all_flags()),
                         [](const auto& row) { return test_name(row.param); });

TEST(Settings, HaveDifferentFlagsAndKeys) {
  std::set<std::string> flags;
  std::set<std::string> keys;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(flags.emplace(setting.flag).second) << setting.flag;
    EXPECT_TRUE(keys.insert(setting.key()).second) << setting.key();
  }
}

TEST(Settings, KeysAreTheFlagsInCamelCase) {
  EXPECT_EQ(find_flag("workers")->key(), "workers");
  EXPECT_EQ(find_flag("listen-address")->key(), "listenAddress");
  EXPECT_EQ(find_flag("metrics-bind-address")->key(), "metricsBindAddress");
}

TEST(Settings, AnUnknownFlagOrKeyIsNotFound) {
  EXPECT_EQ(find_flag("listenAddress"), nullptr);
  EXPECT_EQ(find_key("listen-address"), nullptr);
  EXPECT_EQ(find_flag(""), nullptr);
}

struct Default {
  const char* flag;
  const char* shown;
};
std::ostream& operator<<(std::ostream& out, const Default& each) { return out << each.flag; }

class ADefault : public ::testing::TestWithParam<Default> {};

TEST_P(ADefault, IsThatOfTheDocumentation) {
  const Setting* setting = find_flag(GetParam().flag);

  ASSERT_NE(setting, nullptr);
  EXPECT_EQ(setting->show(Options{}), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ADefault,
    ::testing::Values(Default{"manifests", ""}, Default{"kubeconfig", ""}, Default{"context", ""},
                      Default{"master", ""}, Default{"namespace", ""}, Default{"state-dir", ""},
                      Default{"endpoints", "slices"}, Default{"poll-interval", "0s"},
                      Default{"listen-address", "127.0.0.1"}, Default{"listen-pool", ""},
                      Default{"port-offset", "0"}, Default{"service-proxy-name", ""},
                      Default{"source-ranges-everywhere", "false"}, Default{"node-name", ""},
                      Default{"workers", "0"}, Default{"admin-address", "127.0.0.1:10249"},
                      Default{"healthz-bind-address", ""}, Default{"bind-address", ""},
                      Default{"nodeport-addresses", ""}, Default{"cluster-cidr", ""},
                      Default{"pod-bridge-interface", ""}, Default{"pod-interface-name-prefix", ""},
                      Default{"ipvs-scheduler", ""}, Default{"oom-score-adj", ""},
                      Default{"bind-address-hard-fail", "false"},
                      Default{"detect-local-mode", "ClusterCIDR"},
                      Default{"proxy-mode", "iptables"}, Default{"allow-external-ips", "true"},
                      Default{"min-sync-period", "0s"}, Default{"sync-period", "30s"},
                      Default{"config-sync-period", "15m"}, Default{"profiling", "false"},
                      Default{"connect-timeout", "3s"}, Default{"max-attempts", "3"},
                      Default{"idle-timeout", "0s"}, Default{"max-sessions", "0"},
                      Default{"drain-timeout", "25s"}, Default{"udp-idle-timeout", "1m"},
                      Default{"steering", "auto"}, Default{"ipvs-strict-arp", "false"},
                      Default{"run-dir", "/run/wherry"}, Default{"service-cidr", ""},
                      Default{"accept-proxy-protocol", ""}, Default{"transparent", "auto"},
                      Default{"max-udp-flows", "0"}, Default{"max-udp-flows-per-source", "0"},
                      Default{"log-level", "info"}, Default{"log-format", "text"}),
    [](const auto& row) { return test_name(row.param.flag); });

TEST(NodePortAddressesSetting, F2_HasKubeProxysWordsInAnyMixture) {
  struct Case {
    const char* text;
    const char* shown;
  };
  for (const auto& [text, shown] : {
           Case{"primary", "primary"},
           Case{"localhost", "127.0.0.0/8,::1/128"},
           Case{"all", "0.0.0.0/0,::/0"},
           Case{"192.0.2.0/24,primary", "primary,192.0.2.0/24"},
           Case{"primary,localhost", "primary,127.0.0.0/8,::1/128"},
           Case{"fd00::/64,all,localhost", "fd00::/64,0.0.0.0/0,::/0,127.0.0.0/8,::1/128"},
       }) {
    const Setting& setting = *find_flag("nodeport-addresses");
    Options options;
    EXPECT_EQ(apply(options, "nodeport-addresses", text), std::nullopt);
    EXPECT_EQ(setting.show(options), shown);

    Options again;
    EXPECT_EQ(apply(again, "nodeport-addresses", shown), std::nullopt)
        << "what is shown can be given";
    EXPECT_EQ(setting.show(again), shown);
  }
}

struct BadValue {
  const char* name;
  const char* flag;
  std::string text;
  std::string fault;
};
std::ostream& operator<<(std::ostream& out, const BadValue& each) { return out << each.name; }

class ABadValue : public ::testing::TestWithParam<BadValue> {};

TEST_P(ABadValue, IsSaidToBeWrongWithWhatWouldBeRightAndChangesNothing) {
  Options options;

  EXPECT_EQ(apply(options, GetParam().flag, GetParam().text), GetParam().fault);

  for (const Setting& setting : settings()) {
    EXPECT_EQ(setting.show(options), setting.show(Options{})) << setting.flag;
  }
}

INSTANTIATE_TEST_SUITE_P(
    OfACluster, ABadValue,
    ::testing::Values(
        BadValue{"NoFile", "kubeconfig", "", "is empty; name a kubeconfig, or leave it out"},
        BadValue{"NoContext", "context", "", "is empty; name a context, or leave it out"},
        BadValue{"NoMaster", "master", "", "is empty; write a URL such as https://10.0.0.1:6443"},
        BadValue{"NoFolder", "state-dir", "", "is empty; name a folder, or leave it out"},
        BadValue{"NoNamespace", "namespace", "",
                 "\"\" is no namespace; write lower-case letters, digits and '-'"},
        BadValue{"UpperCaseNamespace", "namespace", "Shop",
                 "\"Shop\" is no namespace; write lower-case letters, digits and '-'"},
        BadValue{"FlagForANamespace", "namespace", "-x",
                 "\"-x\" is no namespace; write lower-case letters, digits and '-'"},
        BadValue{"Endpoints", "endpoints", "endpoints",
                 "\"endpoints\" is no source of endpoints; write slices or pods"},
        BadValue{"TooOften", "poll-interval", "500ms",
                 "500ms is too often for an API server; write 1s or more, or 0 to watch"},
        BadValue{"NoDuration", "poll-interval", "x",
                 "\"x\" is no duration; write one such as 3s, 500ms or 1m30s"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    OfANode, ABadValue,
    ::testing::Values(
        BadValue{"HealthzWord", "healthz-bind-address", "none",
                 "\"none\" is no ADDR:PORT; write for example 0.0.0.0:10256 or [::]:10256, or "
                 "\"\" for none"},
        BadValue{"Boolean", "profiling", "yes",
                 "\"yes\" is neither true nor false; write one of them"},
        BadValue{"BindAddressName", "bind-address", "eth0",
                 "\"eth0\" is no address of a node; write one such as 192.0.2.7, or 0.0.0.0 for "
                 "what the Node object says"},
        BadValue{"ProxyWithoutLength", "accept-proxy-protocol", "192.0.2.7",
                 "\"192.0.2.7\" is no CIDR; write address/length, for example 192.0.2.0/24, or "
                 "192.0.2.7/32 for one proxy"},
        BadValue{"ProxyInsideABlock", "accept-proxy-protocol", "192.0.2.7/24",
                 "192.0.2.7/24 is an address inside a block; the block is 192.0.2.0/24"},
        BadValue{"Transparent", "transparent", "on",
                 "\"on\" is no such way; write auto, off or nft"},
        BadValue{"Steering", "steering", "tproxy",
                 "\"tproxy\" is no way of steering; write auto, node or bind"},
        BadValue{"ServiceCidr", "service-cidr", "10.96.0.1",
                 "\"10.96.0.1\" is no CIDR; write address/length, for example 10.96.0.0/12"},
        BadValue{"ServiceCidrHostBits", "service-cidr", "10.96.0.1/12",
                 "10.96.0.1/12 is an address inside a block; the block is 10.96.0.0/12"},
        BadValue{"ServiceCidrOfEverything", "service-cidr", "0.0.0.0/0",
                 "0.0.0.0/0 is no block that a cluster gives to its Services; write what its API "
                 "server has as --service-cluster-ip-range"},
        BadValue{"RunDir", "run-dir", "run",
                 "\"run\" is no absolute path; name a folder such as /run/wherry"},
        BadValue{"NodePortAddress", "nodeport-addresses", "192.0.2.7",
                 "\"192.0.2.7\" is no CIDR; write address/length, for example 192.0.2.0/24, or "
                 "primary, localhost or all"},
        BadValue{"NodePortWord", "nodeport-addresses", "primary,Localhost",
                 "\"Localhost\" is no CIDR; write address/length, for example 192.0.2.0/24, or "
                 "primary, localhost or all"},
        BadValue{"ClusterCidr", "cluster-cidr", "10.244.0.0",
                 "\"10.244.0.0\" is no CIDR; write address/length, for example 10.244.0.0/16"},
        BadValue{"TwoBlocksOfOneFamily", "cluster-cidr", "10.1.0.0/16,10.2.0.0/16",
                 "write one block, or one of each family with a comma between them"},
        BadValue{"DetectLocalMode", "detect-local-mode", "clustercidr",
                 "\"clustercidr\" is no such mode; write ClusterCIDR, NodeCIDR, BridgeInterface or "
                 "InterfaceNamePrefix"},
        BadValue{"ProxyMode", "proxy-mode", "userspace",
                 "\"userspace\" is no mode of kube-proxy; write iptables, ipvs or nftables"},
        BadValue{"SyncPeriodOfZero", "sync-period", "0s",
                 "must be longer than 0; write for example 3s"},
        BadValue{"OomScoreAdj", "oom-score-adj", "-1001",
                 "\"-1001\" is out of range; write a whole number from -1000 to 1000"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    WholeNumbers, ABadValue,
    ::testing::Values(
        BadValue{"Word", "workers", "two", "\"two\" is no whole number; write one from 0 to 1024"},
        BadValue{"Empty", "workers", "", "\"\" is no whole number; write one from 0 to 1024"},
        BadValue{"Fraction", "workers", "1.5",
                 "\"1.5\" is no whole number; write one from 0 to 1024"},
        BadValue{"NumberAndMore", "workers", "4x",
                 "\"4x\" is no whole number; write one from 0 to 1024"},
        BadValue{"Plus", "workers", "+4", "\"+4\" is no whole number; write one from 0 to 1024"},
        BadValue{"Blank", "workers", " 4", "\" 4\" is no whole number; write one from 0 to 1024"},
        BadValue{"Hexadecimal", "workers", "0x10",
                 "\"0x10\" is no whole number; write one from 0 to 1024"},
        BadValue{"Negative", "workers", "-1",
                 "-1 is out of range; write a whole number from 0 to 1024"},
        BadValue{"TooMany", "workers", "1025",
                 "1025 is out of range; write a whole number from 0 to 1024"},
        BadValue{"MoreThanAnyInteger", "max-sessions", "99999999999999999999",
                 "99999999999999999999 is out of range; write a whole number from 0 to 100000000"},
        BadValue{"TooFew", "max-attempts", "0",
                 "0 is out of range; write a whole number from 1 to 100"},
        BadValue{"OffsetPastEveryPort", "port-offset", "65535",
                 "65535 is out of range; write a whole number from 0 to 65534"},
        BadValue{"SessionsPastTheirLimit", "max-sessions", "100000001",
                 "100000001 is out of range; write a whole number from 0 to 100000000"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Durations, ABadValue,
    ::testing::Values(BadValue{"Word", "idle-timeout", "never",
                               "\"never\" is no duration; write one such as 3s, 500ms or 1m30s"},
                      BadValue{"Empty", "idle-timeout", "",
                               "\"\" is no duration; write one such as 3s, 500ms or 1m30s"},
                      BadValue{"NoUnit", "connect-timeout", "30",
                               "\"30\" has no unit; write 30s, 30ms or 30m"},
                      BadValue{"FractionWithoutUnit", "connect-timeout", "1.5",
                               "\"1.5\" has no unit; write 1.5s, 1.5ms or 1.5m"},
                      BadValue{"OnlyADot", "connect-timeout", ".",
                               "\".\" is no duration; write one such as 3s, 500ms or 1m30s"},
                      BadValue{"Negative", "drain-timeout", "-3s",
                               "\"-3s\" is no duration; write one such as 3s, 500ms or 1m30s"},
                      BadValue{"UnknownUnit", "drain-timeout", "3d",
                               "\"3d\" is no duration; write one such as 3s, 500ms or 1m30s"},
                      BadValue{"LongerThanAClockCanAddUp", "drain-timeout", "2562047h47m16s",
                               "2562047h47m16s is too long; write at most 8760h, which is a year"},
                      BadValue{"Blank", "drain-timeout", "3 s",
                               "\"3 s\" is no duration; write one such as 3s, 500ms or 1m30s"},
                      BadValue{"ZeroWhereItMustLast", "connect-timeout", "0",
                               "must be longer than 0; write for example 3s"},
                      BadValue{"ZeroSecondsWhereItMustLast", "connect-timeout", "0s",
                               "must be longer than 0; write for example 3s"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Addresses, ABadValue,
    ::testing::Values(
        BadValue{"Name", "listen-address", "localhost",
                 "\"localhost\" is no IP address; write one such as 127.0.0.1, 0.0.0.0 or ::1"},
        BadValue{"Empty", "listen-address", "",
                 "\"\" is no IP address; write one such as 127.0.0.1, 0.0.0.0 or ::1"},
        BadValue{"WithPort", "listen-address", "127.0.0.1:80",
                 "\"127.0.0.1:80\" is no IP address; write one such as 127.0.0.1, 0.0.0.0 or ::1 "
                 "(without a port: each Service brings its own)"},
        BadValue{"InBrackets", "listen-address", "[::1]",
                 "\"[::1]\" is no IP address; write one such as 127.0.0.1, 0.0.0.0 or ::1"},
        BadValue{"Multicast", "listen-address", "224.0.0.1",
                 "224.0.0.1 is a multicast address; write an address of this machine"},
        BadValue{"AdminWithoutPort", "admin-address", "127.0.0.1",
                 "\"127.0.0.1\" is no ADDR:PORT; write for example 127.0.0.1:10249 or "
                 "[::1]:10249"},
        BadValue{"AdminOnlyPort", "admin-address", ":10249",
                 "\":10249\" is no ADDR:PORT; write for example 127.0.0.1:10249 or [::1]:10249"},
        BadValue{"AdminPortTooGreat", "admin-address", "127.0.0.1:65536",
                 "\"127.0.0.1:65536\" is no ADDR:PORT; write for example 127.0.0.1:10249 or "
                 "[::1]:10249"},
        BadValue{"AdminIpv6WithoutBrackets", "metrics-bind-address", "::1:10249",
                 "\"::1:10249\" is no ADDR:PORT; write for example 127.0.0.1:10249 or "
                 "[::1]:10249"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Pools, ABadValue,
    ::testing::Values(
        BadValue{"NoLength", "listen-pool", "127.64.0.0",
                 "\"127.64.0.0\" is no CIDR; write address/length, for example 127.64.0.0/16"},
        BadValue{"TooLong", "listen-pool", "127.64.0.0/33",
                 "\"127.64.0.0/33\" is no CIDR; write address/length, for example 127.64.0.0/16"},
        BadValue{"HostBits", "listen-pool", "127.64.0.7/16",
                 "127.64.0.7/16 is an address inside a block; the block is 127.64.0.0/16"},
        BadValue{"TooSmall", "listen-pool", "127.64.0.0/31",
                 "127.64.0.0/31 holds no addresses for Services; write a block such as "
                 "127.64.0.0/16"},
        BadValue{"Multicast", "listen-pool", "224.0.0.0/8",
                 "224.0.0.0/8 holds no addresses for Services; write a block such as "
                 "127.64.0.0/16"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    NodeNames, ABadValue,
    ::testing::Values(
        BadValue{"Empty", "node-name", "",
                 "\"\" is no node name; write lower-case letters, digits, '-' and '.'"},
        BadValue{"OnlyBlanks", "node-name", " \t ",
                 "\" \t \" is no node name; write lower-case letters, digits, '-' and '.'"},
        BadValue{"Underscore", "hostname-override", "node_1",
                 "\"node_1\" is no node name; write lower-case letters, digits, '-' and '.'"},
        BadValue{"TheNextFlag", "node-name", "--workers",
                 "\"--workers\" is no node name; write lower-case letters, digits, '-' and '.'"},
        BadValue{"DotAtTheEnd", "node-name", "node.",
                 "\"node.\" is no node name; write lower-case letters, digits, '-' and '.'"},
        BadValue{"TooLong", "node-name", std::string(254, 'a'),
                 '"' + std::string(254, 'a') +
                     "\" is no node name; write lower-case letters, digits, '-' and '.'"}),
    [](const auto& row) { return row.param.name; });

constexpr const char* kNoLabel =
    " is no value of a label; write at most 63 letters, digits, '-', '_' and '.', or leave it out";

INSTANTIATE_TEST_SUITE_P(
    ProxyNames, ABadValue,
    ::testing::Values(
        BadValue{"Empty", "service-proxy-name", "", std::string("\"\"") + kNoLabel},
        BadValue{"Blank", "service-proxy-name", "a b", std::string("\"a b\"") + kNoLabel},
        BadValue{"DotAtTheEnd", "service-proxy-name", "a.", std::string("\"a.\"") + kNoLabel},
        BadValue{"ThatWouldBeASelector", "service-proxy-name", "a,b=c",
                 std::string("\"a,b=c\"") + kNoLabel},
        BadValue{"TooLong", "service-proxy-name", std::string(64, 'a'),
                 '"' + std::string(64, 'a') + '"' + kNoLabel}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Words, ABadValue,
    ::testing::Values(BadValue{"Level", "log-level", "verbose",
                               "\"verbose\" is no level; write debug, info, warn or error"},
                      BadValue{"EmptyLevel", "log-level", "",
                               "\"\" is no level; write debug, info, warn or error"},
                      BadValue{"Format", "log-format", "xml",
                               "\"xml\" is no format; write text or json"}),
    [](const auto& row) { return row.param.name; });

TEST(Settings, W9_TheNodeNameIsTrimmedAndLowerCased) {
  Options options;

  ASSERT_EQ(apply(options, "node-name", " Node-1.Example \n"), std::nullopt);

  EXPECT_EQ(options.node_name, "node-1.example");
}

TEST(Settings, APortThatKubeProxyLetsOneLeaveOutIsItsDefault) {
  Options options;

  EXPECT_EQ(apply(options, "metrics-bind-address", "0.0.0.0"), std::nullopt);
  EXPECT_EQ(apply(options, "healthz-bind-address", "::"), std::nullopt);

  EXPECT_EQ(options.admin_address.to_string(), "0.0.0.0:10249");
  EXPECT_EQ(options.healthz_bind_address->to_string(), "[::]:10256");
}

TEST(Settings, NumbersReachBothEndsOfTheirRange) {
  Options options;

  EXPECT_EQ(apply(options, "port-offset", "65534"), std::nullopt);
  EXPECT_EQ(apply(options, "max-attempts", "1"), std::nullopt);
  EXPECT_EQ(apply(options, "workers", "0"), std::nullopt);
  EXPECT_EQ(apply(options, "max-sessions", "100000000"), std::nullopt);

  EXPECT_EQ(options.port_offset, 65534);
  EXPECT_EQ(options.max_attempts, 1u);
  EXPECT_EQ(options.max_sessions, 100'000'000u);
}

TEST(Settings, ThePoolMayBeAsSmallAsFourAddresses) {
  Options options;

  EXPECT_EQ(apply(options, "listen-pool", "127.64.0.0/30"), std::nullopt);

  EXPECT_EQ(options.listen_pool->to_string(), "127.64.0.0/30");
}

struct NearestCase {
  const char* name;
  const char* word;
  std::optional<std::string> nearest;
};
std::ostream& operator<<(std::ostream& out, const NearestCase& each) { return out << each.name; }

class Nearest : public ::testing::TestWithParam<NearestCase> {};

TEST_P(Nearest, SuggestsWhatIsSpelledMostLikeIt) {
  const std::vector<std::string> known{"listenAddress", "listenPool", "workers", "run"};

  EXPECT_EQ(nearest(GetParam().word, known), GetParam().nearest);
}

INSTANTIATE_TEST_SUITE_P(
    Words, Nearest,
    ::testing::Values(NearestCase{"ALetterMissing", "listenAdress", "listenAddress"},
                      NearestCase{"ALetterTooMany", "workerss", "workers"},
                      NearestCase{"AnotherLetter", "workars", "workers"},
                      NearestCase{"TwoSwapped", "wrokers", "workers"},
                      NearestCase{"TheNearerOfTwo", "listenPol", "listenPool"},
                      NearestCase{"AnotherSpelling", "listen-address", "listenAddress"},
                      NearestCase{"AShortWordNearby", "rnu", "run"},
                      NearestCase{"NothingNear", "frontend", std::nullopt},
                      NearestCase{"TheWordItself", "run", "run"}),
    [](const auto& row) { return row.param.name; });

TEST(Nearest, OfNothingIsNothing) { EXPECT_EQ(nearest("x", {}), std::nullopt); }

}  // namespace
}  // namespace wherry::config
