#include "proxy/health/proxy_health.h"

#include "tests/support/manual_clock.h"
#include "watcher/model/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::health {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::vector<IpFamily> kBoth = {IpFamily::IPv4, IpFamily::IPv6};

WallTime at(const char* text) { return *model::parse_timestamp(text); }

HealthState state(bool healthy, std::vector<IpFamily> families = kBoth) {
  return {at("2026-11-28T10:00:00Z"), at("2026-11-28T10:01:00.5Z"), healthy, std::move(families)};
}

// The bytes that kube-proxy 1.36 makes of the same state with json.Marshal.
TEST(Healthz, H1_OfAHealthyProxyOnAnEligibleNodeIs200AndAsRecentAsTheQuestion) {
  const HealthPage page = healthz(state(true), true);

  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body,
            R"({"lastUpdated":"2026-11-28T10:01:00.5Z","currentTime":"2026-11-28T10:01:00.5Z",)"
            R"("nodeEligible":true,"healthy":true,"status":{)"
            R"("IPv4":{"lastUpdated":"2026-11-28T10:00:00Z","healthy":true},)"
            R"("IPv6":{"lastUpdated":"2026-11-28T10:00:00Z","healthy":true}}})");
}

TEST(Healthz, H1_OfANodeThatIsNotEligibleIs503ThoughTheProxyIsHealthy) {
  const HealthPage page = healthz(state(true, {IpFamily::IPv4}), false);

  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.body,
            R"({"lastUpdated":"2026-11-28T10:00:00Z","currentTime":"2026-11-28T10:01:00.5Z",)"
            R"("nodeEligible":false,"healthy":true,"status":{)"
            R"("IPv4":{"lastUpdated":"2026-11-28T10:00:00Z","healthy":true}}})");
}

TEST(Healthz, H1_OfAProxyThatIsNotHealthyIs503) {
  const HealthPage page = healthz(state(false, {IpFamily::IPv6}), true);

  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.body,
            R"({"lastUpdated":"2026-11-28T10:00:00Z","currentTime":"2026-11-28T10:01:00.5Z",)"
            R"("nodeEligible":true,"healthy":false,"status":{)"
            R"("IPv6":{"lastUpdated":"2026-11-28T10:00:00Z","healthy":false}}})");
}

TEST(Livez, H2_SaysNothingOfTheNode) {
  EXPECT_EQ(livez(state(true, {IpFamily::IPv4})).body,
            R"({"lastUpdated":"2026-11-28T10:01:00.5Z","currentTime":"2026-11-28T10:01:00.5Z",)"
            R"("healthy":true,"status":{)"
            R"("IPv4":{"lastUpdated":"2026-11-28T10:00:00Z","healthy":true}}})");
  EXPECT_EQ(livez(state(true)).status, 200);
}

TEST(Livez, H2_OfAProxyThatIsNotHealthyIs503) {
  EXPECT_EQ(livez(state(false)).status, 503);
  EXPECT_THAT(livez(state(false)).body, HasSubstr(R"("lastUpdated":"2026-11-28T10:00:00Z",)"));
}

model::Node node() {
  model::Node node;
  node.meta.key.name = "node-1";
  node.taints = {"node.kubernetes.io/unschedulable"};
  return node;
}

TEST(IsEligible, H1_ANodeThatIsKnownAndStays) {
  const model::Node stays = node();

  EXPECT_TRUE(is_eligible(&stays));
}

TEST(IsEligible, H1_NotAnUnknownNode) { EXPECT_FALSE(is_eligible(nullptr)); }

TEST(IsEligible, H1_NotANodeThatIsBeingDeleted) {
  model::Node goes = node();
  goes.meta.deleting = true;

  EXPECT_FALSE(is_eligible(&goes));
}

TEST(IsEligible, H1_NotANodeThatTheAutoscalerTakesAway) {
  model::Node goes = node();
  goes.taints.emplace_back("ToBeDeletedByClusterAutoscaler");

  EXPECT_FALSE(is_eligible(&goes));
}

class ProxyHealthTest : public ::testing::Test {
 protected:
  test::ManualClock clock_;
  ProxyHealth health_{clock_, kBoth, 60s};
};

TEST_F(ProxyHealthTest, H1_IsHealthyWhileItStarts) {
  const WallTime started = clock_.wall();
  clock_.advance(1h);

  EXPECT_TRUE(health_.healthy());
  EXPECT_EQ(health_.state().last_updated, started);
  EXPECT_EQ(health_.state().now, started + 1h);
  EXPECT_EQ(health_.state().families, kBoth);
}

TEST_F(ProxyHealthTest, H1_IsUnhealthyOnceAChangeHasWaitedForTheWholeTimeout) {
  health_.queued();
  clock_.advance(60s - 1ns);
  EXPECT_TRUE(health_.healthy());

  clock_.advance(1ns);

  EXPECT_FALSE(health_.healthy());
}

TEST_F(ProxyHealthTest, H1_TheOldestChangeCounts) {
  health_.queued();
  clock_.advance(30s);
  health_.queued();
  clock_.advance(30s);

  EXPECT_FALSE(health_.healthy());
}

TEST_F(ProxyHealthTest, H1_AChangeWaitsUntilItIsInForceNotUntilItIsTaken) {
  health_.queued();
  const ProxyHealth::Batch batch = health_.taken();
  clock_.advance(60s);
  EXPECT_FALSE(health_.healthy());

  health_.applied(batch);

  EXPECT_TRUE(health_.healthy());
  EXPECT_EQ(health_.state().last_updated, clock_.wall());
}

TEST_F(ProxyHealthTest, H1_WhatIsQueuedMeanwhileGoesOnWaiting) {
  health_.queued();
  const ProxyHealth::Batch batch = health_.taken();
  health_.queued();
  clock_.advance(60s);

  health_.applied(batch);

  EXPECT_FALSE(health_.healthy());
}

TEST_F(ProxyHealthTest, H1_ABatchThatHadNothingToChangeEndsNoOther) {
  health_.queued();
  const ProxyHealth::Batch slow = health_.taken();
  health_.queued();
  const ProxyHealth::Batch quick = health_.taken();
  health_.applied(quick);
  clock_.advance(60s);
  EXPECT_FALSE(health_.healthy());

  health_.applied(slow);

  EXPECT_TRUE(health_.healthy());
}

TEST_F(ProxyHealthTest, H1_ABatchThatNobodyAskedForIsNeverLate) {
  const ProxyHealth::Batch batch = health_.taken();
  clock_.advance(1h);

  EXPECT_TRUE(health_.healthy());
  health_.applied(batch);
}

}  // namespace
}  // namespace wherry::health
