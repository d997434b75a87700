#include "balancer/explain.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace wherry::balancer {
namespace {

using model::ServiceType;
using model::TrafficPolicy;
using test::service;
using test::slice;
using ::testing::HasSubstr;

/// A cluster in which every verdict and every reason occurs, seen from node-1 in zone-a.
class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    tables_.builder.set_node(view_of(
        &test::node("node-1").zone("zone-a").address("192.0.2.7").pod_cidr("10.244.1.0/24").get(),
        "node-1"));
    tables_.services.upsert(
        service("web").cluster_ip("10.0.0.1").port("http", 80).node_port(30080));
    tables_.slices.upsert(slice("web-1", "web")
                              .port("http", 8080)
                              .endpoint("10.1.0.1")
                              .not_ready("10.1.0.2")
                              .terminating("10.1.0.3"));
    tables_.services.upsert(service("empty").cluster_ip("10.0.0.2").port("", 80));
    tables_.services.upsert(service("ending").cluster_ip("10.0.0.3").port("", 80));
    tables_.slices.upsert(slice("ending-1", "ending").port("", 8080).terminating("10.1.1.1"));
    tables_.services.upsert(
        service("inner").cluster_ip("10.0.0.4").port("", 80).internal_policy(TrafficPolicy::Local));
    tables_.slices.upsert(
        slice("inner-1", "inner").port("", 8080).endpoint("10.1.2.1").on_node("node-2"));
    tables_.services.upsert(service("outer")
                                .type(ServiceType::LoadBalancer)
                                .cluster_ip("10.0.0.5")
                                .port("", 80)
                                .node_port(30085)
                                .load_balancer_ip("198.51.100.5")
                                .external_policy(TrafficPolicy::Local));
    tables_.slices.upsert(
        slice("outer-1", "outer").port("", 8080).endpoint("10.1.3.1").on_node("node-2"));
    tables_.services.upsert(service("ranged")
                                .type(ServiceType::LoadBalancer)
                                .cluster_ip("10.0.0.6")
                                .port("", 80)
                                .load_balancer_ip("198.51.100.6")
                                .source_range("203.0.113.0/24"));
    tables_.slices.upsert(slice("ranged-1", "ranged").port("", 8080).endpoint("10.1.4.1"));
    tables_.services.upsert(service("zoned").cluster_ip("10.0.0.7").port("", 80));
    tables_.slices.upsert(slice("zoned-1", "zoned")
                              .port("", 8080)
                              .endpoint("10.1.5.1")
                              .hints({"zone-a"})
                              .endpoint("10.1.5.2")
                              .hints({"zone-b"}));
    tables_.services.upsert(service("noded").cluster_ip("10.0.0.8").port("", 80));
    tables_.slices.upsert(slice("noded-1", "noded")
                              .port("", 8080)
                              .endpoint("10.1.6.1")
                              .hints({}, {"node-1"})
                              .endpoint("10.1.6.2")
                              .hints({}, {"node-2"}));
    tables_.services.upsert(service("here")
                                .type(ServiceType::NodePort)
                                .cluster_ip("10.0.0.9")
                                .port("", 80)
                                .node_port(30089)
                                .internal_policy(TrafficPolicy::Local)
                                .external_policy(TrafficPolicy::Local));
    tables_.slices.upsert(slice("here-1", "here")
                              .port("", 8080)
                              .endpoint("10.1.7.1")
                              .on_node("node-1")
                              .endpoint("10.1.7.2")
                              .on_node("node-2"));
    tables_.services.upsert(
        service("dns").cluster_ip("10.0.0.53").port("dns", 53, std::uint16_t{0}, Protocol::UDP));
    tables_.slices.upsert(
        slice("dns-1", "dns").port("dns", 53, Protocol::UDP).endpoint("10.1.8.1"));
    table_ = tables_.build();
  }

  std::variant<Explanation, NoExplanation> ask(const std::string& client, const std::string& to,
                                               Protocol protocol = Protocol::TCP) {
    return explain(
        *table_,
        {.find = [this](Protocol of, const SocketAddress& at) { return listener(of, at); }},
        {*Client::parse(client), test::at(to), protocol});
  }
  std::optional<Entrance> listener(Protocol protocol, const SocketAddress& address) const {
    if (protocol == Protocol::UDP && address == test::at("127.0.0.1:53")) {
      return Entrance(find(*table_, "default/dns:dns/UDP/IPv4")->id);
    }
    if (protocol != Protocol::TCP || address != test::at("127.0.0.1:80")) return std::nullopt;
    return Entrance(find(*table_, "default/web:http/TCP/IPv4")->id);
  }

  Tables tables_;
  std::shared_ptr<const BackendTable> table_;
};

