#include "proxy/steer/node_claims.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {
namespace {

using balancer::ClientKind;
using balancer::Verdict;
using model::ServiceType;
using model::TrafficPolicy;
using test::at;
using test::ip;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Texts = std::vector<std::string>;

/// "forward/reject/drop" of outside, node and pod, by first letters; with the sources if any.
std::string words(const bpf::Steered& steered) {
  std::string text;
  for (const Verdict verdict : steered.by_client) text += to_string(verdict)[0];
  if (!steered.sources) return text;
  for (const Cidr& block : *steered.sources) text += ' ' + block.to_string();
  return text;
}

std::string words(const bpf::Destination& destination) {
  std::string text(to_string(destination.protocol));
  text += destination.ip ? ' ' + destination.ip->to_string()
                         : ' ' + std::string(to_string(destination.family));
  text += ':' + std::to_string(destination.port);
  if (destination.last_port != destination.port)
    text += '-' + std::to_string(destination.last_port);
  return text;
}

class NodeClaimsTest : public ::testing::Test {
 protected:
  NodeClaimsTest() {
    tables_.builder.set_node(balancer::view_of(
        &test::node("node-1").address("192.0.2.7").pod_cidr("10.244.1.0/24").get(), "node-1"));
  }

  /// Follows the table, and says what changed for the kernel.
  Texts update() {
    auto next = tables_.build();
    change_ = claims_.update(*table_, *next);
    table_ = std::move(next);
    Texts texts;
    for (const auto& [destination, steered] : change_.set) {
      texts.push_back(words(destination) + ' ' + words(steered));
    }
    for (const bpf::Destination& gone : change_.erase) texts.push_back("- " + words(gone));
    return texts;
  }
  /// What changed for the workers.
  [[nodiscard]] Texts entrances() const {
    Texts texts;
    for (const EntranceChange& each : change_.entrances) {
      texts.push_back(std::string(to_string(each.protocol)) + ' ' + each.ip.to_string() + ':' +
                      each.ports.to_string() + ' ' +
                      (each.entrance ? name(each.entrance->service_port) : "-"));
    }
    return texts;
  }
  [[nodiscard]] std::string name(balancer::ServicePortId id) const {
    const balancer::ServicePortEntry* entry = table_->find(id);
    return entry == nullptr ? "?" : entry->service_port.key.service.name;
  }
  [[nodiscard]] std::string owner(const std::string& address,
                                  Protocol protocol = Protocol::TCP) const {
    const auto entrance = claims_.entrance(protocol, at(address));
    return entrance ? name(entrance->service_port) + ' ' +
                          std::string(balancer::to_string(entrance->kind))
                    : "nobody";
  }
  [[nodiscard]] std::string node_port_owner(std::uint16_t port,
                                            Protocol protocol = Protocol::TCP) const {
    const auto entrance = claims_.node_port(protocol, IpFamily::IPv4, port);
    return entrance ? name(entrance->service_port) : "nobody";
  }
  [[nodiscard]] Texts problems() const {
    Texts texts;
    for (const ListenProblem& problem : claims_.problems()) texts.push_back(problem.text);
    return texts;
  }
  void endpoint(const std::string& of, const std::string& node = "node-2") {
    tables_.slices.upsert(slice(of + "-1", of).port("", 8080).endpoint("10.1.0.1").on_node(node));
  }
  static test::ServiceBuilder web() { return service("web").cluster_ip("10.96.0.1").port("", 80); }

