#include "proxy/admin/print_rows.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::admin {
namespace {

boost::json::array services() {
  return boost::json::parse(R"([
    {"namespace": "default", "service": "web", "port": "http", "protocol": "TCP",
     "family": "IPv4", "clusterIP": "", "servicePort": 80, "nodePort": 0, "externalIPs": [],
     "loadBalancerIPs": [], "sessionAffinity": "None", "listen": ["127.0.0.1:8080"],
     "internal": {"verdict": "forward", "reason": "ready_endpoints",
                  "backends": ["10.0.0.1:80", "10.0.0.2:80"]},
     "external": null, "excluded": [{"backend": "10.0.0.3:80", "reason": "not_ready"}]},
    {"namespace": "other", "service": "db", "port": "", "protocol": "TCP",
     "family": "IPv6", "clusterIP": "fd00::1", "servicePort": 5432, "nodePort": 30432,
     "externalIPs": ["fd01::1"], "loadBalancerIPs": [], "sessionAffinity": "ClientIP",
     "listen": [], "internal": {"verdict": "reject", "reason": "no_endpoints", "backends": []},
     "external": {"verdict": "reject", "reason": "no_endpoints", "backends": []},
     "excluded": []}])")
      .as_array();
}

boost::json::array endpoints() {
  return boost::json::parse(R"([
    {"namespace": "default", "service": "web", "port": "http", "protocol": "TCP",
     "address": "10.0.0.1", "targetPort": 8080, "pod": "web-1", "node": "n1", "ready": true,
     "serving": true, "terminating": false, "sessions": 4},
    {"namespace": "default", "service": "web", "port": "http", "protocol": "TCP",
     "address": "fd00::1", "targetPort": 8080, "pod": "", "node": "", "ready": false,
     "serving": true, "terminating": true, "sessions": 0}])")
      .as_array();
}

boost::json::array sessions() {
  return boost::json::parse(R"([
    {"service": "default/web", "port": "", "protocol": "TCP", "client": "127.0.0.1:4", "backend": "10.0.0.1:80",
     "since": "2026-01-01T00:00:00Z", "bytesIn": 1, "bytesOut": 2},
    {"service": "other/web", "port": "", "protocol": "UDP", "client": "127.0.0.1:5", "backend": "10.0.0.2:80",
     "since": "2026-01-01T00:00:00Z", "bytesIn": 1, "bytesOut": 2}])")
      .as_array();
}

TEST(PrintRows, AlignsAServiceTable) {
  EXPECT_EQ(print_rows(services(), RowKind::Services, RowFormat::Table),
            "NAMESPACE   NAME   PORT      PROTOCOL   LISTEN           BACKENDS   VERDICT\n"
            "default     web    http:80   TCP        127.0.0.1:8080   2/3        forward\n"
            "other       db     5432      TCP        -                0/0        reject\n");
}

TEST(PrintRows, ShowsMoreInAWideServiceTable) {
  const std::string wide = print_rows(services(), RowKind::Services, RowFormat::Wide);

  for (const char* title : {"REASON", "EXTERNAL", "FAMILY", "CLUSTER-IP", "NODE-PORT",
                            "EXTERNAL-IPS", "LOAD-BALANCER-IPS", "AFFINITY"}) {
    EXPECT_THAT(wide, ::testing::HasSubstr(title));
  }
  EXPECT_THAT(wide, ::testing::HasSubstr("fd01::1"));
}

TEST(PrintRows, AlignsAnEndpointTable) {
  EXPECT_EQ(print_rows(endpoints(), RowKind::Endpoints, RowFormat::Table),
            "NAMESPACE   SERVICE   PORT   BACKEND          POD     READY   SESSIONS\n"
            "default     web       http   10.0.0.1:8080    web-1   true    4\n"
            "default     web       http   [fd00::1]:8080   -       false   0\n");
}

TEST(PrintRows, AlignsASessionTable) {
  EXPECT_THAT(print_rows(sessions(), RowKind::Sessions, RowFormat::Table),
              ::testing::StartsWith("SERVICE       PROTOCOL   CLIENT        BACKEND       SINCE"));
}

TEST(PrintRows, PrintsJsonThatReadsBackEqual) {
  EXPECT_EQ(boost::json::parse(print_rows(services(), RowKind::Services, RowFormat::Json)),
            boost::json::value(services()));
}

TEST(PrintRows, PrintsAHostsLineForEachServiceThatListens) {
  EXPECT_EQ(print_rows(services(), RowKind::Services, RowFormat::Hosts),
            "127.0.0.1\tweb web.default web.default.svc.cluster.local\n");
}

TEST(PrintRows, PrintsOneHostsLineForAServiceWithSeveralPorts) {
  boost::json::array two = services();
  two.push_back(two[0]);
  two.back().as_object()["servicePort"] = 443;
  two.back().as_object()["listen"] = boost::json::array{"127.0.0.1:443"};

  EXPECT_EQ(print_rows(two, RowKind::Services, RowFormat::Hosts),
            "127.0.0.1\tweb web.default web.default.svc.cluster.local\n");
}

TEST(PrintRows, PrintsHostsLinesWithoutBracketsForIpv6) {
  boost::json::array rows = services();
  rows[0].as_object()["listen"] = boost::json::array{"[::1]:80"};

  EXPECT_THAT(print_rows(rows, RowKind::Services, RowFormat::Hosts),
              ::testing::StartsWith("::1\tweb "));
}

TEST(FilterRows, KeepsANameInAllNamespaces) {
  EXPECT_EQ(filter_rows(sessions(), RowKind::Sessions, {.name = "web", .name_space = ""}).size(),
            2u);
}

TEST(FilterRows, KeepsANamespace) {
  const auto kept = filter_rows(services(), RowKind::Services, {.name = "", .name_space = "other"});

  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].at("service"), "db");
}

TEST(FilterRows, FindsASessionsNamespaceInItsService) {
  const auto kept =
      filter_rows(sessions(), RowKind::Sessions, {.name = "web", .name_space = "other"});

  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].at("client"), "127.0.0.1:5");
}

TEST(FilterRows, KeepsNothingForAnUnknownName) {
  EXPECT_TRUE(
      filter_rows(services(), RowKind::Services, {.name = "nope", .name_space = ""}).empty());
}

}  // namespace
}  // namespace wherry::admin
