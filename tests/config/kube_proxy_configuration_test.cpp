#include "config/kube_proxy_configuration.h"

#include "base/read_file.h"
#include "config/compose.h"
#include "config/config_file.h"
#include "config/kube_proxy_fields.h"
#include "tests/support/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kHeader =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

std::vector<std::string> texts_of(const Faults& faults) {
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(fault.to_string());
  return texts;
}

/// What a text comes to, as `run` would see it.
struct Read {
  explicit Read(const std::string& text) {
    file = read_config_text(text, "c.yaml", "/etc", faults);
    options = compose(file.given, {}, faults);
  }
  [[nodiscard]] std::string shown(std::string_view flag) const {
    return find_flag(flag)->show(options);
  }

  Faults faults;
  ConfigFile file;
  Options options;
};

std::string sample(const std::string& name) {
  return *read_file(test::repository_path("tests/config/kube_proxy/" + name), 1u << 20);
}

// --- as others write it ---

TEST(KubeProxyConfigurationFile, C2_OfKubeadmIsTakenAsItIs) {
  const Read read(sample("kubeadm.yaml"));

  EXPECT_THAT(texts_of(read.faults), IsEmpty());
  EXPECT_THAT(texts_of(read.file.warnings), IsEmpty());
  EXPECT_EQ(read.options.kubeconfig, "/var/lib/kube-proxy/kubeconfig.conf");
  EXPECT_EQ(read.shown("cluster-cidr"), "10.244.0.0/16");
  EXPECT_EQ(read.shown("healthz-bind-address"), "0.0.0.0:10256");
  EXPECT_EQ(read.shown("admin-address"), "127.0.0.1:10249");
  EXPECT_EQ(read.shown("oom-score-adj"), "-999");
  EXPECT_EQ(read.shown("sync-period"), "30s");
  EXPECT_EQ(read.shown("min-sync-period"), "0s") << "R1: what is not set does not delay";
}

TEST(KubeProxyConfigurationFile, C1_OfEksIsTakenWithAFieldThatKubernetesHasNoMore) {
  const Read read(sample("eks.yaml"));

  EXPECT_THAT(texts_of(read.faults), IsEmpty());
  EXPECT_THAT(texts_of(read.file.warnings),
              ElementsAre("c.yaml:36:17: udpIdleTimeout: a KubeProxyConfiguration has no such "
                          "field; it counts for nothing"));
  EXPECT_EQ(read.shown("admin-address"), "0.0.0.0:10249");
  EXPECT_EQ(read.shown("oom-score-adj"), "-998");
  EXPECT_EQ(read.options.kubeconfig, "/var/lib/kube-proxy/kubeconfig");
}

TEST(KubeProxyConfigurationFile, C2_OfK3sIsTakenWithWhatHasNoEffectNamed) {
  const Read read(sample("k3s.yaml"));

  EXPECT_THAT(texts_of(read.faults), IsEmpty());
  EXPECT_THAT(
      texts_of(read.file.warnings),
      UnorderedElementsAre(HasSubstr("conntrack.maxPerCore: 0 has no effect: connection tracking"),
                           HasSubstr("conntrack.tcpCloseWaitTimeout: 0s has no effect"),
                           HasSubstr("conntrack.tcpEstablishedTimeout: 0s has no effect")));
  EXPECT_EQ(read.shown("ipvs-strict-arp"), "true");
  EXPECT_EQ(read.shown("cluster-cidr"), "10.42.0.0/16,2001:cafe:42::/56");
  EXPECT_EQ(read.shown("healthz-bind-address"), "127.0.0.1:10256");
  EXPECT_EQ(read.shown("admin-address"), "0.0.0.0:10249");
  EXPECT_EQ(read.shown("proxy-mode"), "ipvs");
  EXPECT_EQ(read.shown("ipvs-scheduler"), "lc");
  EXPECT_EQ(read.shown("sync-period"), "20s");
}

TEST(KubeProxyConfigurationFile, C2_EveryFieldIsHonouredOrNamedAsIgnored) {
  const Read read(sample("full.yaml"));
  ASSERT_THAT(texts_of(read.faults), IsEmpty());

  for (const KubeProxyField& field : kube_proxy_fields()) {
    if (field.path.empty()) continue;
    EXPECT_TRUE(read.file.kube_proxy->contains(field.path)) << "the sample lacks " << field.path;
    const auto is_of_it = [&](const std::string& path) { return path == field.path; };
    const auto& given = read.file.given;
    const auto& warnings = read.file.warnings;
    EXPECT_TRUE(std::any_of(given.begin(), given.end(),
                            [&](const Given& each) { return is_of_it(each.field); }) ||
                std::any_of(warnings.begin(), warnings.end(),
                            [&](const Fault& each) { return is_of_it(each.field); }))
        << field.path;
  }
}