  balancer::Tables tables_;
  std::shared_ptr<const balancer::BackendTable> table_ =
      std::make_shared<const balancer::BackendTable>();
  NodeClaims claims_{{IpFamily::IPv4, IpFamily::IPv6}};
  NodeChange change_;
};

// --- what a service port claims ---

TEST_F(NodeClaimsTest, S2_S3_S4_S5_ClaimsAllItsAddressesAndItsNodePort) {
  tables_.services.upsert(web()
                              .type(ServiceType::LoadBalancer)
                              .node_port(30080)
                              .external_ip("198.51.100.1")
                              .load_balancer_ip("198.51.100.2"));
  endpoint("web");

  EXPECT_THAT(update(), UnorderedElementsAre("TCP 10.96.0.1:80 fff", "TCP IPv4:30080 fff",
                                             "TCP 198.51.100.1:80 fff", "TCP 198.51.100.2:80 fff"));
  EXPECT_THAT(entrances(),
              UnorderedElementsAre("TCP 10.96.0.1:80 web", "TCP 0.0.0.0:30080 web",
                                   "TCP 198.51.100.1:80 web", "TCP 198.51.100.2:80 web"));
  EXPECT_THAT(change_.new_addresses,
              UnorderedElementsAre(ip("10.96.0.1"), ip("198.51.100.1"), ip("198.51.100.2")));
  EXPECT_EQ(owner("10.96.0.1:80"), "web clusterIP");
  EXPECT_EQ(owner("198.51.100.1:80"), "web externalIP");
  EXPECT_EQ(owner("198.51.100.2:80"), "web loadBalancerIP");
  EXPECT_EQ(owner("10.96.0.1:81"), "nobody");
  EXPECT_EQ(node_port_owner(30080), "web");
}

TEST_F(NodeClaimsTest, S8_BothFamiliesEachWithItsAddress) {
  tables_.services.upsert(web().cluster_ip("fd00:96::1").node_port(30080));

  EXPECT_THAT(update(), UnorderedElementsAre("TCP 10.96.0.1:80 rrr", "TCP fd00:96::1:80 rrr",
                                             "TCP IPv4:30080 rrr", "TCP IPv6:30080 rrr"));
}

TEST_F(NodeClaimsTest, S8_OfAFamilyThatTheKernelLacksNothing) {
  tables_.services.upsert(web().cluster_ip("fd00:96::1"));
  NodeClaims ipv4_only({IpFamily::IPv4});
  const NodeChange change = ipv4_only.update(balancer::BackendTable(), *tables_.build());

  ASSERT_EQ(change.set.size(), 1u);
  EXPECT_EQ(words(change.set[0].first), "TCP 10.96.0.1:80");
  ASSERT_EQ(ipv4_only.problems().size(), 1u);
  EXPECT_EQ(ipv4_only.problems()[0].text,
            "service port default/web/TCP/IPv6: this machine has no IPv6");
  EXPECT_EQ(ipv4_only.problems()[0].kind, ListenProblem::Kind::NoFamily);
}

TEST_F(NodeClaimsTest, S3_TheSameNumberOfTcpAndUdpAreTwo) {
  tables_.services.upsert(service("a").cluster_ip("10.96.0.1").port("", 53).node_port(30053));
  tables_.services.upsert(service("b")
                              .cluster_ip("10.96.0.2")
                              .port("", 53, std::uint16_t{0}, Protocol::UDP)
                              .node_port(30053));
  update();

  EXPECT_EQ(node_port_owner(30053), "a");
  EXPECT_EQ(node_port_owner(30053, Protocol::UDP), "b");
  EXPECT_EQ(owner("10.96.0.2:53", Protocol::UDP), "b clusterIP");
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(NodeClaimsTest, U1_SctpIsTakenAndNotCarried) {
  tables_.services.upsert(
      service("sig").cluster_ip("10.96.0.1").port("", 132, std::uint16_t{0}, Protocol::SCTP));

  EXPECT_THAT(update(), IsEmpty());
  ASSERT_EQ(claims_.problems().size(), 1u);
  EXPECT_EQ(claims_.problems()[0].kind, ListenProblem::Kind::NotCarried);
  EXPECT_THAT(change_.new_addresses, IsEmpty());
}

TEST_F(NodeClaimsTest, S1_AServiceWithoutClusterIpHasItsOtherAddresses) {
  tables_.services.upsert(service("web").port("", 80).external_ip("198.51.100.1"));

  EXPECT_THAT(update(), ElementsAre("TCP 198.51.100.1:80 rrr"));
}

TEST_F(NodeClaimsTest, WhatCanBeNobodysAddressIsNamed) {
  tables_.services.upsert(web().external_ip("0.0.0.0").external_ip("224.0.0.1"));

  EXPECT_THAT(update(), ElementsAre("TCP 10.96.0.1:80 rrr"));
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("224.0.0.1 can't be an address of a Service")));
}

// --- verdicts ---

TEST_F(NodeClaimsTest, E9_WithoutEndpointsAllAreRejectedAndStillClaimed) {
  tables_.services.upsert(web());
  EXPECT_THAT(update(), ElementsAre("TCP 10.96.0.1:80 rrr"));

  endpoint("web");
  EXPECT_THAT(update(), ElementsAre("TCP 10.96.0.1:80 fff"));
  EXPECT_THAT(entrances(), IsEmpty()) << "it leads where it led before";
}

