#include "tests/support/builders.h"
#include "tests/watcher/backends_in.h"
#include "tests/watcher/object_map.h"
#include "watcher/pod_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

/// Pod mode in a cluster: what the EndpointSlice controller keeps is made anew, and nothing counts
/// twice.
namespace wherry::watcher {
namespace {

using model::EndpointSlice;
using model::Pod;
using model::Service;
using test::backends_in;
using test::pod;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class PodsPrecedenceTest : public ::testing::Test {
 protected:
  void upsert(const Service& object) { endpoints_.services().upsert(test::shared(object)); }
  void upsert(const Pod& object) { endpoints_.pods().upsert(test::shared(object)); }
  void upsert(const EndpointSlice& object) { endpoints_.slices().upsert(test::shared(object)); }

  std::vector<std::string> backends() {
    endpoints_.flush();
    return backends_in(out_.all());
  }

  static Service web() { return service("web").selector("app", "web").port("", 80); }
  static Service web_without_selector() { return service("web").port("", 80); }
  static Pod web_pod() { return pod("a", "10.0.0.1").label("app", "web"); }
  /// As the controller writes them.
  static EndpointSlice controlled(const std::string& name, const std::string& address) {
    return slice(name, "web")
        .label(std::string(model::kManagedByLabel), std::string(model::kEndpointSliceController))
        .port("", 80)
        .endpoint(address);
  }
  /// As a person, or another controller, writes them.
  static EndpointSlice foreign(const std::string& name, const std::string& address) {
    return slice(name, "web").port("", 80).endpoint(address);
  }

  test::ObjectMap<EndpointSlice> out_;
  PodEndpoints endpoints_{out_, 1u << 30, Precedence::Pods};
};

TEST_F(PodsPrecedenceTest, TheControllersSlicesDoNotCountWherePodsAreSelected) {
  upsert(web());
  upsert(web_pod());
  upsert(controlled("web-x", "10.0.0.9"));

  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodsPrecedenceTest, SlicesOfOthersCountBesideThePods) {
  upsert(web());
  upsert(web_pod());
  upsert(foreign("mine", "10.0.0.9"));

  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 80/TCP", "=10.0.0.9 80/TCP"));
}

TEST_F(PodsPrecedenceTest, AServiceWithoutSelectorIsServedFromItsSlices) {
  upsert(service("kubernetes").port("https", 443));
  upsert(slice("kubernetes", "kubernetes").port("https", 6443).endpoint("172.31.9.1"));

  EXPECT_THAT(backends(), ElementsAre("https=172.31.9.1 6443/TCP"));
}

TEST_F(PodsPrecedenceTest, WhatTheControllerLeftCountsOnceTheSelectorIsGone) {
  upsert(web());
  upsert(web_pod());
  upsert(controlled("web-x", "10.0.0.9"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));

  upsert(web_without_selector());
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.9 80/TCP"));
  upsert(controlled("web-x", "10.0.0.8"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.8 80/TCP"));

  upsert(web());
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));
}

TEST_F(PodsPrecedenceTest, ASliceThatIsGoneIsGone) {
  upsert(web_without_selector());
  upsert(controlled("web-x", "10.0.0.9"));
  upsert(foreign("mine", "10.0.0.7"));
  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.9 80/TCP", "=10.0.0.7 80/TCP"));

  endpoints_.slices().erase({"default", "web-x"});
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.7 80/TCP"));
  endpoints_.slices().erase({"default", "mine"});
  EXPECT_THAT(backends(), IsEmpty());
}

TEST_F(PodsPrecedenceTest, ASliceMayChangeHands) {
  upsert(web());
  upsert(web_pod());
  upsert(foreign("x", "10.0.0.9"));
  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 80/TCP", "=10.0.0.9 80/TCP"));

  upsert(controlled("x", "10.0.0.9"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.1 80/TCP"));

  upsert(foreign("x", "10.0.0.9"));
  EXPECT_THAT(backends(), UnorderedElementsAre("=10.0.0.1 80/TCP", "=10.0.0.9 80/TCP"));
}

TEST_F(PodsPrecedenceTest, ReplacingForgetsTheControllersSlicesToo) {
  upsert(web_without_selector());
  upsert(controlled("web-x", "10.0.0.9"));
  EXPECT_THAT(backends(), ElementsAre("=10.0.0.9 80/TCP"));

  endpoints_.slices().replace({});

  EXPECT_THAT(backends(), IsEmpty());
}

}  // namespace
}  // namespace wherry::watcher