TEST(KubeProxyConfigurationFile, C2_WhatIsHonouredBecomesASetting) {
  const Read read(sample("full.yaml"));

  EXPECT_EQ(read.options.kubeconfig, "/etc/kube-proxy.conf");
  EXPECT_EQ(read.options.node_name, "node-7") << "W9";
  EXPECT_EQ(read.shown("bind-address"), "fd00::7");
  EXPECT_EQ(read.shown("healthz-bind-address"), "[fd00::7]:9256");
  EXPECT_EQ(read.shown("admin-address"), "[fd00::7]:9249");
  EXPECT_EQ(read.shown("bind-address-hard-fail"), "true");
  EXPECT_EQ(read.shown("profiling"), "true");
  EXPECT_EQ(read.shown("proxy-mode"), "ipvs");
  EXPECT_EQ(read.shown("sync-period"), "50s") << "of the mode";
  EXPECT_EQ(read.shown("min-sync-period"), "2s");
  EXPECT_EQ(read.shown("ipvs-scheduler"), "sh");
  EXPECT_EQ(read.shown("detect-local-mode"), "BridgeInterface");
  EXPECT_EQ(read.shown("pod-bridge-interface"), "cbr0");
  EXPECT_EQ(read.shown("pod-interface-name-prefix"), "veth");
  EXPECT_EQ(read.shown("cluster-cidr"), "fd00:1::/48,10.244.0.0/16");
  EXPECT_EQ(read.shown("nodeport-addresses"), "192.0.2.0/24,fd00::/64");
  EXPECT_EQ(read.shown("oom-score-adj"), "-500");
  EXPECT_EQ(read.shown("config-sync-period"), "1h");
  EXPECT_EQ(read.shown("allow-external-ips"), "false");
  EXPECT_EQ(read.shown("log-level"), "debug");
  EXPECT_EQ(read.shown("log-format"), "json");
}

// --- rules ---

TEST(KubeProxyConfigurationFile, W10_TheBindAddressIsTheNodesAndNoListenAddress) {
  const Read read(kHeader + "bindAddress: 192.0.2.7\n");

  EXPECT_EQ(read.shown("bind-address"), "192.0.2.7");
  EXPECT_EQ(read.shown("listen-address"), "127.0.0.1");
  EXPECT_EQ(read.shown("healthz-bind-address"), "0.0.0.0:10256");
}

TEST(KubeProxyConfigurationFile, C2_DefaultsFollowTheFamilyOfTheBindAddress) {
  const Read read(kHeader + "bindAddress: \"::\"\n");

  EXPECT_EQ(read.shown("healthz-bind-address"), "[::]:10256");
  EXPECT_EQ(read.shown("admin-address"), "[::1]:10249");
}

TEST(KubeProxyConfigurationFile, C2_ModeNftablesServesNodePortsOnThePrimaryAddresses) {
  EXPECT_EQ(Read(kHeader + "mode: nftables\n").shown("nodeport-addresses"), "primary");
  EXPECT_EQ(Read(kHeader + "mode: nftables\nnodePortAddresses: [192.0.2.0/24]\n")
                .shown("nodeport-addresses"),
            "192.0.2.0/24");
  EXPECT_EQ(Read(kHeader).shown("nodeport-addresses"), "");
}

TEST(KubeProxyConfigurationFile, F2_NodePortAddressesMixWordsAndBlocks) {
  const std::string header = kHeader + "mode: nftables\nnodePortAddresses: ";
  EXPECT_EQ(Read(header + "[primary, localhost]\n").shown("nodeport-addresses"),
            "primary,127.0.0.0/8,::1/128");
  EXPECT_EQ(Read(header + "[all]\n").shown("nodeport-addresses"), "0.0.0.0/0,::/0")
      << "and no primary by the mode";
  EXPECT_EQ(Read(header + "[192.0.2.0/24, primary]\n").shown("nodeport-addresses"),
            "primary,192.0.2.0/24");
}

TEST(KubeProxyConfigurationFile, R1_OnlyThePeriodsOfTheModeCount) {
  const Read read(kHeader +
                  "mode: nftables\nnftables: {minSyncPeriod: 2s}\n"
                  "iptables: {minSyncPeriod: 5s}\n");

  EXPECT_EQ(read.shown("min-sync-period"), "2s");
  EXPECT_THAT(texts_of(read.file.warnings),
              ElementsAre("c.yaml:5:27: iptables.minSyncPeriod: 5s has no effect: it is about mode "
                          "iptables, and the mode is nftables"));
}