std::string words(const Explanation& answer) {
  std::string text = std::string(to_string(answer.verdict)) + ' ' +
                     std::string(to_string(answer.reason)) + ' ' +
                     answer.rule.substr(0, answer.rule.find(':'));
  for (const std::uint32_t index : answer.backends) {
    text += " +" + answer.entry->backends[index].address.ip.to_string();
  }
  for (const Excluded& each : answer.excluded) {
    text += " -" + answer.entry->backends[each.backend].address.ip.to_string() + '(' +
            std::string(to_string(each.reason)) + ')';
  }
  return text;
}

struct Case {
  const char* name;
  const char* client;
  const char* destination;
  const char* kind;
  const char* words;
  Protocol protocol = Protocol::TCP;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Explain : public ExplainTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Explain, SaysVerdictReasonRuleAndBackends) {
  const Case& row = GetParam();

  const auto answer = ask(row.client, row.destination, row.protocol);

  ASSERT_TRUE(std::holds_alternative<Explanation>(answer)) << std::get<NoExplanation>(answer).text;
  const auto& found = std::get<Explanation>(answer);
  EXPECT_EQ(words(found), row.words);
  EXPECT_EQ(to_string(found.kind), row.kind);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Explain,
    ::testing::Values(
        Case{"E2_ReadyEndpoints", "10.244.1.9", "10.0.0.1:80", "pod",
             "forward ready_endpoints E2 +10.1.0.1 -10.1.0.2(not_ready) -10.1.0.3(terminating)"},
        Case{"E2_AListenerOfThisProcess", "127.0.0.1", "127.0.0.1:80", "node",
             "forward ready_endpoints E2 +10.1.0.1 -10.1.0.2(not_ready) -10.1.0.3(terminating)"},
        Case{"S3_ANodePortOnTheNodesAddress", "203.0.113.9", "192.0.2.7:30080", "outside",
             "forward ready_endpoints E2 +10.1.0.1 -10.1.0.2(not_ready) -10.1.0.3(terminating)"},
        Case{"E2_ServingTerminating", "pod", "10.0.0.3:80", "pod",
             "forward serving_terminating E2 +10.1.1.1"},
        Case{"E9_NoEndpoints", "pod", "10.0.0.2:80", "pod", "reject no_endpoints E9"},
        Case{"E6_NoLocalEndpoints", "pod", "10.0.0.4:80", "pod",
             "drop no_local_endpoints E6 -10.1.2.1(other_node)"},
        Case{"E7_NoLocalEndpoints", "203.0.113.9", "198.51.100.5:80", "outside",
             "drop no_local_endpoints E7 -10.1.3.1(other_node)"},
        Case{"E8_FromAPodOfTheNode", "10.244.1.9", "198.51.100.5:80", "pod",
             "forward ready_endpoints E8 +10.1.3.1"},
        Case{"E8_FromTheNode", "192.0.2.7", "192.0.2.7:30085", "node",
             "forward ready_endpoints E8 +10.1.3.1"},
        Case{"E8_AKindThatTheAddressDoesNotTell", "pod=203.0.113.9", "198.51.100.5:80", "pod",
             "forward ready_endpoints E8 +10.1.3.1"},
        Case{"E7_AKindThatTheAddressTellsOtherwise", "outside=10.244.1.9", "198.51.100.5:80",
             "outside", "drop no_local_endpoints E7 -10.1.3.1(other_node)"},
        Case{"F1_OutOfRange", "192.0.2.99", "198.51.100.6:80", "outside", "drop source_ranges F1"},
        Case{"F1_InRange", "203.0.113.9", "198.51.100.6:80", "outside",
             "forward ready_endpoints E2 +10.1.4.1"},
        Case{"F1_TheNodeByItsKindHasAnAddress", "node", "198.51.100.6:80", "node",
             "drop source_ranges F1"},
        Case{"E12_Zones", "pod", "10.0.0.7:80", "pod",
             "forward ready_endpoints E12 +10.1.5.1 -10.1.5.2(other_zone)"},
        Case{"E12_Nodes", "pod", "10.0.0.8:80", "pod",
             "forward ready_endpoints E12 +10.1.6.1 -10.1.6.2(other_node)"},
        Case{"E6_LocalEndpoints", "pod", "10.0.0.9:80", "pod",
             "forward ready_endpoints E6 +10.1.7.1 -10.1.7.2(other_node)"},
        Case{"E7_LocalEndpoints", "203.0.113.9", "192.0.2.7:30089", "outside",
             "forward ready_endpoints E7 +10.1.7.1 -10.1.7.2(other_node)"},
        Case{"E10_WrongPort", "pod", "10.0.0.1:81", "pod", "reject wrong_port E10"},
        Case{"E10_WrongProtocol", "pod", "10.0.0.53:53", "pod", "reject wrong_port E10"},
        Case{"U1_TheRightProtocol", "pod", "10.0.0.53:53", "pod",
             "forward ready_endpoints E2 +10.1.8.1", Protocol::UDP},
        Case{"AListenerOfUdp", "outside", "127.0.0.1:53", "outside",
             "forward ready_endpoints E2 +10.1.8.1", Protocol::UDP}),
    [](const auto& row) { return row.param.name; });

