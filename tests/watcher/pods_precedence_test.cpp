#include "tests/support/builders.h"
#include "tests/watcher/pod_endpoints_fixture.h"

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
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class PodsPrecedenceTest : public PodEndpointsTest {
 protected:
  PodsPrecedenceTest() : PodEndpointsTest(1u << 30, Precedence::Pods) {}

  static Service web_without_selector() { return service("web").port("", 80); }
  static Pod web_pod() { return PodEndpointsTest::web_pod("a", "10.0.0.1"); }
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
