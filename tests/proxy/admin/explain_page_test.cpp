#include "proxy/admin/explain_page.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wherry::admin {
namespace {

using balancer::Client;
using balancer::Question;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ExplainPage, WhatIsAskedIsWhatIsRead) {
  for (const char* client : {"10.0.0.1", "fd00::1", "node", "pod=10.0.0.1", "outside=fd00::1"}) {
    for (const char* destination : {"10.96.0.1:443", "[fd00::1]:53"}) {
      const Question asked{*Client::parse(client), test::at(destination), Protocol::UDP};

      const std::string target = explain_target(asked);
      ASSERT_THAT(target, StartsWith("/explain?"));
      const auto read = parse_question(target.substr(target.find('?') + 1));

      ASSERT_TRUE(std::holds_alternative<Question>(read)) << target;
      EXPECT_EQ(std::get<Question>(read).client, asked.client);
      EXPECT_EQ(std::get<Question>(read).destination, asked.destination);
      EXPECT_EQ(std::get<Question>(read).protocol, asked.protocol);
    }
  }
}

TEST(ExplainPage, ReadsWhatAPersonWrites) {
  const auto read = parse_question("destination=[fd00::1]:80&client=pod=10.0.0.1&verbose");

  ASSERT_TRUE(std::holds_alternative<Question>(read));
  EXPECT_EQ(std::get<Question>(read).client.to_string(), "pod=10.0.0.1");
  EXPECT_EQ(std::get<Question>(read).protocol, Protocol::TCP);
}

TEST(ExplainPage, SaysWhatIsWrongWithAQuestion) {
  const auto wrong = [](const std::string& query) {
    const auto read = parse_question(query);
    const auto* text = std::get_if<std::string>(&read);
    return text == nullptr ? std::string() : *text;
  };

  EXPECT_THAT(wrong(""), StartsWith("client: write"));
  EXPECT_THAT(wrong("client=nobody&destination=10.0.0.1:80"), StartsWith("client: write"));
  EXPECT_THAT(wrong("client=%zz&destination=10.0.0.1:80"), StartsWith("client: write"));
  EXPECT_THAT(wrong("client=node&destination=10.0.0.1"), StartsWith("destination: write"));
  EXPECT_THAT(wrong("client=node&destination=10.0.0.1:80&protocol=tcp"),
              StartsWith("protocol: write"));
}

boost::json::object explained(
    const std::string& client, const std::string& destination,
    const std::function<bool(const balancer::ClientAndBackend&)>& sees_client = {}) {
  balancer::Tables tables;
  tables.services.upsert(test::service("web", "shop").cluster_ip("10.96.0.1").port("http", 80));
  tables.slices.upsert(test::slice("web-1", "web", "shop")
                           .port("http", 8080)
                           .endpoint("10.1.0.1")
                           .endpoint("10.1.0.2")
                           .not_ready("10.1.0.3"));
  const auto table = tables.build();
  const auto answer =
      balancer::explain(*table,
                        {.find = [](Protocol, const SocketAddress&) { return std::nullopt; },
                         .sees_client = sees_client},
                        {*Client::parse(client), test::at(destination), Protocol::TCP});
  return explanation_json(std::get<balancer::Explanation>(answer));
}

TEST(ExplainPage, HasEveryFieldThatToolsRead) {
  const boost::json::value expected = boost::json::parse(R"({
    "client": "10.244.1.9", "kind": "outside", "destination": "10.96.0.1:80",
    "addressKind": "clusterIP", "protocol": "TCP", "service": "shop/web", "port": "http",
    "verdict": "forward", "reason": "ready_endpoints",
    "rule": "E2: Connections go to the endpoints that are ready.",
    "backends": ["10.1.0.1:8080", "10.1.0.2:8080"],
    "excluded": [{"backend": "10.1.0.3:8080", "reason": "not_ready"}]})");

  EXPECT_EQ(boost::json::value(explained("10.244.1.9", "10.96.0.1:80")), expected);
}

TEST(ExplainPage, APersonReadsTheSame) {
  EXPECT_EQ(print_explanation(explained("10.244.1.9", "10.96.0.1:80")),
            "client       10.244.1.9 (outside)\n"
            "destination  10.96.0.1:80/TCP, clusterIP of shop/web, port http\n"
            "verdict      forward\n"
            "reason       ready_endpoints\n"
            "rule         E2: Connections go to the endpoints that are ready.\n"
            "backends     10.1.0.1:8080\n"
            "             10.1.0.2:8080\n"
            "excluded     10.1.0.3:8080  not_ready\n");
}

