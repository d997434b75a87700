#include "config/idle_settings.h"

#include <gtest/gtest.h>

#include <chrono>

namespace wherry::config {
namespace {

Options with_everything_of_a_cluster() {
  Options options;
  options.name_space = "shop";
  options.endpoints = Endpoints::Pods;
  options.poll_interval = std::chrono::seconds(5);
  options.state_dir = "/var/lib/wherry";
  return options;
}

TEST(IdleSettings, AreThoseOfAClusterBesideManifests) {
  Options options = with_everything_of_a_cluster();
  options.manifests = {"/etc/wherry/manifests"};
  EXPECT_EQ(idle_settings(options), "--namespace, --endpoints, --poll-interval, --state-dir");
  options.endpoints = Endpoints::Slices;
  EXPECT_EQ(idle_settings(options), "--namespace, --poll-interval, --state-dir");
}

TEST(IdleSettings, AreNoneInACluster) {
  EXPECT_EQ(idle_settings(with_everything_of_a_cluster()), "");
}

TEST(IdleSettings, AreNoneByDefault) {
  Options options;
  options.manifests = {"/etc/wherry/manifests"};
  EXPECT_EQ(idle_settings(options), "");
}

}  // namespace
}  // namespace wherry::config
