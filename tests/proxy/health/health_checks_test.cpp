#include "proxy/health/health_checks.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace wherry::health {
namespace {

using balancer::BackendTable;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const HealthCheckKey kWeb{{"default", "web"}, IpFamily::IPv4};
const HealthCheckKey kWebIpv6{{"default", "web"}, IpFamily::IPv6};

class HealthChecksTest : public ::testing::Test {
 protected:
  HealthChecksTest() { tables_.services.upsert(web()); }

  static test::ServiceBuilder web(std::uint16_t port = 32000) {
    return service("web")
        .cluster_ip("10.0.0.1")
        .port("http", 80)
        .port("https", 443)
        .health_check_node_port(port);
  }
  static test::SliceBuilder web_slice(const std::string& name = "web-1") {
    return slice(name, "web").port("http", 8080).port("https", 8443);
  }
  /// All checks after what was told to the trackers.
  const std::map<HealthCheckKey, HealthCheck>& checks() {
    const auto next = tables_.build();
    checks_.apply(*next, balancer::diff(*table_, *next));
    table_ = next;
    return checks_.all();
  }

  balancer::Tables tables_;  // its node is node-1
  std::shared_ptr<const BackendTable> table_ = std::make_shared<const BackendTable>();
  HealthChecks checks_{"node-1"};
};

TEST_F(HealthChecksTest, H3_CountsTheAddressesThatAreReadyAndLocal) {
  tables_.slices.upsert(web_slice()
                            .endpoint("10.1.0.1")
                            .on_node("node-1")
                            .endpoint("10.1.0.2")
                            .on_node("node-1")
                            .endpoint("10.1.0.3")
                            .on_node("node-2")
                            .endpoint("10.1.0.4")
                            .not_ready("10.1.0.5")
                            .on_node("node-1"));

  // Each stands in both ports, and counts once.
  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 2})));
}

TEST_F(HealthChecksTest, H3_WhatOnlyTerminatesDoesNotCount) {
  tables_.slices.upsert(web_slice().terminating("10.1.0.1").on_node("node-1"));

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 0})));
}

TEST_F(HealthChecksTest, H3_AnEndpointOfOnePortAloneCountsToo) {
  tables_.slices.upsert(
      slice("web-2", "web").port("https", 8443).endpoint("10.1.0.9").on_node("node-1"));

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 1})));
}

TEST_F(HealthChecksTest, H3_AServiceWithoutEndpointsHasItsPort) {
  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 0})));
}

TEST_F(HealthChecksTest, H3_EachFamilyHasItsOwnCount) {
  tables_.services.upsert(web().cluster_ip("fd00::1"));
  tables_.slices.upsert(web_slice().endpoint("10.1.0.1").on_node("node-1"));
  tables_.slices.upsert(slice("web-6", "web")
                            .ipv6()
                            .port("http", 8080)
                            .endpoint("fd00:1::1")
                            .on_node("node-1")
                            .endpoint("fd00:1::2")
                            .on_node("node-1"));

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 1}),
                                    Pair(kWebIpv6, HealthCheck{32000, 2})));
}

TEST_F(HealthChecksTest, H3_GoesAndComesWithThePolicy) {
  (void)checks();
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));
  EXPECT_THAT(checks(), IsEmpty());

  tables_.services.upsert(web());

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 0})));
}

TEST_F(HealthChecksTest, H3_FollowsTheNumber) {
  (void)checks();
  tables_.services.upsert(web(32001));

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32001, 0})));
}

TEST_F(HealthChecksTest, H3_GoesWithTheService) {
  (void)checks();
  tables_.services.erase(kWeb.service);

  EXPECT_THAT(checks(), IsEmpty());
}

TEST_F(HealthChecksTest, H3_StaysWhileOneOfItsPortsStays) {
  (void)checks();
  tables_.services.upsert(
      service("web").cluster_ip("10.0.0.1").port("http", 80).health_check_node_port(32000));
  tables_.slices.upsert(web_slice().endpoint("10.1.0.1").on_node("node-1"));

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 1})));
}

TEST_F(HealthChecksTest, H3_FollowsTheEndpoints) {
  tables_.slices.upsert(web_slice().endpoint("10.1.0.1").on_node("node-1"));
  (void)checks();
  tables_.slices.upsert(web_slice().terminating("10.1.0.1").on_node("node-1"));

  EXPECT_THAT(checks(), ElementsAre(Pair(kWeb, HealthCheck{32000, 0})));
}

// pkg/proxy/healthcheck/service_health.go, 1.36: tabs, and no newline at the end.
TEST(HealthCheckBody, H3_IsWhatKubeProxyWrites) {
  EXPECT_EQ(health_check_body({"shop", "web"}, 2, true),
            "{\n"
            "\t\"service\": {\n"
            "\t\t\"namespace\": \"shop\",\n"
            "\t\t\"name\": \"web\"\n"
            "\t},\n"
            "\t\"localEndpoints\": 2,\n"
            "\t\"serviceProxyHealthy\": true\n"
            "}");
  EXPECT_THAT(health_check_body({"shop", "web"}, 0, false),
              ::testing::HasSubstr("\t\"localEndpoints\": 0,\n\t\"serviceProxyHealthy\": false\n"));
}

}  // namespace
}  // namespace wherry::health