TEST(ExplainPage, SaysWhoseAddressEachBackendSeesWhereThatIsKnown) {
  const auto first_sees_client = [](const balancer::ClientAndBackend& both) {
    EXPECT_EQ(both.client, test::ip("10.244.1.9"));
    EXPECT_EQ(both.asked_for, test::ip("10.96.0.1"));
    EXPECT_FALSE(both.external_local);
    return both.backend == test::ip("10.1.0.1");
  };
  const auto explanation = explained("10.244.1.9", "10.96.0.1:80", first_sees_client);

  EXPECT_EQ(explanation.at("backendsSee"), boost::json::parse(R"(["client", "node"])"));
  EXPECT_THAT(print_explanation(explanation),
              HasSubstr("backends     10.1.0.1:8080  sees the client's address\n"
                        "             10.1.0.2:8080  sees the node's address\n"));
  EXPECT_FALSE(explained("pod", "10.96.0.1:80", first_sees_client).contains("backendsSee"))
      << "a kind has no address";
}

TEST(ExplainPage, BackendsOfAPortRangeAreNamedWithThePortThatIsDialled) {
  balancer::Tables tables;
  tables.services.upsert(test::service("media")
                             .cluster_ip("10.96.0.9")
                             .annotation("wherry.io/port-range", "30000-30100")
                             .port("rtp", 30000));
  tables.slices.upsert(
      test::slice("media-1", "media").port("rtp", 6000).endpoint("10.1.0.1").not_ready("10.1.0.3"));
  const auto table = tables.build();
  const balancer::Entrance entrance{table->sorted().front()->id, balancer::AddressKind::ClusterIp};

  const auto answer = balancer::explain(
      *table, {.find = [&entrance](Protocol, const SocketAddress&) { return entrance; }},
      {*Client::parse("outside"), test::at("10.96.0.9:30042"), Protocol::TCP});
  const auto said = explanation_json(std::get<balancer::Explanation>(answer));

  EXPECT_EQ(said.at("backends"), boost::json::parse(R"(["10.1.0.1:6042"])"));
  EXPECT_EQ(said.at("excluded"),
            boost::json::parse(R"([{"backend": "10.1.0.3:6042", "reason": "not_ready"}])"));
}

TEST(ExplainPage, BackendsOfDatagramsThatAreSpreadSeeTheNode) {
  balancer::Tables tables;
  tables.services.upsert(test::service("logs")
                             .cluster_ip("10.96.0.9")
                             .annotation("wherry.io/udp-per-datagram", "true")
                             .port("syslog", 514, {}, Protocol::UDP)
                             .port("web", 514));
  tables.slices.upsert(test::slice("logs-1", "logs")
                           .port("syslog", 1514, Protocol::UDP)
                           .port("web", 1514)
                           .endpoint("10.1.0.1"));
  const auto table = tables.build();
  const auto seen = [&table](Protocol protocol) {
    const auto answer =
        balancer::explain(*table,
                          {.find = [](Protocol, const SocketAddress&) { return std::nullopt; },
                           .sees_client = [](const balancer::ClientAndBackend&) { return true; }},
                          {*Client::parse("pod=10.244.1.9"), test::at("10.96.0.9:514"), protocol});
    return explanation_json(std::get<balancer::Explanation>(answer)).at("backendsSee");
  };

  EXPECT_EQ(seen(Protocol::UDP), boost::json::parse(R"(["node"])"));
  EXPECT_EQ(seen(Protocol::TCP), boost::json::parse(R"(["client"])"));
}

TEST(ExplainPage, AKindWithoutAddressIsTheClient) {
  const boost::json::object pod = explained("pod", "10.96.0.1:80");
  EXPECT_EQ(pod.at("client").as_string(), "pod");
  EXPECT_EQ(pod.at("kind").as_string(), "pod");

  const boost::json::object named = explained("pod=10.244.1.9", "10.96.0.1:80");
  EXPECT_EQ(named.at("client").as_string(), "10.244.1.9");
  EXPECT_EQ(named.at("kind").as_string(), "pod");
}

TEST(ExplainPage, SaysNoneWhereThereAreNone) {
  const std::string text = print_explanation(explained("pod", "10.96.0.1:81"));

  EXPECT_THAT(text, StartsWith("client       pod\n"));
  EXPECT_THAT(text, HasSubstr("clusterIP of shop/web\n"));
  EXPECT_THAT(text, HasSubstr("backends     none\nexcluded     none\n"));
}

TEST(ExplainPage, WhatAnotherProcessAnswersIsMadeSafe) {
  const boost::json::object strange{{"service", "a\x1b[31m"}, {"backends", 5}, {"client", nullptr}};

  const std::string text = print_explanation(strange);

  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("backends     none"));
}

}  // namespace
}  // namespace wherry::admin
