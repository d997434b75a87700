#include "proxy/app/steering_choice.h"

#include "proxy/app/cluster_feed.h"
#include "proxy/app/offline_tables.h"
#include "tests/support/builders.h"
#include "tests/support/log_capture.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace wherry::app {
namespace {

using config::SteeringMode;
using test::cidr;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

SteeringMode choose(SteeringMode asked, SteeringFacts facts, bool manifests = false) {
  config::Options options;
  options.steering = asked;
  if (manifests) options.manifests = {"a.yaml"};
  const SteeringChoice choice = choose_steering(options, facts);
  EXPECT_FALSE(choice.reason.empty());
  return choice.mode;
}

constexpr SteeringFacts kNothing{};
constexpr SteeringFacts kKubeProxy{
    .has_kube_proxy_configuration = true, .is_in_cluster = false, .is_on_host_network = false};
constexpr SteeringFacts kDaemonSet{
    .has_kube_proxy_configuration = false, .is_in_cluster = true, .is_on_host_network = true};
constexpr SteeringFacts kPod{
    .has_kube_proxy_configuration = false, .is_in_cluster = true, .is_on_host_network = false};

TEST(SteeringChoice, WhatIsAskedForIsTaken) {
  EXPECT_EQ(choose(SteeringMode::Node, kNothing), SteeringMode::Node);
  EXPECT_EQ(choose(SteeringMode::Node, kNothing, true), SteeringMode::Node);
  EXPECT_EQ(choose(SteeringMode::Bind, kKubeProxy), SteeringMode::Bind);
}

TEST(SteeringChoice, AutoIsNodeForWhoStandsInForKubeProxy) {
  EXPECT_EQ(choose(SteeringMode::Auto, kKubeProxy), SteeringMode::Node);
  EXPECT_EQ(choose(SteeringMode::Auto, kKubeProxy, true), SteeringMode::Node);
  EXPECT_EQ(choose(SteeringMode::Auto, kDaemonSet), SteeringMode::Node);
}

TEST(SteeringChoice, AutoIsBindForAPersonAndForAPodOfItsOwnNetwork) {
  EXPECT_EQ(choose(SteeringMode::Auto, kNothing), SteeringMode::Bind);
  EXPECT_EQ(choose(SteeringMode::Auto, kPod), SteeringMode::Bind);
  EXPECT_EQ(choose(SteeringMode::Auto, kDaemonSet, true), SteeringMode::Bind);
}

TEST(SteeringChoice, AClusterIsThatOfThePodUnlessAnotherIsNamed) {
  config::Options options;
  EXPECT_FALSE(is_in_cluster(options));
  options.environment =
      Environment(Environment::Variables{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}});
  EXPECT_TRUE(is_in_cluster(options));
  options.kubeconfig = "/root/.kube/config";
  EXPECT_FALSE(is_in_cluster(options));
}

std::size_t said(log::Level level, bool are_seen, config::DetectLocalMode how) {
  const test::LogCapture log(level);
  say_whether_interfaces_are_seen(are_seen, how);
  return log.count("by which interface a connection comes in");
}

TEST(SteeringChoice, F7_ThatInterfacesAreNotSeenIsSaidAndIsAWarningWherePodsAreToldByThem) {
  using config::DetectLocalMode;
  using log::Level;
  EXPECT_EQ(said(Level::Info, true, DetectLocalMode::BridgeInterface), 0u);
  for (const auto how : {DetectLocalMode::ClusterCidr, DetectLocalMode::NodeCidr}) {
    EXPECT_EQ(said(Level::Info, false, how), 1u);
    EXPECT_EQ(said(Level::Warn, false, how), 0u);
  }
  for (const auto how : {DetectLocalMode::BridgeInterface, DetectLocalMode::InterfaceNamePrefix}) {
    EXPECT_EQ(said(Level::Warn, false, how), 1u);
  }
}

// --- where /healthz is ---

std::optional<std::string> healthz(SteeringMode steering, std::optional<std::string> given) {
  config::Options options;
  options.steering = steering;
  if (given) {
    options.healthz_is_given = true;
    if (!given->empty()) options.healthz_bind_address = test::at(*given);
  }
  const auto address = healthz_address(options);
  return address ? std::optional(address->to_string()) : std::nullopt;
}

