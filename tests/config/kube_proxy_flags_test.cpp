#include "config/kube_proxy_flags.h"

#include "base/read_file.h"
#include "config/command_line.h"
#include "config/kube_proxy_fields.h"
#include "config/setting.h"
#include "tests/support/repository.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Arguments = std::vector<std::string>;

const std::string kHeader =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

template <class T>
T read_as(const Arguments& arguments) {
  auto result = read_command_line(arguments);
  if (const auto* faults = std::get_if<Faults>(&result)) {
    throw std::runtime_error("fault: " + faults->at(0).to_string());
  }
  return std::get<T>(std::get<Command>(std::move(result)));
}

std::vector<std::string> faults_of(const Arguments& arguments) {
  const auto result = read_command_line(arguments);
  std::vector<std::string> texts;
  if (const auto* faults = std::get_if<Faults>(&result)) {
    for (const Fault& fault : *faults) texts.push_back(fault.to_string());
  }
  return texts;
}

std::vector<std::string> warnings_of(const RunCommand& run) {
  std::vector<std::string> texts;
  for (const Fault& warning : run.warnings) texts.push_back(warning.to_string());
  return texts;
}

std::string shown(const RunCommand& run, std::string_view flag) {
  return find_flag(flag)->show(run.options);
}

TEST(KubeProxyFlags, C4_ThoseOfKubeProxy136AreAllKnown) {
  for (const std::string_view flag : {"kubeconfig",
                                      "master",
                                      "hostname-override",
                                      "bind-address",
                                      "healthz-bind-address",
                                      "metrics-bind-address",
                                      "bind-address-hard-fail",
                                      "proxy-mode",
                                      "cluster-cidr",
                                      "detect-local-mode",
                                      "pod-bridge-interface",
                                      "pod-interface-name-prefix",
                                      "nodeport-addresses",
                                      "feature-gates",
                                      "profiling",
                                      "config-sync-period",
                                      "oom-score-adj",
                                      "v",
                                      "vmodule",
                                      "logging-format",
                                      "log-flush-frequency",
                                      "log-text-split-stream",
                                      "log-text-info-buffer-size",
                                      "log-json-split-stream",
                                      "log-json-info-buffer-size",
                                      "kube-api-content-type",
                                      "kube-api-burst",
                                      "kube-api-qps",
                                      "show-hidden-metrics-for-version",
                                      "iptables-masquerade-bit",
                                      "masquerade-all",
                                      "iptables-localhost-nodeports",
                                      "iptables-sync-period",
                                      "iptables-min-sync-period",
                                      "ipvs-sync-period",
                                      "ipvs-min-sync-period",
                                      "ipvs-scheduler",
                                      "ipvs-exclude-cidrs",
                                      "ipvs-strict-arp",
                                      "ipvs-tcp-timeout",
                                      "ipvs-tcpfin-timeout",
                                      "ipvs-udp-timeout",
                                      "conntrack-max-per-core",
                                      "conntrack-min",
                                      "conntrack-tcp-timeout-established",
                                      "conntrack-tcp-timeout-close-wait",
                                      "conntrack-tcp-be-liberal",
                                      "conntrack-udp-timeout",
                                      "conntrack-udp-timeout-stream",
                                      "healthz-port",
                                      "metrics-port",
                                      "boot-id-file",
                                      "machine-id-file"}) {
    const auto& pure = pure_kube_proxy_flags();
    EXPECT_TRUE(find_flag(flag) != nullptr ||
                std::find(pure.begin(), pure.end(), flag) != pure.end())
        << flag;
  }
}

TEST(KubeProxyFlags, C4_OfK3sStartAsTheyAre) {
  const auto run = read_as<RunCommand>(
      {"--cluster-cidr=10.42.0.0/16", "--conntrack-max-per-core=0",
       "--conntrack-tcp-timeout-close-wait=0s", "--conntrack-tcp-timeout-established=0s",
       "--healthz-bind-address=127.0.0.1", "--hostname-override=K3s-1",
       "--kubeconfig=/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig", "--proxy-mode=iptables"});

  EXPECT_EQ(shown(run, "cluster-cidr"), "10.42.0.0/16");
  EXPECT_EQ(shown(run, "healthz-bind-address"), "127.0.0.1:10256");
  EXPECT_EQ(run.options.node_name, "k3s-1");
  EXPECT_EQ(run.options.kubeconfig, "/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig");
  EXPECT_EQ(run.options.oom_score_adj, std::nullopt);
  EXPECT_THAT(warnings_of(run),
              UnorderedElementsAre(
                  HasSubstr("--conntrack-max-per-core: 0 has no effect: connection tracking"),
                  HasSubstr("--conntrack-tcp-timeout-close-wait: 0s has no effect"),
                  HasSubstr("--conntrack-tcp-timeout-established: 0s has no effect")));
}