TEST(KubeProxyConfigurationFile, S5_TheGateTurnsExternalIpsOffAndOthersMeanNothing) {
  const Read read(kHeader + "featureGates: {AllowServiceExternalIPs: false, Other: true}\n");

  EXPECT_FALSE(read.options.allow_external_ips);
  EXPECT_THAT(texts_of(read.file.warnings),
              ElementsAre(HasSubstr("featureGates: Other=true has no effect: of the feature gates "
                                    "only AllowServiceExternalIPs means something here")));
}

TEST(KubeProxyConfigurationFile, C2_VerbosityFromFourOnIsDebugging) {
  EXPECT_EQ(Read(kHeader + "logging: {verbosity: 2}\n").shown("log-level"), "info");
  EXPECT_EQ(Read(kHeader + "logging: {verbosity: 4}\n").shown("log-level"), "debug");
  EXPECT_EQ(Read(kHeader + "logging: {verbosity: 10}\n").shown("log-level"), "debug");
}

TEST(KubeProxyConfigurationFile, C1_UnknownFieldsAreWarningsThatNameTheNearest) {
  const Read read(kHeader +
                  "clusterCidr: 10.0.0.0/8\niptables:\n  masqueradeAl: true\n"
                  "logging:\n  vmodule:\n  - {filePattern: a, verbosity: 1, x: 2}\n");

  EXPECT_THAT(texts_of(read.faults), IsEmpty());
  EXPECT_THAT(texts_of(read.file.warnings),
              ElementsAre("c.yaml:3:14: clusterCidr: a KubeProxyConfiguration has no such field; "
                          "it counts for nothing. Did you mean clusterCIDR?",
                          "c.yaml:5:17: iptables.masqueradeAl: a KubeProxyConfiguration has no "
                          "such field; it counts for nothing. Did you mean masqueradeAll?",
                          "c.yaml:8:39: logging.vmodule[0].x: a module has no such field; it "
                          "counts for nothing",
                          "c.yaml:8:3: logging.vmodule: a=1 has no effect: the log has one level "
                          "for all"));
}

// As lenient decoding takes it, after strict decoding has failed.
TEST(KubeProxyConfigurationFile, C1_OfAKeyThatStandsTwiceTheLastCountsWithAWarning) {
  const Read read(kHeader +
                  "mode: iptables\nipvs: {scheduler: rr, minSyncPeriod: 5s}\nmode: ipvs\n"
                  "ipvs:\n  scheduler: sh\n  scheduler: lc\n");

  EXPECT_THAT(texts_of(read.faults), IsEmpty());
  EXPECT_THAT(
      texts_of(read.file.warnings),
      ElementsAre("c.yaml:5:1: the key \"mode\" stands twice in one mapping; the last one counts",
                  "c.yaml:6:1: the key \"ipvs\" stands twice in one mapping; the last one counts",
                  "c.yaml:8:3: the key \"scheduler\" stands twice in one mapping; the last one "
                  "counts"));
  EXPECT_EQ(read.shown("proxy-mode"), "ipvs");
  EXPECT_EQ(read.shown("ipvs-scheduler"), "lc");
  EXPECT_EQ(read.shown("min-sync-period"), "0s") << "the section as a whole";
}

struct WrongCase {
  const char* name;
  std::string text;
  std::string fault;
};
std::ostream& operator<<(std::ostream& out, const WrongCase& each) { return out << each.name; }

class AWrongValue : public ::testing::TestWithParam<WrongCase> {};

TEST_P(AWrongValue, IsAFaultWithPlaceFieldAndRemedy) {
  const Read read(GetParam().text);

  EXPECT_THAT(texts_of(read.faults), ElementsAre(HasSubstr(GetParam().fault)));
}