TEST_F(NodeClaimsTest, E6_InternalPolicyLocalDropsAll) {
  tables_.services.upsert(web().internal_policy(TrafficPolicy::Local));
  endpoint("web");

  EXPECT_THAT(update(), ElementsAre("TCP 10.96.0.1:80 ddd"));
}

TEST_F(NodeClaimsTest, E7_E8_ExternalPolicyLocalDropsOutsidersAlone) {
  tables_.services.upsert(web()
                              .type(ServiceType::LoadBalancer)
                              .node_port(30080)
                              .load_balancer_ip("198.51.100.2")
                              .external_policy(TrafficPolicy::Local));
  endpoint("web");

  EXPECT_THAT(update(), UnorderedElementsAre("TCP 10.96.0.1:80 fff", "TCP IPv4:30080 dff",
                                             "TCP 198.51.100.2:80 dff"));
  endpoint("web", "node-1");
  EXPECT_THAT(update(), UnorderedElementsAre("TCP IPv4:30080 fff", "TCP 198.51.100.2:80 fff"));
}

TEST_F(NodeClaimsTest, F1_SourceRangesAreOfLoadBalancerIpsAloneWithTheNodesOwnAddress) {
  tables_.services.upsert(web()
                              .type(ServiceType::LoadBalancer)
                              .node_port(30080)
                              .load_balancer_ip("198.51.100.2")
                              .source_range("192.0.2.0/24"));
  endpoint("web");

  EXPECT_THAT(update(),
              UnorderedElementsAre("TCP 10.96.0.1:80 fff", "TCP IPv4:30080 fff",
                                   "TCP 198.51.100.2:80 fff 192.0.2.0/24 198.51.100.2/32"));

  tables_.builder.set_node(
      balancer::view_of(&test::node("node-1").address("203.0.113.1").get(), "node-1"));
  EXPECT_THAT(update(), ElementsAre("TCP 198.51.100.2:80 fff 192.0.2.0/24"));
}

TEST_F(NodeClaimsTest, U2_WhoIsDroppedOverUdpIsTheWorkersBusiness) {
  tables_.services.upsert(service("dns")
                              .type(ServiceType::LoadBalancer)
                              .cluster_ip("10.96.0.53")
                              .port("", 53, std::uint16_t{0}, Protocol::UDP)
                              .load_balancer_ip("198.51.100.53")
                              .external_policy(TrafficPolicy::Local)
                              .source_range("203.0.113.0/24"));
  EXPECT_THAT(update(), UnorderedElementsAre("UDP 10.96.0.53:53 rrr", "UDP 198.51.100.53:53 rrr"));

  tables_.slices.upsert(
      slice("dns-1", "dns").port("", 53, Protocol::UDP).endpoint("10.1.0.1").on_node("node-2"));
  EXPECT_THAT(update(), UnorderedElementsAre("UDP 10.96.0.53:53 fff", "UDP 198.51.100.53:53 fff"));
}

// --- who owns what several claim ---

TEST_F(NodeClaimsTest, TheOldestOwnsAnAddressEndpointsOrNot) {
  tables_.services.upsert(
      service("young").port("", 80).external_ip("198.51.100.1").created("2026-02-01T00:00:00Z"));
  endpoint("young");
  update();
  EXPECT_EQ(owner("198.51.100.1:80"), "young externalIP");

  tables_.services.upsert(
      service("old").port("", 80).external_ip("198.51.100.1").created("2026-01-01T00:00:00Z"));
  EXPECT_THAT(update(), ElementsAre("TCP 198.51.100.1:80 rrr"));
  EXPECT_THAT(entrances(), ElementsAre("TCP 198.51.100.1:80 old"));
  EXPECT_THAT(change_.new_addresses, IsEmpty());
  EXPECT_THAT(problems(),
              ElementsAre("service port default/young/TCP/IPv4: 198.51.100.1:80 belongs "
                          "to the older service port default/old/TCP/IPv4; give one of "
                          "the Services another address or port"));

  tables_.services.erase({"default", "old"});
  EXPECT_THAT(update(), ElementsAre("TCP 198.51.100.1:80 fff"));
  EXPECT_THAT(entrances(), ElementsAre("TCP 198.51.100.1:80 young"));
  EXPECT_THAT(change_.gone_addresses, IsEmpty());
}