TEST(KubeProxyFlags, C4_AreWrittenInAllOfKubeProxysWays) {
  for (const Arguments& words :
       {Arguments{"-v=4"}, {"-v4"}, {"-v", "4"}, {"--v=4"}, {"--v", "4"}}) {
    Arguments arguments{"run"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    EXPECT_EQ(shown(read_as<RunCommand>(arguments), "log-level"), "debug") << words[0];
  }
  const auto run = read_as<RunCommand>({"run", "--proxy_mode=ipvs", "--ipvs-sync-period=20s",
                                        "--iptables-sync-period=40s", "--masquerade-all",
                                        "--ipvs-strict-arp=false", "--v=2"});
  EXPECT_EQ(shown(run, "proxy-mode"), "ipvs");
  EXPECT_EQ(shown(run, "sync-period"), "20s");
  EXPECT_EQ(shown(run, "log-level"), "info");
  EXPECT_THAT(warnings_of(run),
              UnorderedElementsAre(
                  HasSubstr("--masquerade-all: true has no effect: connections are relayed"),
                  HasSubstr("--iptables-sync-period: 40s has no effect: it is about mode "
                            "iptables, and the mode is ipvs")));
}

TEST(KubeProxyFlags, C4_BadValuesAndMissingOnesAreFaults) {
  EXPECT_THAT(faults_of({"run", "--conntrack-min=-1", "--feature-gates=A", "--vmodule"}),
              UnorderedElementsAre(HasSubstr("--conntrack-min: \"-1\" is no whole number from 0"),
                                   HasSubstr("--feature-gates: \"A\" is no NAME=VALUE"),
                                   HasSubstr("--vmodule: its value is missing")));
  EXPECT_THAT(faults_of({"run", "--masquerade-al"}),
              ElementsAre("--masquerade-al: unknown flag; did you mean --masquerade-all?"));
}

TEST(KubeProxyFlags, S5_TheGateIsOverruledByOurOwnFlag) {
  EXPECT_FALSE(read_as<RunCommand>({"run", "--feature-gates=AllowServiceExternalIPs=false"})
                   .options.allow_external_ips);
  EXPECT_TRUE(read_as<RunCommand>(
                  {"run", "--allow-external-ips", "--feature-gates=AllowServiceExternalIPs=false"})
                  .options.allow_external_ips);
}

TEST(KubeProxyFlags, H1_HealthzPortZeroTurnsItOff) {
  EXPECT_EQ(read_as<RunCommand>({"run", "--healthz-port=0"}).options.healthz_bind_address,
            std::nullopt);
}

class NextToAFile : public ::testing::Test {
 protected:
  [[nodiscard]] Arguments with(const std::string& yaml, const Arguments& flags) const {
    folder_.write("c.yaml", kHeader + yaml);
    Arguments arguments{"--config=" + (folder_ / "c.yaml")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return arguments;
  }
  test::TempFolder folder_;
};

TEST_F(NextToAFile, C1_KubeProxysFlagsCountForNothingButThoseOfTheLogAndTheNodesName) {
  const auto run = read_as<RunCommand>(
      with("mode: ipvs\nhostnameOverride: a\n",
           {"--hostname-override=B", "--proxy-mode=iptables", "--conntrack-min=5", "-v=5",
            "--healthz-bind-address=127.0.0.1", "--logging-format=json"}));

  EXPECT_EQ(run.options.node_name, "b");
  EXPECT_EQ(shown(run, "proxy-mode"), "ipvs");
  EXPECT_EQ(shown(run, "healthz-bind-address"), "0.0.0.0:10256");
  EXPECT_EQ(shown(run, "log-level"), "debug");
  EXPECT_EQ(shown(run, "log-format"), "json");
  EXPECT_THAT(
      warnings_of(run),
      ElementsAre(folder_ / "c.yaml" +
                  ": flags of kube-proxy count for nothing next to a KubeProxyConfiguration: "
                  "--healthz-bind-address, --proxy-mode, --conntrack-min"));
}

TEST_F(NextToAFile, C1_OurOwnFlagsWinOverIt) {
  const auto run = read_as<RunCommand>(
      with("metricsBindAddress: 0.0.0.0:10249\nlogging: {verbosity: 4}\n"
           "clientConnection: {kubeconfig: /a}\niptables: {minSyncPeriod: 2s}\n",
           {"--admin-address=127.0.0.1:9000", "--log-level=warn", "--kubeconfig=/b",
            "--min-sync-period=0", "--workers=3"}));

  EXPECT_EQ(shown(run, "admin-address"), "127.0.0.1:9000");
  EXPECT_EQ(shown(run, "log-level"), "warn");
  EXPECT_EQ(run.options.kubeconfig, "/b");
  EXPECT_EQ(shown(run, "min-sync-period"), "0s");
  EXPECT_EQ(run.options.workers, 3u);
  EXPECT_THAT(warnings_of(run), IsEmpty());
}

TEST_F(NextToAFile, C1_CheckTriesTheClusterThatItNames) {
  Arguments arguments = with("", {});
  arguments.insert(arguments.begin(), "check");

  EXPECT_TRUE(read_as<CheckCommand>(arguments).tries_cluster);
}

TEST_F(NextToAFile, C6_WhatItSaysIsWrittenWithDefaultsAndFlags) {
  const auto write = read_as<WriteConfigCommand>(
      with("mode: ipvs\n", {"--hostname-override=node-1", "--write-config-to=/tmp/x"}));

  EXPECT_EQ(write.path, "/tmp/x");
  EXPECT_THAT(write.text, HasSubstr("\nmode: ipvs\n"));
  EXPECT_THAT(write.text, HasSubstr("\nhostnameOverride: node-1\n"));
}

TEST(KubeProxyFlags, C6_AreWrittenAsAConfiguration) {
  const auto write = read_as<WriteConfigCommand>(
      {"--write-config-to", "/tmp/x", "--conntrack-max-per-core=0", "--masquerade-all",
       "--nodeport-addresses=192.0.2.0/24,fd00::/64", "--feature-gates=A=true"});

  EXPECT_THAT(write.text, HasSubstr("\n  maxPerCore: 0\n"));
  EXPECT_THAT(write.text, HasSubstr("\n  masqueradeAll: true\n"));
  EXPECT_THAT(write.text, HasSubstr("\nnodePortAddresses:\n- 192.0.2.0/24\n- fd00::/64\n"));
  EXPECT_THAT(write.text, HasSubstr("\nfeatureGates:\n  A: true\n"));
}

TEST(KubeProxyFlags, C6_OurOwnFileIsNoneThatCanBeWritten) {
  const test::TempFolder folder;
  folder.write("w.yaml", "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n");

  EXPECT_THAT(faults_of({"run", "--config", folder / "w.yaml", "--write-config-to", "/tmp/x"}),
              ElementsAre(HasSubstr("--write-config-to: writes kube-proxy's configuration")));
}

TEST(KubeProxyFlags, C4_WithoutACommandTheyAreThoseOfRun) {
  EXPECT_EQ(read_as<RunCommand>({"--workers=2"}).options.workers, 2u);
  EXPECT_THAT(read_as<PrintCommand>({"--config=/x", "--version"}).text, HasSubstr("wherry "));
}

TEST(KubeProxyFlags, R5_CleanupIsACommandAndAFlag) {
  read_as<CleanupCommand>({"cleanup"});
  read_as<CleanupCommand>({"run", "--cleanup"});
  read_as<CleanupCommand>({"--proxy-mode=iptables", "--cleanup=true", "--init-only"});
  read_as<RunCommand>({"run", "--init-only=false", "--cleanup=false"});
  EXPECT_THAT(faults_of({"run", "--cleanup=maybe"}),
              ElementsAre(HasSubstr("--cleanup: \"maybe\" is neither true nor false")));
}

TEST(KubeProxyFlags, C5_InitIsACommandAndAFlag) {
  read_as<InitCommand>({"init"});
  read_as<InitCommand>({"run", "--init-only"});
}

TEST(KubeProxyFlags, AreInTheManualAndTheManPage) {
  const std::string manual = *read_file(test::repository_path("deploy/operations.md"), 1u << 22);
  std::string page = *read_file(test::repository_path("deploy/man/wherry.1"), 1u << 22);
  std::erase(page, '\\');
  for (const std::string_view flag : pure_kube_proxy_flags()) {
    const std::string word = (flag == "v" ? "-" : "--") + std::string(flag);
    EXPECT_THAT(manual, HasSubstr('`' + word + '`'));
    EXPECT_THAT(page, HasSubstr(word));
  }
  for (const KubeProxyField& field : kube_proxy_fields()) {
    if (field.path.empty()) continue;
    EXPECT_THAT(manual, HasSubstr('`' + std::string(field.path) + '`'));
  }
}

}  // namespace
}  // namespace wherry::config
