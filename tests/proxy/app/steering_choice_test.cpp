#include "proxy/app/steering_choice.h"

#include <gtest/gtest.h>

namespace wherry::app {
namespace {

using config::SteeringMode;

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

TEST(SteeringChoice, KubeletSaysInEtcHostsWhetherAPodHasTheNodesNetwork) {
  EXPECT_TRUE(says_host_network("# Kubernetes-managed hosts file (host network)."));
  EXPECT_FALSE(says_host_network("# Kubernetes-managed hosts file."));
  EXPECT_FALSE(says_host_network("127.0.0.1 localhost"));
}

}  // namespace
}  // namespace wherry::app