struct NoCase {
  const char* name;
  const char* client;
  const char* destination;
  NoExplanation::Kind kind;
  const char* text;  ///< that the answer has in it
};
std::ostream& operator<<(std::ostream& out, const NoCase& each) { return out << each.name; }

class NoExplanations : public ExplainTest, public ::testing::WithParamInterface<NoCase> {};

TEST_P(NoExplanations, SayWhyThereIsNoneAndTheWayOut) {
  const NoCase& row = GetParam();

  const auto answer = ask(row.client, row.destination);

  ASSERT_TRUE(std::holds_alternative<NoExplanation>(answer));
  EXPECT_EQ(std::get<NoExplanation>(answer).kind, row.kind);
  EXPECT_THAT(std::get<NoExplanation>(answer).text, HasSubstr(row.text));
}

using No = NoExplanation::Kind;

INSTANTIATE_TEST_SUITE_P(
    Rows, NoExplanations,
    ::testing::Values(
        NoCase{"AnAddressOfNobody", "pod", "10.9.9.9:80", No::NotFound, "10.9.9.9:80"},
        NoCase{"ANodePortElsewhere", "pod", "203.0.113.1:30080", No::NotFound, "203.0.113.1:30080"},
        NoCase{"AnotherPortOfTheNode", "pod", "192.0.2.7:30081", No::NotFound, "192.0.2.7:30081"},
        NoCase{"TheOtherFamilysLoopback", "pod", "[::1]:30080", No::NotFound, "[::1]:30080"},
        NoCase{"F1_RangesAskForTheClient", "outside", "198.51.100.6:80", No::ClientNeeded,
               "outside=ADDRESS"},
        NoCase{"F1_APodsToo", "pod", "198.51.100.6:80", No::ClientNeeded, "pod=ADDRESS"}),
    [](const auto& row) { return row.param.name; });

TEST_F(ExplainTest, NamesServiceAndKindOfAddress) {
  const auto answer = std::get<Explanation>(ask("203.0.113.9", "198.51.100.5:80"));

  EXPECT_EQ(answer.service, (model::ObjectKey{"default", "outer"}));
  EXPECT_EQ(answer.address_kind, AddressKind::LoadBalancerIp);
  EXPECT_THAT(answer.rule, HasSubstr("Local"));
}

TEST_F(ExplainTest, E10_NamesTheKindOfAnAddressThatHasNotThePort) {
  const auto answer = std::get<Explanation>(ask("203.0.113.9", "198.51.100.5:81"));

  EXPECT_EQ(answer.reason, Reason::WrongPort);
  EXPECT_EQ(answer.service, (model::ObjectKey{"default", "outer"}));
  EXPECT_EQ(answer.address_kind, AddressKind::LoadBalancerIp);
}

TEST_F(ExplainTest, OfTwoServicesWithOneAddressItIsTheOlder) {
  tables_.services.upsert(service("old")
                              .created("2026-01-01T00:00:00Z")
                              .cluster_ip("10.0.0.20")
                              .port("", 80)
                              .external_ip("198.51.100.20"));
  tables_.services.upsert(service("new")
                              .created("2026-02-01T00:00:00Z")
                              .cluster_ip("10.0.0.21")
                              .port("", 80)
                              .external_ip("198.51.100.20"));
  table_ = tables_.build();

  EXPECT_EQ(std::get<Explanation>(ask("pod", "198.51.100.20:80")).service.name, "old");
}

struct AgeCase {
  const char* name;
  std::vector<std::pair<const char*, const char*>> services;  ///< name and age, as they came
  const char* has_it;
};
std::ostream& operator<<(std::ostream& out, const AgeCase& each) { return out << each.name; }

class ExplainAge : public ExplainTest, public ::testing::WithParamInterface<AgeCase> {};

// Whichever stands first in the table: also who is told of a port that none of them has.
TEST_P(ExplainAge, DecidesWhoseAnAddressIs) {
  for (const auto& [name, created] : GetParam().services) {
    auto added = service(name).port("", 80).external_ip("198.51.100.20");
    if (*created != '\0') added.created(created);
    tables_.services.upsert(added);
    table_ = tables_.build();
  }

  EXPECT_EQ(std::get<Explanation>(ask("pod", "198.51.100.20:80")).service.name, GetParam().has_it);
  const auto wrong_port = std::get<Explanation>(ask("pod", "198.51.100.20:81"));
  EXPECT_EQ(wrong_port.reason, Reason::WrongPort);
  EXPECT_EQ(wrong_port.service.name, GetParam().has_it);
}