TEST_F(NodeClaimsTest, AnAddressThatMovesKeepsItsRoute) {
  tables_.services.upsert(service("a").port("", 80).external_ip("198.51.100.1"));
  update();

  tables_.services.erase({"default", "a"});
  tables_.services.upsert(service("b").port("", 80).external_ip("198.51.100.1"));
  EXPECT_THAT(update(), IsEmpty()) << "the kernel refuses there as before";
  EXPECT_THAT(entrances(), ElementsAre("TCP 198.51.100.1:80 b"));
  EXPECT_THAT(change_.new_addresses, IsEmpty());
  EXPECT_THAT(change_.gone_addresses, IsEmpty());
}

TEST_F(NodeClaimsTest, WhatGoesIsTakenBack) {
  tables_.services.upsert(web().node_port(30080));
  update();

  tables_.services.erase({"default", "web"});
  EXPECT_THAT(update(), UnorderedElementsAre("- TCP 10.96.0.1:80", "- TCP IPv4:30080"));
  EXPECT_THAT(entrances(), UnorderedElementsAre("TCP 10.96.0.1:80 -", "TCP 0.0.0.0:30080 -"));
  EXPECT_THAT(change_.gone_addresses, ElementsAre(ip("10.96.0.1")));
  EXPECT_EQ(claims_.size(), 0u);
}

TEST_F(NodeClaimsTest, ChangesOfOnePortLeaveTheOthersAlone) {
  for (int i = 1; i <= 200; ++i) {
    tables_.services.upsert(
        service("s" + std::to_string(i)).cluster_ip("10.96.1." + std::to_string(i)).port("", 80));
  }
  update();

  tables_.services.upsert(service("s7").cluster_ip("10.96.1.7").port("", 80).port("more", 81));
  EXPECT_THAT(update(), ElementsAre("TCP 10.96.1.7:81 rrr"));
}

TEST_F(NodeClaimsTest, AnotherNodesAddressIsSteeredAndNotRoutedHere) {
  balancer::NodeView view =
      balancer::view_of(&test::node("node-1").address("192.0.2.7").get(), "node-1");
  view.other_nodes = {ip("192.0.2.8")};
  tables_.builder.set_node(view);
  tables_.services.upsert(web().external_ip("192.0.2.8").external_ip("192.0.2.9"));
  EXPECT_THAT(update(), UnorderedElementsAre("TCP 10.96.0.1:80 rrr", "TCP 192.0.2.8:80 rrr",
                                             "TCP 192.0.2.9:80 rrr"));
  EXPECT_THAT(change_.new_addresses, UnorderedElementsAre(ip("10.96.0.1"), ip("192.0.2.9")));

  view.other_nodes = {ip("192.0.2.9")};
  tables_.builder.set_node(view);
  update();
  EXPECT_THAT(change_.new_addresses, ElementsAre(ip("192.0.2.8")));
  EXPECT_THAT(change_.gone_addresses, ElementsAre(ip("192.0.2.9")));

  tables_.services.erase({"default", "web"});
  update();
  EXPECT_THAT(change_.gone_addresses, UnorderedElementsAre(ip("10.96.0.1"), ip("192.0.2.8")));
}

// --- ranges ---

TEST_F(NodeClaimsTest, ARangeIsOneEntryOfThePortThatIsInIt) {
  tables_.services.upsert(service("sip")
                              .cluster_ip("10.96.0.9")
                              .port("sip", 5060, std::uint16_t{0}, Protocol::UDP)
                              .port("rtp", 30000, std::uint16_t{0}, Protocol::UDP)
                              .annotation("wherry.io/port-range", "30000-30100"));

  EXPECT_THAT(update(), UnorderedElementsAre("UDP 10.96.0.9:5060 rrr", "UDP 10.96.0.9:30000 rrr",
                                             "UDP 10.96.0.9:30000-30100 rrr"));
  EXPECT_EQ(owner("10.96.0.9:30077", Protocol::UDP), "sip clusterIP");
  EXPECT_EQ(owner("10.96.0.9:30101", Protocol::UDP), "nobody");
  EXPECT_EQ(owner("10.96.0.9:30077"), "nobody");
}