TEST(Healthz, H1_IsOnlyWhereTheNodeIsSteeredOrWhereItIsAskedFor) {
  EXPECT_EQ(healthz(SteeringMode::Node, {}), "0.0.0.0:10256");
  EXPECT_EQ(healthz(SteeringMode::Bind, {}), std::nullopt);
  EXPECT_EQ(healthz(SteeringMode::Bind, "127.0.0.1:10256"), "127.0.0.1:10256");
  EXPECT_EQ(healthz(SteeringMode::Node, "127.0.0.1:1"), "127.0.0.1:1");
  EXPECT_EQ(healthz(SteeringMode::Node, ""), std::nullopt);
}

// --- whose the Services' blocks are ---

config::Options on_a_node() {
  config::Options options;
  options.steering = SteeringMode::Node;
  return options;
}

TEST(ServiceBlocks, W4_AreWhatTheClusterSaysWhereNoneAreGiven) {
  config::Options options = on_a_node();
  EXPECT_TRUE(reads_service_cidrs(options));
  EXPECT_TRUE(cluster_options(options).service_cidrs);
  EXPECT_THAT(given_service_cidrs(options), IsEmpty());

  options.service_cidrs = {cidr("10.96.0.0/12")};
  EXPECT_FALSE(reads_service_cidrs(options));
  EXPECT_FALSE(cluster_options(options).service_cidrs);
  EXPECT_THAT(given_service_cidrs(options), ElementsAre(cidr("10.96.0.0/12")));
}

TEST(ServiceBlocks, InSteeringBindNobodyAsksForThem) {
  EXPECT_FALSE(reads_service_cidrs(config::Options()));
}

TEST(ServiceBlocks, S6_AreNotOursBesideAnotherProxyWhoeverNamesThem) {
  config::Options options = on_a_node();
  options.service_proxy_name = "wherry";
  EXPECT_FALSE(reads_service_cidrs(options));
  EXPECT_FALSE(cluster_options(options).service_cidrs);

  options.service_cidrs = {cidr("10.96.0.0/12")};
  EXPECT_THAT(given_service_cidrs(options), IsEmpty());
}

TEST(ServiceBlocks, S6_AnAddressThatIsFreeHereIsNotSaidToBeSilentBesideAnotherProxy) {
  config::Options options = on_a_node();
  options.service_cidrs = {cidr("10.96.0.0/12")};
  EXPECT_THAT(OfflineTables(options).ways_in().service_cidrs, ElementsAre(cidr("10.96.0.0/12")));

  options.service_proxy_name = "wherry";
  EXPECT_THAT(OfflineTables(options).ways_in().service_cidrs, IsEmpty());
}

TEST(ServiceBlocks, W4_AreWhatManifestsSayWhereNoneAreGivenAndNobodyIsBeside) {
  const test::TempFolder folder;
  folder.write("blocks.yaml",
               "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}, spec: "
               "{cidrs: [10.96.0.0/12]}}");
  config::Options options = on_a_node();
  options.manifests = {folder.path().string()};
  EXPECT_THAT(OfflineTables(options).ways_in().service_cidrs, ElementsAre(cidr("10.96.0.0/12")));

  options.service_cidrs = {cidr("10.32.0.0/12")};
  EXPECT_THAT(OfflineTables(options).ways_in().service_cidrs, ElementsAre(cidr("10.32.0.0/12")));

  options.service_cidrs = {};
  options.service_proxy_name = "wherry";
  EXPECT_THAT(OfflineTables(options).ways_in().service_cidrs, IsEmpty());
}

TEST(SteeringChoice, KubeletSaysInEtcHostsWhetherAPodHasTheNodesNetwork) {
  EXPECT_TRUE(says_host_network("# Kubernetes-managed hosts file (host network)."));
  EXPECT_FALSE(says_host_network("# Kubernetes-managed hosts file."));
  EXPECT_FALSE(says_host_network("127.0.0.1 localhost"));
}

}  // namespace
}  // namespace wherry::app
