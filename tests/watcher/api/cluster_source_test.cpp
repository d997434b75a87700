#include "watcher/api/cluster_source.h"

#include "tests/support/builders.h"
#include "tests/support/fixed_random.h"
#include "tests/support/log_capture.h"
#include "tests/watcher/api/fake_list_watch.h"
#include "tests/watcher/api/loop_test.h"
#include "tests/watcher/object_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class ClusterSourceTest : public test::LoopTest {
 protected:
  ~ClusterSourceTest() override {
    if (!source_) return;
    source_->stop();
    run();
    EXPECT_TRUE(source_->idle());
  }

  void make(ClusterOptions options = {}) {
    options.node_name = "node-1";
    source_.emplace(
        loop_, "https://api.test:6443",
        [this](const Resource& resource) {
          auto made = std::make_unique<test::FakeListWatch>(loop_, *collections_.at(resource.name));
          apis_[resource.name] = made.get();
          return made;
        },
        timers_, clock_, random_, options,
        ClusterSinks{services_, slices_, pods_, nodes_, service_cidrs_}, [this] { ++synced_; },
        [this] { ++changes_; });
  }
  void start() {
    source_->start();
    run();
  }
  [[nodiscard]] ClusterSource::Status status(const std::string& resource) const {
    for (ClusterSource::Status& each : source_->status()) {
      if (each.resource == resource) return each;
    }
    ADD_FAILURE() << resource;
    return {};
  }

  test::FixedRandom random_;
  test::LogCapture log_;
  test::FakeCollection service_objects_{"Service"};
  test::FakeCollection slice_objects_{"EndpointSlice", "discovery.k8s.io/v1"};
  test::FakeCollection pod_objects_{"Pod"};
  test::FakeCollection node_objects_{"Node"};
  test::FakeCollection cidr_objects_{"ServiceCIDR", "networking.k8s.io/v1"};
  std::map<std::string, test::FakeCollection*> collections_{{"services", &service_objects_},
                                                            {"endpointslices", &slice_objects_},
                                                            {"pods", &pod_objects_},
                                                            {"nodes", &node_objects_},
                                                            {"servicecidrs", &cidr_objects_}};
  std::map<std::string, test::FakeListWatch*> apis_;
  test::ObjectMap<model::Service> services_;
  test::ObjectMap<model::EndpointSlice> slices_;
  test::ObjectMap<model::Pod> pods_;
  test::ObjectMap<model::Node> nodes_;
  test::ObjectMap<model::ServiceCidr> service_cidrs_;
  int synced_ = 0;
  int changes_ = 0;
  std::optional<ClusterSource> source_;
};

TEST_F(ClusterSourceTest, W5_IsSyncedOnceEveryResourceWasSeenWhole) {
  service_objects_.put("web");
  make();
  apis_["endpointslices"]->withhold_initial_end(true);
  start();
  EXPECT_EQ(synced_, 0);
  EXPECT_FALSE(source_->synced());
  EXPECT_TRUE(status("services").synced);
  EXPECT_FALSE(status("endpointslices").synced);
  EXPECT_TRUE(status("endpointslices").stale);

  apis_["endpointslices"]->withhold_initial_end(false);
  apis_["endpointslices"]->end_watches(ApiErrc::Silent);
  run();
  EXPECT_EQ(synced_, 1);
  EXPECT_TRUE(source_->synced());
  EXPECT_EQ(services_.objects().size(), 1u);
}

TEST_F(ClusterSourceTest, C7_TheGateOfWatchListDecidesHowCollectionsAreRead) {
  const auto wants = [](const char* value) {
    return wants_watch_list(
        Environment(Environment::Variables{{"KUBE_FEATURE_WatchListClient", value}}));
  };
  EXPECT_TRUE(wants_watch_list(Environment()));
  for (const char* value : {"true", "1", "maybe"}) EXPECT_TRUE(wants(value)) << value;
  for (const char* value : {"false", "False", "0", "f"}) EXPECT_FALSE(wants(value)) << value;

  ClusterOptions options;
  options.watch_list = wants("false");
  make(options);
  for (auto& [name, api] : apis_) api->fail_watch_lists(ApiErrc::Forbidden);
  start();
  EXPECT_TRUE(source_->synced());
}

TEST_F(ClusterSourceTest, W5_TellsOfItOnceOnly) {
  make();
  start();
  for (auto& [name, api] : apis_) {
    collections_.at(name)->pass_version();
    collections_.at(name)->compact();
    api->deliver();
  }
  run();
  advance(2min);
  EXPECT_EQ(synced_, 1);
}

TEST_F(ClusterSourceTest, W3_ANodeThatMayNotBeReadKeepsNobodyWaiting) {
  make();
  apis_["nodes"]->fail_lists(ApiErrc::Forbidden);
  apis_["nodes"]->fail_watch_lists(ApiErrc::Forbidden);
  start();
  EXPECT_EQ(synced_, 1);
  EXPECT_TRUE(source_->synced()) << "the last good state would never be kept";
  EXPECT_THAT(status("nodes").failing, HasSubstr("asked for by the test"));
}

TEST_F(ClusterSourceTest, W5_ANodeThatFailsOtherwiseIsWaitedFor) {
  make();
  apis_["nodes"]->fail_lists(ApiErrc::ServerError);
  apis_["nodes"]->fail_watch_lists(ApiErrc::ServerError);
  start();
  EXPECT_EQ(synced_, 0);
}

