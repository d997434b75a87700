#include "proxy/admin/pages.h"

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"
#include "tests/support/builders.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace wherry::admin {
namespace {

using test::service;
using test::slice;
using ::testing::HasSubstr;
using ::testing::Not;

class PagesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::shared_ptr<const balancer::BackendTable> table() {
    auto changed = services_.take_changes();
    changed.merge(slices_.take_changes());
    return builder_.build(changed);
  }
  [[nodiscard]] boost::json::array services() {
    return services_json(*table(), [](balancer::ServicePortId) {
      return std::vector<SocketAddress>{test::at("127.0.0.1:8080")};
    });
  }

  balancer::ServiceTracker services_{{}, [] {}};
  balancer::SliceTracker slices_{[] {}};
  balancer::TableBuilder builder_{services_, slices_, "node-1"};
};

TEST_F(PagesTest, ShowsAServicePortWithEveryFieldThatToolsRead) {
  services_.upsert(service("web")
                       .cluster_ip("10.96.0.1")
                       .port("http", 80)
                       .node_port(30080)
                       .external_ip("192.0.2.1")
                       .load_balancer_ip("192.0.2.2"));
  slices_.upsert(slice("s", "web")
                     .port("http", 9376)
                     .endpoint("10.0.0.1")
                     .not_ready("10.0.0.2")
                     .terminating("10.0.0.3"));

  const boost::json::value expected = boost::json::parse(R"([{
    "namespace": "default", "service": "web", "port": "http", "protocol": "TCP", "family": "IPv4",
    "clusterIP": "10.96.0.1", "servicePort": 80, "nodePort": 30080,
    "externalIPs": ["192.0.2.1"], "loadBalancerIPs": ["192.0.2.2"], "sourceRanges": [],
    "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster",
    "healthCheckNodePort": 0, "balance": "round-robin",
    "sessionAffinity": "None", "sessionAffinityTimeoutSeconds": null,
    "listen": ["127.0.0.1:8080"],
    "internal": {"verdict": "forward", "reason": "ready_endpoints", "backends": ["10.0.0.1:9376"]},
    "external": {"verdict": "forward", "reason": "ready_endpoints", "backends": ["10.0.0.1:9376"]},
    "externalFromNode":
        {"verdict": "forward", "reason": "ready_endpoints", "backends": ["10.0.0.1:9376"]},
    "excluded": [{"backend": "10.0.0.2:9376", "reason": "not_ready"},
                 {"backend": "10.0.0.3:9376", "reason": "terminating"}]}])");
  EXPECT_EQ(boost::json::value(services()), expected);
}

TEST_F(PagesTest, E7_ShowsPoliciesAndTheDecisionOfEachKindOfTraffic) {
  services_.upsert(service("web")
                       .type(model::ServiceType::LoadBalancer)
                       .cluster_ip("10.96.0.1")
                       .port("http", 80)
                       .node_port(30080)
                       .load_balancer_ip("192.0.2.2")
                       .source_range("203.0.113.0/24")
                       .internal_policy(model::TrafficPolicy::Local)
                       .external_policy(model::TrafficPolicy::Local)
                       .health_check_node_port(31000));
  slices_.upsert(slice("s", "web").port("http", 9376).endpoint("10.0.0.1").on_node("node-2"));

  const boost::json::array rows = services();
  const boost::json::object& row = rows.at(0).as_object();

  EXPECT_EQ(row.at("sourceRanges"), boost::json::parse(R"(["203.0.113.0/24"])"));
  EXPECT_EQ(row.at("internalTrafficPolicy"), "Local");
  EXPECT_EQ(row.at("externalTrafficPolicy"), "Local");
  EXPECT_EQ(row.at("healthCheckNodePort"), 31000);
  const boost::json::value dropped =
      boost::json::parse(R"({"verdict": "drop", "reason": "no_local_endpoints", "backends": []})");
  EXPECT_EQ(row.at("internal"), dropped);
  EXPECT_EQ(row.at("external"), dropped);
  EXPECT_EQ(
      row.at("externalFromNode"),
      boost::json::parse(
          R"({"verdict": "forward", "reason": "ready_endpoints", "backends": ["10.0.0.1:9376"]})"));
  EXPECT_EQ(row.at("excluded"),
            boost::json::parse(R"([{"backend": "10.0.0.1:9376", "reason": "other_node"}])"));
}

TEST_F(PagesTest, ShowsNullWhereNothingExternalExists) {
  services_.upsert(service("web").port("", 80));

  EXPECT_TRUE(services().at(0).as_object().at("external").is_null());
}

TEST_F(PagesTest, ShowsARejectionWithoutBackends) {
  services_.upsert(service("web").port("", 80));

  const boost::json::value expected =
      boost::json::parse(R"({"verdict": "reject", "reason": "no_endpoints", "backends": []})");
  EXPECT_EQ(services().at(0).as_object().at("internal"), expected);
}