INSTANTIATE_TEST_SUITE_P(
    Values, AWrongValue,
    ::testing::Values(
        WrongCase{"Version",
                  "apiVersion: kubeproxy.config.k8s.io/v1beta1\nkind: KubeProxyConfiguration\n",
                  "c.yaml:1:13: apiVersion: \"kubeproxy.config.k8s.io/v1beta1\" is not read here; "
                  "write apiVersion: kubeproxy.config.k8s.io/v1alpha1"},
        WrongCase{"NoVersion", "kind: KubeProxyConfiguration\n",
                  "apiVersion: missing; write apiVersion: kubeproxy.config.k8s.io/v1alpha1"},
        WrongCase{"Kind", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: Proxy\n",
                  "c.yaml:2:7: kind: \"Proxy\" is not read here"},
        WrongCase{"TextForATruth", kHeader + "bindAddressHardFail: \"true\"\n",
                  "c.yaml:3:22: bindAddressHardFail: expected true or false, found the string"},
        WrongCase{"NumberForAText", kHeader + "mode: 5\n",
                  "c.yaml:3:7: mode: expected a string, found the number 5"},
        WrongCase{"TextForANumber", kHeader + "clientConnection: {qps: fast}\n",
                  "clientConnection.qps: expected a number, found the string \"fast\""},
        WrongCase{"ListForASection", kHeader + "conntrack: []\n",
                  "c.yaml:3:12: conntrack: expected a mapping, found a list"},
        WrongCase{"NumberForADuration", kHeader + "configSyncPeriod: 5\n",
                  "configSyncPeriod: expected a string, found the number 5"},
        WrongCase{"NegativeDuration", kHeader + "iptables: {syncPeriod: -5s}\n",
                  "iptables.syncPeriod: \"-5s\" is no duration"},
        WrongCase{"Bit", kHeader + "iptables: {masqueradeBit: 32}\n",
                  "iptables.masqueradeBit: \"32\" is no whole number from 0 to 31; write one"},
        WrongCase{"Score", kHeader + "oomScoreAdj: -1001\n",
                  "oomScoreAdj: \"-1001\" is no whole number from -1000 to 1000"},
        WrongCase{"Gate", kHeader + "featureGates: {A: 1}\n",
                  "featureGates.A: expected true or false, found the number 1"},
        WrongCase{"Module", kHeader + "logging: {vmodule: [{filePattern: a=b}]}\n",
                  "logging.vmodule[0].filePattern: missing, or with '='"},
        WrongCase{"ExcludeCidr", kHeader + "ipvs: {excludeCIDRs: [x]}\n",
                  "ipvs.excludeCIDRs[0]: \"x\" is no CIDR"},
        WrongCase{"Mode", kHeader + "mode: userspace\n",
                  "c.yaml:3:7: mode: \"userspace\" is no mode of kube-proxy"},
        WrongCase{"LogFormat", kHeader + "logging: {format: xml}\n",
                  "c.yaml:3:19: logging.format: \"xml\" is no format; write text or json"},
        WrongCase{"NodePortAddress", kHeader + "nodePortAddresses: [primary, secondary]\n",
                  "nodePortAddresses: \"secondary\" is no CIDR"},
        WrongCase{"Periods", kHeader + "iptables: {minSyncPeriod: 1m}\n",
                  "iptables.minSyncPeriod: the least time between two tables (1m) is longer"},
        WrongCase{"SecondDocument", kHeader + "---\n" + kHeader, "a second document"}),
    [](const auto& row) { return std::string(row.param.name); });

// --- C6: how it is written ---

TEST(WriteKubeProxyConfiguration, C6_OfNothingIsWhatKubeProxyWrites) {
  EXPECT_EQ(write_kube_proxy_configuration({}), sample("defaulted.yaml"));
}

TEST(WriteKubeProxyConfiguration, C6_KeepsWhatIsSet) {
  const Read read(sample("full.yaml"));

  const Read again(write_kube_proxy_configuration(*read.file.kube_proxy));

  EXPECT_THAT(texts_of(again.faults), IsEmpty());
  // As kube-proxy: the periods and masqueradeAll of other modes are lost.
  EXPECT_THAT(
      changed_fields(*read.file.kube_proxy, *again.file.kube_proxy),
      UnorderedElementsAre("iptables.syncPeriod", "iptables.minSyncPeriod", "nftables.syncPeriod",
                           "nftables.minSyncPeriod", "nftables.masqueradeAll"));
}

TEST(WriteKubeProxyConfiguration, C6_AddsThePortsThatAddressesLack) {
  const Read read(sample("k3s.yaml"));

  const std::string text = write_kube_proxy_configuration(*read.file.kube_proxy);

  EXPECT_THAT(text, HasSubstr("\nhealthzBindAddress: 127.0.0.1:10256\n"));
  EXPECT_THAT(text, HasSubstr("\nmetricsBindAddress: 0.0.0.0:10249\n"));
  EXPECT_THAT(text, HasSubstr("\nipvs:\n  excludeCIDRs: null\n  minSyncPeriod: 0s\n"
                              "  scheduler: lc\n  strictARP: true\n  syncPeriod: 20s\n"));
}

}  // namespace
}  // namespace wherry::config