TEST_F(ClusterSourceTest, W5_ServicesThatMayNotBeReadAreWaitedFor) {
  make();
  apis_["services"]->fail_lists(ApiErrc::Forbidden);
  apis_["services"]->fail_watch_lists(ApiErrc::Forbidden);
  start();
  EXPECT_EQ(synced_, 0);
}

TEST_F(ClusterSourceTest, A34_WhatWasRestoredCountsAsSeenAndAsStale) {
  make();
  watcher::ClusterObjects objects;
  objects.services.push_back(test::service("web").cluster_ip("10.0.0.1"));
  source_->restore(objects);
  for (auto& [name, api] : apis_) {
    api->fail_lists(ApiErrc::Refused);
    api->fail_watch_lists(ApiErrc::Refused);
  }
  start();
  EXPECT_EQ(synced_, 1);
  EXPECT_TRUE(source_->restored());
  EXPECT_FALSE(source_->synced());
  EXPECT_TRUE(status("services").stale);
  EXPECT_FALSE(status("services").synced);
  EXPECT_EQ(services_.objects().size(), 1u);
  EXPECT_EQ(source_->objects().services.size(), 1u);

  // What the server then says takes its place, deletions too.
  service_objects_.put("new");
  for (auto& [name, api] : apis_) {
    api->fail_lists(std::nullopt);
    api->fail_watch_lists(std::nullopt);
  }
  advance(2min);
  EXPECT_TRUE(source_->synced());
  ASSERT_EQ(services_.objects().size(), 1u);
  EXPECT_EQ(services_.all().front().meta.key.name, "new");
  EXPECT_EQ(synced_, 1);
}

TEST_F(ClusterSourceTest, A34_ShowsItsAge) {
  make();
  start();
  EXPECT_FALSE(status("services").stale);
  advance(90s);
  EXPECT_EQ(status("services").age, 90s);
  EXPECT_FALSE(status("services").stale);
  apis_["services"]->bookmark();
  run();
  EXPECT_EQ(status("services").age, 0s);
  advance(121s);
  EXPECT_TRUE(status("services").stale);
}

TEST_F(ClusterSourceTest, A34_AFailureIsStaleAtOnceAndLoggedOnce) {
  make();
  start();
  for (auto& [name, api] : apis_) {
    api->fail_watches(ApiErrc::Refused);
    api->end_watches(ApiErrc::Reset);
  }
  run();
  advance(1h);
  EXPECT_TRUE(status("services").stale);
  EXPECT_NE(status("services").failing, "");
  EXPECT_LE(log_.count("can't be followed"), 2u) << "once for each kind of trouble";
  for (auto& [name, api] : apis_) api->fail_watches(std::nullopt);
  advance(2min);
  for (auto& [name, api] : apis_) api->bookmark();
  run();
  EXPECT_EQ(status("services").failing, "");
  EXPECT_EQ(log_.count("is followed again"), 1u);
}

TEST_F(ClusterSourceTest, MetricsCarryTheResource) {
  make();
  start();
  advance(30s);
  MetricFamilies families;
  source_->collect(families);
  std::map<std::string, const MetricFamily*> by_name;
  for (const MetricFamily& family : families) by_name[family.name] = &family;
  for (const char* name :
       {"wherry_watch_age_seconds", "wherry_watch_lists_total", "wherry_watch_watches_total",
        "wherry_watch_events_total", "wherry_watch_synced"}) {
    ASSERT_TRUE(by_name.contains(name)) << name;
    ASSERT_EQ(by_name[name]->samples.size(), 3u) << name;
    EXPECT_THAT(by_name[name]->samples[0].labels, ElementsAre(Pair("resource", "services")));
  }
  EXPECT_EQ(by_name["wherry_watch_age_seconds"]->samples[0].value, 30);
  EXPECT_EQ(by_name["wherry_watch_synced"]->samples[0].value, 1);
}

TEST_F(ClusterSourceTest, W1_W2_W3_ReadsWhatKubeProxyReads) {
  const auto all = resources_of({.endpoints = EndpointsFrom::Slices,
                                 .name_space = "",
                                 .poll_interval = {},
                                 .node_name = "node-1"});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].labels, "!service.kubernetes.io/service-proxy-name");
  EXPECT_EQ(all[0].fields, "spec.clusterIP!=None");
  EXPECT_EQ(all[1].labels, "!service.kubernetes.io/headless");
  EXPECT_EQ(all[2].fields, "metadata.name=node-1");
}

TEST_F(ClusterSourceTest, W4_ServiceCidrsAreReadWhereTheyAreAskedFor) {
  make({.endpoints = EndpointsFrom::Slices,
        .name_space = {},
        .poll_interval = {},
        .node_name = {},
        .service_cidrs = true});
  cidr_objects_.put("kubernetes",
                    {{"spec", {{"cidrs", boost::json::array{"10.96.0.0/12", "fd00:96::/112"}}}}});
  start();

  EXPECT_EQ(synced_, 1);
  ASSERT_EQ(service_cidrs_.all().size(), 1u);
  EXPECT_EQ(service_cidrs_.all().front().cidrs.size(), 2u);
}

TEST_F(ClusterSourceTest, ANamespaceAloneHasNoNodeToWaitFor) {
  make({.endpoints = EndpointsFrom::Pods,
        .name_space = "team",
        .poll_interval = {},
        .node_name = {}});
  EXPECT_EQ(apis_.size(), 3u);
  EXPECT_FALSE(apis_.contains("nodes"));
  EXPECT_TRUE(apis_.contains("pods"));
  start();
  EXPECT_EQ(synced_, 1);
}

}  // namespace
}  // namespace wherry::api