TEST_F(NodeClaimsTest, ANodePortInTheRangeHasTheRangeToo) {
  tables_.services.upsert(web().node_port(30000).annotation("wherry.io/port-range", "30000-30100"));
  update();

  EXPECT_EQ(node_port_owner(30055), "web");
  EXPECT_EQ(owner("10.96.0.1:30055"), "nobody");
}

TEST_F(NodeClaimsTest, APortAloneComesBeforeARange) {
  tables_.services.upsert(web().node_port(30000).annotation("wherry.io/port-range", "30000-30100"));
  tables_.services.upsert(service("young").cluster_ip("10.96.0.2").port("", 80).node_port(30055));
  update();

  EXPECT_EQ(node_port_owner(30055), "young");
  EXPECT_EQ(node_port_owner(30056), "web");
}

TEST_F(NodeClaimsTest, OfRangesThatOverlapTheOldestCountsAndTheNextIsFreeWhereThatOneIsNot) {
  const auto ranged = [](const std::string& name, std::uint16_t port, const std::string& range,
                         const std::string& created) {
    return service(name)
        .external_ip("198.51.100.1")
        .port("", port)
        .created(created)
        .annotation("wherry.io/port-range", range);
  };
  tables_.services.upsert(ranged("a", 100, "100-200", "2026-01-01T00:00:00Z"));
  tables_.services.upsert(ranged("b", 190, "150-300", "2026-02-01T00:00:00Z"));
  tables_.services.upsert(ranged("c", 350, "250-400", "2026-03-01T00:00:00Z"));
  update();

  EXPECT_EQ(owner("198.51.100.1:199"), "a externalIP");
  EXPECT_EQ(owner("198.51.100.1:190"), "b externalIP") << "its own port";
  EXPECT_EQ(owner("198.51.100.1:220"), "nobody");
  EXPECT_EQ(owner("198.51.100.1:260"), "c externalIP");
  EXPECT_THAT(problems(),
              ElementsAre(HasSubstr("ports 150-300 of 198.51.100.1 overlap ports 100-200 of "
                                    "198.51.100.1, which belong to the older service port")));

  tables_.services.erase({"default", "a"});
  update();
  EXPECT_EQ(owner("198.51.100.1:220"), "b externalIP");
  EXPECT_EQ(owner("198.51.100.1:350"), "c externalIP");
  EXPECT_EQ(owner("198.51.100.1:399"), "nobody");
}

// --- against claims that are made anew ---

TEST_F(NodeClaimsTest, FollowingChangesComesToTheSameAsBeginningAnew) {
  std::mt19937 random(7);
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int step = 0; step < 300; ++step) {
    const std::string name = "s" + std::to_string(below(12));
    if (below(4) == 0) {
      tables_.services.erase({"default", name});
    } else {
      auto object = service(name)
                        .port("", static_cast<std::uint16_t>(80 + below(3)))
                        .external_ip("198.51.100." + std::to_string(1 + below(3)))
                        .created("2026-01-0" + std::to_string(1 + below(9)) + "T00:00:00Z");
      if (below(2) == 0) object.node_port(static_cast<std::uint16_t>(30000 + below(3)));
      if (below(3) == 0) {
        const unsigned first = 75 + below(8);
        object.annotation("wherry.io/port-range",
                          std::to_string(first) + '-' + std::to_string(first + 5 + below(4)));
      }
      tables_.services.upsert(object);
    }
    if (below(2) == 0) endpoint(name);
    update();

    NodeClaims anew({IpFamily::IPv4, IpFamily::IPv6});
    const NodeChange all = anew.update(balancer::BackendTable(), *table_);
    ASSERT_EQ(claims_.size(), all.set.size());
    for (unsigned host = 1; host <= 3; ++host) {
      for (std::uint16_t port = 70; port < 100; ++port) {
        const SocketAddress address{ip("198.51.100." + std::to_string(host)), port};
        ASSERT_EQ(claims_.entrance(Protocol::TCP, address), anew.entrance(Protocol::TCP, address))
            << address.to_string() << " in step " << step;
      }
    }
    ASSERT_EQ(claims_.addresses(), anew.addresses());
    ASSERT_EQ(claims_.problems().size(), anew.problems().size());
  }
}

}  // namespace
}  // namespace wherry::steer