constexpr const char* kJanuary = "2026-01-01T00:00:00Z";
constexpr const char* kFebruary = "2026-02-01T00:00:00Z";

INSTANTIATE_TEST_SUITE_P(
    Rows, ExplainAge,
    ::testing::Values(AgeCase{"TheOlderCameFirst", {{"b", kJanuary}, {"a", kFebruary}}, "b"},
                      AgeCase{"TheOlderCameLast", {{"a", kFebruary}, {"b", kJanuary}}, "b"},
                      AgeCase{"WithoutAgeOneIsYounger", {{"a", ""}, {"b", kJanuary}}, "b"},
                      AgeCase{"WithoutAgeOneThatCameLastToo", {{"b", kJanuary}, {"a", ""}}, "b"},
                      AgeCase{"OfEqualsTheLesserNameThatCameFirst", {{"a", ""}, {"b", ""}}, "a"},
                      AgeCase{"OfEqualsTheLesserNameThatCameLast", {{"b", ""}, {"a", ""}}, "a"}),
    [](const auto& row) { return row.param.name; });

TEST_F(ExplainTest, SaysThatTheTableHasNoRoom) {
  Tables small({}, "node-1", 1);
  small.services.upsert(service("web").cluster_ip("10.0.0.1").port("", 80));
  small.slices.upsert(
      slice("web-1", "web").port("", 8080).endpoint("10.1.0.1").endpoint("10.1.0.2"));
  const auto table = small.build();

  const auto answer =
      explain(*table, {.find = [](Protocol, const SocketAddress&) { return std::nullopt; }},
              {*Client::parse("pod"), test::at("10.0.0.1:80"), Protocol::TCP});

  EXPECT_EQ(std::get<Explanation>(answer).reason, Reason::TooManyEndpoints);
  EXPECT_EQ(std::get<Explanation>(answer).rule, rule_text(Reason::TooManyEndpoints));
}

// --- steering node, which knows all ways in ---

class ExplainNode : public ExplainTest {
 protected:
  /// web alone is led here, at its clusterIP; 10.0.0.0/16 is the service CIDR.
  std::variant<Explanation, NoExplanation> ask_node(const std::string& to) const {
    WaysIn ways;
    ways.find = [this](Protocol protocol, const SocketAddress& at) -> std::optional<Entrance> {
      if (protocol != Protocol::TCP || at != test::at("10.0.0.1:80")) return std::nullopt;
      return Entrance(find(*table_, "default/web:http/TCP/IPv4")->id);
    };
    ways.is_complete = true;
    ways.passes = [](const IpAddress& ip) { return ip == test::ip("192.0.2.7"); };
    ways.service_cidrs = {test::cidr("10.0.0.0/16")};
    return explain(*table_, ways, {*Client::parse("outside"), test::at(to), Protocol::TCP});
  }
  [[nodiscard]] std::string words_of(const std::string& to) const {
    const auto answer = ask_node(to);
    const auto* found = std::get_if<Explanation>(&answer);
    return found == nullptr ? "nothing" : words(*found);
  }
};

TEST_F(ExplainNode, WhatIsLedHereIsExplained) {
  EXPECT_EQ(words_of("10.0.0.1:80"),
            "forward ready_endpoints E2 +10.1.0.1 -10.1.0.2(not_ready) -10.1.0.3(terminating)");
}

TEST_F(ExplainNode, WhatIsNotLedHereIsNoWayInAlthoughAServiceHasIt) {
  EXPECT_EQ(words_of("10.0.0.2:80"), "reject wrong_port E10");
  EXPECT_EQ(words_of("192.0.2.7:30080"), "nothing") << "node ports are not served there";
}

TEST_F(ExplainNode, E10_AFreeAddressOfAServiceCidrIsSilent) {
  EXPECT_EQ(words_of("10.0.7.7:80"), "drop free_address E10");
  EXPECT_EQ(words_of("10.1.7.7:80"), "nothing");
  const auto answer = ask_node("10.0.7.7:80");
  EXPECT_EQ(std::get<Explanation>(answer).service.name, "");
}

TEST(Client, IsAnAddressOrAKindOrBoth) {
  for (const char* text :
       {"10.0.0.1", "fd00::1", "pod", "node", "outside", "pod=10.0.0.1", "outside=fd00::1"}) {
    const auto client = Client::parse(text);
    ASSERT_TRUE(client) << text;
    EXPECT_EQ(client->to_string(), text);
  }
  for (const char* text : {"", "pods", "10.0.0", "pod=", "=10.0.0.1", "pod=x", "x=10.0.0.1",
                           "10.0.0.1=pod", "10.0.0.1:80"}) {
    EXPECT_FALSE(Client::parse(text)) << text;
  }
}

}  // namespace
}  // namespace wherry::balancer