TEST_F(PagesTest, ShowsIpv6BackendsInBrackets) {
  services_.upsert(service("web").family(IpFamily::IPv6).port("", 80));
  slices_.upsert(slice("s", "web").ipv6().port("", 80).endpoint("fd00::1"));

  EXPECT_EQ(boost::json::serialize(services().at(0).at("internal").at("backends")),
            R"(["[fd00::1]:80"])");
}

TEST_F(PagesTest, SortsServicePortsByNamespaceNameAndPort) {
  services_.upsert(service("b").port("", 80));
  services_.upsert(service("a").port("y", 81).port("x", 80));
  services_.upsert(service("c", "another").port("", 80));

  std::vector<std::string> order;
  for (const auto& row : services()) {
    order.push_back(std::string(row.at("service").as_string()) + ':' +
                    std::string(row.at("port").as_string()));
  }
  EXPECT_THAT(order, ::testing::ElementsAre("c:", "a:x", "a:y", "b:"));
}

TEST_F(PagesTest, ShowsAnEndpointWithEveryFieldThatToolsRead) {
  services_.upsert(service("web").port("http", 80));
  slices_.upsert(
      slice("s", "web").port("http", 9376).endpoint("10.0.0.1").on_node("node-1").pod("web-abc"));
  const auto current = table();
  current->sorted().front()->backends.front().state->sessions = 3;

  const boost::json::value expected = boost::json::parse(R"([{
    "namespace": "default", "service": "web", "port": "http", "protocol": "TCP",
    "address": "10.0.0.1", "targetPort": 9376, "pod": "web-abc", "node": "node-1",
    "ready": true, "serving": true, "terminating": false, "weight": 100, "sessions": 3}])");
  EXPECT_EQ(boost::json::value(endpoints_json(*current)), expected);
}

TEST_F(PagesTest, ShowsASessionWithEveryFieldThatToolsRead) {
  SessionRow row;
  row.service_port = {{"default", "web"}, "http", Protocol::TCP, IpFamily::IPv4};
  row.client = test::at("127.0.0.1:40000");
  row.backend = test::at("10.0.0.1:9376");
  row.since = WallTime(std::chrono::seconds(1767225600));
  row.bytes_in = 5;
  row.bytes_out = 7;

  const boost::json::value expected = boost::json::parse(R"([{
    "service": "default/web", "port": "http", "protocol": "TCP", "client": "127.0.0.1:40000",
    "backend": "10.0.0.1:9376", "since": "2026-01-01T00:00:00Z", "bytesIn": 5, "bytesOut": 7}])");
  EXPECT_EQ(boost::json::value(sessions_json({row})), expected);
}

Readiness readiness_with_a_broken_manifest() {
  Readiness readiness;
  readiness.checks.push_back(
      {.name = "tables", .passed = true, .required = true, .notes = {"generation 3"}});
  readiness.checks.push_back({.name = "manifests",
                              .passed = false,
                              .required = false,
                              .notes = {"web.yaml:3:5: is no YAML"}});
  return readiness;
}

TEST(ReadinessText, NamesWhatIsWrongEvenWhenTheProcessIsReady) {
  const std::string text = readiness_text(readiness_with_a_broken_manifest(), false);

  EXPECT_THAT(text, ::testing::StartsWith("ok\n"));
  EXPECT_THAT(text, HasSubstr("web.yaml:3:5: is no YAML"));
  EXPECT_THAT(text, Not(HasSubstr("generation")));
}

TEST(ReadinessText, ShowsEveryCheckWhenAskedTo) {
  const std::string text = readiness_text(readiness_with_a_broken_manifest(), true);

  EXPECT_THAT(text, HasSubstr("[+]tables ok\n    generation 3\n"));
  EXPECT_THAT(text, HasSubstr("[-]manifests not ok\n    web.yaml:3:5: is no YAML\n"));
  EXPECT_THAT(text, ::testing::EndsWith("readyz check passed\n"));
}

TEST(ReadinessText, SaysThatTheProcessIsNotReady) {
  Readiness readiness;
  readiness.checks.push_back({.name = "tables", .passed = false, .required = true, .notes = {}});

  EXPECT_FALSE(readiness.ready());
  EXPECT_THAT(readiness_text(readiness, false), ::testing::StartsWith("not ready\n"));
}

TEST(MetricsText, WritesThePrometheusFormat) {
  MetricFamilies families;
  families.push_back({"wherry_refused_total",
                      "Refused.",
                      MetricKind::Counter,
                      {{{{"reason", "no_endpoints"}}, 2}, {{{"reason", "a\"b\\c"}}, 0}}});
  families.push_back(single_metric("wherry_busy_ports", "Busy.", MetricKind::Gauge, 1));

  EXPECT_EQ(metrics_text(families),
            "# HELP wherry_refused_total Refused.\n"
            "# TYPE wherry_refused_total counter\n"
            "wherry_refused_total{reason=\"no_endpoints\"} 2\n"
            "wherry_refused_total{reason=\"a\\\"b\\\\c\"} 0\n"
            "# HELP wherry_busy_ports Busy.\n"
            "# TYPE wherry_busy_ports gauge\n"
            "wherry_busy_ports 1\n");
}

}  // namespace
}  // namespace wherry::admin
