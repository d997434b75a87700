#include "proxy/steer/listen_claims.h"

#include "tests/proxy/steer/claims.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace wherry::steer {
namespace {

using balancer::ServicePort;
using balancer::ServicePortEntry;
using balancer::ServicePortId;
using test::at;
using test::ip;
using test::service;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- where a service port listens ---

class ListenPlace : public ::testing::TestWithParam<PlaceCase> {};

TEST_P(ListenPlace, IsAsTheRulesSay) {
  Claims claims(GetParam().rules);
  claims.local.addresses = {ip("10.0.0.1"), ip("fd00::1")};

  claims.update(GetParam().service);

  for (const auto& [name, owned] : GetParam().owned) EXPECT_EQ(claims.owned_by(name), owned);
  EXPECT_THAT(claims.problems(), IsEmpty());
}

const std::string kPool = "127.64.0.0/29";  // web hashes to .2

INSTANTIATE_TEST_SUITE_P(
    OneFamily, ListenPlace,
    ::testing::Values(
        PlaceCase{"TheListenAddressByDefault", {}, web(), {{kWeb, {"127.0.0.1:80"}}}},
        PlaceCase{
            "TheListenAddressThatWasGiven", rules("0.0.0.0"), web(), {{kWeb, {"0.0.0.0:80"}}}},
        PlaceCase{"TheListenAddressIfTheClusterIpIsElsewhere",
                  {},
                  web().cluster_ip("10.0.0.9"),
                  {{kWeb, {"127.0.0.1:80"}}}},
        PlaceCase{
            "TheClusterIpIfItIsLocal", {}, web().cluster_ip("10.0.0.1"), {{kWeb, {"10.0.0.1:80"}}}},
        PlaceCase{"ALocalClusterIpBeforeTheAnnotationAndThePool",
                  rules("0.0.0.0", kPool),
                  web().cluster_ip("10.0.0.1").annotation("wherry.io/listen-address", "127.0.0.5"),
                  {{kWeb, {"10.0.0.1:80"}}}},
        PlaceCase{"TheAnnotationBeforeThePool",
                  rules("0.0.0.0", kPool),
                  web().annotation("wherry.io/listen-address", "127.0.0.5"),
                  {{kWeb, {"127.0.0.5:80"}}}},
        PlaceCase{"ThePoolBeforeTheListenAddress",
                  rules("0.0.0.0", kPool),
                  web(),
                  {{kWeb, {"127.64.0.2:80"}}}},
        PlaceCase{
            "OfTwoAnnotatedAddressesTheOneOfItsFamily",
            {},
            web().cluster_ip("10.0.0.9").annotation("wherry.io/listen-address", "::1,127.0.0.5"),
            {{kWeb, {"127.0.0.5:80"}}}},
        PlaceCase{"OfTwoAnnotatedAddressesOfItsFamilyTheFirst",
                  {},
                  web().annotation("wherry.io/listen-address", "127.0.0.6,127.0.0.5"),
                  {{kWeb, {"127.0.0.6:80"}}}},
        PlaceCase{"AnAnnotatedAddressOfTheOtherFamilyWillDo",
                  {},
                  web().cluster_ip("10.0.0.9").annotation("wherry.io/listen-address", "::1"),
                  {{kWeb, {"[::1]:80"}}}},
        PlaceCase{"AListenAddressOfTheOtherFamilyWillDo",
                  {},
                  web().family(IpFamily::IPv6),
                  {{kWebIpv6, {"127.0.0.1:80"}}}},
        PlaceCase{"APoolOfTheOtherFamilyWillDo",
                  rules("127.0.0.1", kPool),
                  web().family(IpFamily::IPv6),
                  {{kWebIpv6, {"127.64.0.2:80"}}}}),
    [](const auto& row) { return row.param.name; });

test::ServiceBuilder dual() { return web().family(IpFamily::IPv4).family(IpFamily::IPv6); }

INSTANTIATE_TEST_SUITE_P(
    DualStack, ListenPlace,
    ::testing::Values(PlaceCase{"LoopbackHasACounterpart",
                                {},
                                dual(),
                                {{kWeb, {"127.0.0.1:80"}}, {kWebIpv6, {"[::1]:80"}}}},
                      PlaceCase{"LoopbackOfIpv6HasACounterpart",
                                rules("::1"),
                                dual(),
                                {{kWeb, {"127.0.0.1:80"}}, {kWebIpv6, {"[::1]:80"}}}},
                      PlaceCase{"TheWildcardHasACounterpart",
                                rules("0.0.0.0"),
                                dual(),
                                {{kWeb, {"0.0.0.0:80"}}, {kWebIpv6, {"[::]:80"}}}},
                      PlaceCase{"EachFamilyHasItsAnnotatedAddress",
                                {},
                                dual().annotation("wherry.io/listen-address", "127.0.0.5,fd00::1"),
                                {{kWeb, {"127.0.0.5:80"}}, {kWebIpv6, {"[fd00::1]:80"}}}},
                      PlaceCase{"EachFamilyHasItsLocalClusterIp",
                                {},
                                web().cluster_ip("10.0.0.1").cluster_ip("fd00::1"),
                                {{kWeb, {"10.0.0.1:80"}}, {kWebIpv6, {"[fd00::1]:80"}}}},
                      PlaceCase{"OnlyOneClusterIpIsLocal",
                                {},
                                web().cluster_ip("10.0.0.1").cluster_ip("fd00::9"),
                                {{kWeb, {"10.0.0.1:80"}}, {kWebIpv6, {"[::1]:80"}}}},
                      PlaceCase{"ThePoolServesItsFamilyOnly",
                                rules("127.0.0.1", kPool),
                                dual(),
                                {{kWeb, {"127.64.0.2:80"}}, {kWebIpv6, {"[::1]:80"}}}}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(PortOffset, ListenPlace,
                         ::testing::Values(PlaceCase{"IsAddedToThePort",
                                                     rules("127.0.0.1", "", 8000),
                                                     web(),
                                                     {{kWeb, {"127.0.0.1:8080"}}}},
                                           PlaceCase{"IsAddedOnAClusterIpToo",
                                                     rules("127.0.0.1", "", 8000),
                                                     web().cluster_ip("10.0.0.1"),
                                                     {{kWeb, {"10.0.0.1:8080"}}}},
                                           PlaceCase{"MayReachTheLastPort",
                                                     rules("127.0.0.1", "", 65455),
                                                     web(),
                                                     {{kWeb, {"127.0.0.1:65535"}}}}),
                         [](const auto& row) { return row.param.name; });

TEST(ListenClaims, APortPastTheLastOneIsAFaultWithItsRemedy) {
  Claims claims(rules("127.0.0.1", "", 65456));

  EXPECT_THAT(claims.update(web()), IsEmpty());

  EXPECT_THAT(claims.owned_by(kWeb), IsEmpty());
  EXPECT_THAT(claims.problems(),
              ElementsAre("service port default/web/TCP/IPv4: port 80 plus --port-offset 65456 is "
                          "past 65535; give a smaller offset, or the Service another port"));
  EXPECT_EQ(claims.claims.problems().at(0).kind, ListenProblem::Kind::Fault);
}

TEST(ListenClaims, ADualStackServiceWithoutAnAddressOfOneFamilySaysWhatToDo) {
  Claims claims(rules("192.0.2.7"));

  claims.update(dual());

  EXPECT_THAT(claims.owned_by(kWeb), ElementsAre("192.0.2.7:80"));
  EXPECT_THAT(claims.owned_by(kWebIpv6), IsEmpty());
  EXPECT_THAT(claims.problems(),
              ElementsAre("service port default/web/TCP/IPv6: there is no IPv6 address to listen "
                          "on for it; give the Service the annotation wherry.io/listen-address "
                          "with one of each family"));
  EXPECT_EQ(claims.claims.problems().at(0).kind, ListenProblem::Kind::Conflict);
}

TEST(ListenClaims, SctpClaimsNothing) {
  Claims claims;

  const auto touched =
      claims.update(service("m3ua").port("", 53, std::uint16_t{0}, Protocol::SCTP));

  EXPECT_THAT(touched, IsEmpty());
  EXPECT_EQ(claims.owner("127.0.0.1:53", Protocol::SCTP), "nobody");
  EXPECT_THAT(claims.problems(), ElementsAre("service port default/m3ua/SCTP/IPv4: SCTP is not "
                                             "carried, only TCP and UDP are"));
  EXPECT_EQ(claims.claims.problems().at(0).kind, ListenProblem::Kind::NotCarried);
  EXPECT_THAT(claims.remove("default/m3ua/SCTP/IPv4"), IsEmpty());
}

TEST(ListenClaims, SctpDoesNotKeepAnAddressOfThePool) {
  Claims claims(rules("127.0.0.1", "127.64.0.0/30"));
  claims.update(service("m3ua").port("", 53, std::uint16_t{0}, Protocol::SCTP));
  claims.update(service("a").port("", 80));

  claims.update(service("b").port("", 80));

  EXPECT_THAT(claims.owned_by("default/b/TCP/IPv4"), ::testing::SizeIs(1));
}

TEST(ListenClaims, S3_OneNumberOfTcpAndUdpAreTwoPlaces) {
  Claims claims;

  claims.update(service("tcp").port("", 53).node_port(30053));
  const auto touched =
      claims.update(service("udp").port("", 53, std::uint16_t{0}, Protocol::UDP).node_port(30053));

  EXPECT_THAT(touched, ::testing::UnorderedElementsAre(
                           ListenAddress(test::at("127.0.0.1:53"), Protocol::UDP),
                           ListenAddress(test::at("127.0.0.1:30053"), Protocol::UDP)));
  EXPECT_EQ(claims.owner("127.0.0.1:53"), "default/tcp/TCP/IPv4");
  EXPECT_EQ(claims.owner("127.0.0.1:53", Protocol::UDP), "default/udp/UDP/IPv4");
  EXPECT_EQ(claims.owner("127.0.0.1:30053", Protocol::UDP), "default/udp/UDP/IPv4");
  EXPECT_THAT(claims.owned_by("default/udp/UDP/IPv4"),
              ElementsAre("127.0.0.1:53", "127.0.0.1:30053"));
  EXPECT_THAT(claims.problems(), IsEmpty());
}

TEST(ListenClaims, TwoOfUdpAreAConflictAsAnyTwo) {
  Claims claims;
  claims.update(service("a").port("", 53, std::uint16_t{0}, Protocol::UDP));

  claims.update(service("b").port("", 53, std::uint16_t{0}, Protocol::UDP));

  EXPECT_EQ(claims.owner("127.0.0.1:53", Protocol::UDP), "default/a/UDP/IPv4");
  EXPECT_THAT(claims.problems(), ::testing::SizeIs(1));
}

TEST(ListenClaims, TheAdminServersPortIsUdpsToTake) {
  ListenRules with_admin = rules("127.0.0.1");
  with_admin.admin = test::at("127.0.0.1:10249");
  Claims claims(with_admin);

  claims.update(service("udp").port("", 10249, std::uint16_t{0}, Protocol::UDP));

  EXPECT_EQ(claims.owner("127.0.0.1:10249", Protocol::UDP), "default/udp/UDP/IPv4");
  EXPECT_THAT(claims.problems(), IsEmpty());
}

TEST(ListenClaims, EveryPortOfAServiceIsClaimedOnOneAddress) {
  Claims claims(rules("127.0.0.1", kPool));

  claims.update(service("web").port("http", 80).port("tls", 443));

  EXPECT_THAT(claims.owned_by("default/web:http/TCP/IPv4"), ElementsAre("127.64.0.2:80"));
  EXPECT_THAT(claims.owned_by("default/web:tls/TCP/IPv4"), ElementsAre("127.64.0.2:443"));
}

// --- who owns what several want ---

TEST(ListenClaims, TheOldestOwnsWhatSeveralWant) {
  Claims claims;
  claims.update(web().created("2026-01-02T00:00:00Z"));
  claims.update(api().created("2026-01-01T00:00:00Z"));
  claims.update(service("db").port("", 80).created("2026-01-03T00:00:00Z"));

  EXPECT_EQ(claims.owner("127.0.0.1:80"), kApi);
  EXPECT_THAT(claims.owned_by(kApi), ElementsAre("127.0.0.1:80"));
  EXPECT_THAT(claims.owned_by(kWeb), IsEmpty());
  EXPECT_THAT(claims.owned_by(kDb), IsEmpty());
}

TEST(ListenClaims, OfTwoOfOneAgeTheFirstByNamespaceAndNameOwnsIt) {
  Claims claims;
  claims.update(service("a", "shop").port("", 80).created("2026-01-01T00:00:00Z"));
  claims.update(web().created("2026-01-01T00:00:00Z"));
  claims.update(api().created("2026-01-01T00:00:00Z"));

  EXPECT_EQ(claims.owner("127.0.0.1:80"), kApi);
}

TEST(ListenClaims, WithoutATimestampItCountsAsNewest) {
  Claims claims;
  claims.update(api());
  claims.update(web().created("2030-01-01T00:00:00Z"));

  EXPECT_EQ(claims.owner("127.0.0.1:80"), kWeb);
}

TEST(ListenClaims, WithoutTimestampsTheFirstByNamespaceAndNameOwnsItWhateverCameFirst) {
  Claims claims;
  claims.update(web());
  claims.update(api());

  EXPECT_EQ(claims.owner("127.0.0.1:80"), kApi);
}

TEST(ListenClaims, OnePortOnTwoAddressesIsNoConflict) {
  Claims claims;
  claims.update(web());
  claims.update(api().annotation("wherry.io/listen-address", "127.0.0.2"));

  EXPECT_THAT(claims.owned_by(kWeb), ElementsAre("127.0.0.1:80"));
  EXPECT_THAT(claims.owned_by(kApi), ElementsAre("127.0.0.2:80"));
  EXPECT_THAT(claims.problems(), IsEmpty());
}

TEST(ListenClaims, WhatIsClaimedInVainIsNamedWithItsOwnerAndTheRemedy) {
  Claims claims;
  claims.update(web().created("2026-01-01T00:00:00Z"));
  claims.update(api());

  EXPECT_THAT(claims.problems(),
              ElementsAre("service port default/api/TCP/IPv4: 127.0.0.1:80 belongs to the older "
                          "service port default/web/TCP/IPv4; give one of the Services the "
                          "annotation wherry.io/listen-address with another address, or each "
                          "Service an address of its own with --listen-pool"));
  EXPECT_EQ(claims.claims.problems().at(0).kind, ListenProblem::Kind::Conflict);
  EXPECT_THAT(claims.claims.problems_of(claims.id(kWeb)), IsEmpty());
}

// --- the wildcard is every address of its family ---

test::ServiceBuilder on(const std::string& name, const std::string& address,
                        const std::string& created) {
  return service(name)
      .port("", 80)
      .annotation("wherry.io/listen-address", address)
      .created("2026-01-" + created + "T00:00:00Z");
}

TEST(ListenClaims, AnOlderSpecificAddressKeepsTheWildcardOut) {
  Claims claims;
  claims.update(on("api", "0.0.0.0", "02"));
  claims.update(on("web", "127.0.0.5", "01"));

  EXPECT_EQ(claims.owner("127.0.0.5:80"), kWeb);
  EXPECT_EQ(claims.owner("0.0.0.0:80"), "nobody");
  EXPECT_THAT(claims.problems(),
              ElementsAre("service port default/api/TCP/IPv4: 0.0.0.0:80 takes in 127.0.0.5:80, "
                          "which belongs to the older service port default/web/TCP/IPv4; give one "
                          "of the Services the annotation wherry.io/listen-address with another "
                          "address (0.0.0.0 and :: leave no port to any other address), or each "
                          "Service an address of its own with --listen-pool"));
}

TEST(ListenClaims, AnOlderWildcardKeepsEverySpecificAddressOut) {
  Claims claims;
  claims.update(on("web", "127.0.0.5", "02"));
  claims.update(on("db", "127.0.0.6", "03"));
  EXPECT_EQ(claims.owner("127.0.0.5:80"), kWeb);

  const auto touched = claims.update(on("api", "0.0.0.0", "01"));

  EXPECT_THAT(touched, ElementsAre(at("0.0.0.0:80"), at("127.0.0.5:80"), at("127.0.0.6:80")));
  EXPECT_EQ(claims.owner("0.0.0.0:80"), kApi);
  EXPECT_EQ(claims.owner("127.0.0.5:80"), "nobody");
  EXPECT_THAT(claims.owned_by(kDb), IsEmpty());
  EXPECT_THAT(claims.problems(), ::testing::SizeIs(2));
  EXPECT_THAT(claims.problems()[0],
              ::testing::HasSubstr("127.0.0.6:80 is part of 0.0.0.0:80, which belongs to the older "
                                   "service port default/api/TCP/IPv4"));
}

TEST(ListenClaims, AWildcardThatLosesToOneAddressLeavesTheOthersToYoungerOnes) {
  Claims claims;
  claims.update(on("web", "127.0.0.5", "01"));
  claims.update(on("api", "0.0.0.0", "02"));
  claims.update(on("db", "127.0.0.6", "03"));

  EXPECT_EQ(claims.owner("127.0.0.5:80"), kWeb);
  EXPECT_EQ(claims.owner("127.0.0.6:80"), kDb);
  EXPECT_THAT(claims.problems(), ::testing::SizeIs(1));
}

TEST(ListenClaims, AWildcardGetsThePortWhenTheLastOlderClaimGoes) {
  Claims claims;
  claims.update(on("web", "127.0.0.5", "01"));
  claims.update(on("api", "0.0.0.0", "02"));

  const auto touched = claims.remove(kWeb);

  EXPECT_THAT(touched, ElementsAre(at("0.0.0.0:80"), at("127.0.0.5:80")));
  EXPECT_EQ(claims.owner("0.0.0.0:80"), kApi);
  EXPECT_THAT(claims.problems(), IsEmpty());
}

TEST(ListenClaims, TheWildcardsOfTwoFamiliesAreNoConflict) {
  Claims claims;
  claims.update(on("web", "0.0.0.0", "01"));
  claims.update(on("api", "::", "02"));

  EXPECT_EQ(claims.owner("[::]:80"), "default/api/TCP/IPv6");
  EXPECT_THAT(claims.problems(), IsEmpty());
}

TEST(ListenClaims, WherrysOwnAdminAddressIsTaken) {
  ListenRules taken = rules("0.0.0.0");
  taken.admin = at("127.0.0.1:80");
  Claims claims(taken);

  claims.update(web());

  EXPECT_THAT(claims.owned_by(kWeb), IsEmpty());
  EXPECT_THAT(claims.problems(),
              ElementsAre("service port default/web/TCP/IPv4: 0.0.0.0:80 is taken by wherry's own "
                          "admin server at 127.0.0.1:80; give --admin-address another port, or the "
                          "Service the annotation wherry.io/listen-address"));
}

TEST(ListenClaims, ProblemsAreSortedByServicePort) {
  Claims claims;
  claims.update(web().created("2026-01-01T00:00:00Z"));
  claims.update(service("z").port("", 80));
  claims.update(service("b").port("", 80));

  std::vector<std::string> names;
  for (const ListenProblem& problem : claims.claims.problems()) {
    names.push_back(problem.service_port.service.name);
  }

  EXPECT_THAT(names, ElementsAre("b", "z"));
}

TEST(ListenClaims, TheNextOneTakesOverWhenTheOwnerGoes) {
  Claims claims;
  claims.update(web().created("2026-01-01T00:00:00Z"));
  claims.update(api());

  EXPECT_THAT(claims.remove(kWeb), ElementsAre(at("127.0.0.1:80")));

  EXPECT_EQ(claims.owner("127.0.0.1:80"), kApi);
  EXPECT_THAT(claims.problems(), IsEmpty());

  EXPECT_THAT(claims.remove(kApi), ElementsAre(at("127.0.0.1:80")));
  EXPECT_EQ(claims.owner("127.0.0.1:80"), "nobody");
}

TEST(ListenClaims, TheNextOneTakesOverWhenTheOwnerMoves) {
  Claims claims;
  const auto old = web().created("2026-01-01T00:00:00Z");
  claims.update(old);
  claims.update(api());

  auto moved = old;
  const auto touched = claims.update(moved.annotation("wherry.io/listen-address", "127.0.0.2"));

  EXPECT_THAT(touched, ElementsAre(at("127.0.0.1:80"), at("127.0.0.2:80")));
  EXPECT_EQ(claims.owner("127.0.0.1:80"), kApi);
  EXPECT_EQ(claims.owner("127.0.0.2:80"), kWeb);
}

TEST(ListenClaims, AnOwnerThatChangesItsPortGivesTheOldOneUp) {
  Claims claims;
  claims.update(web());

  const auto touched = claims.update(service("web").port("", 81));

  EXPECT_THAT(touched, ElementsAre(at("127.0.0.1:80"), at("127.0.0.1:81")));
  EXPECT_EQ(claims.owner("127.0.0.1:80"), "nobody");
}

TEST(ListenClaims, RemovingWhatNeverClaimedTouchesNothing) {
  Claims claims;

  EXPECT_THAT(claims.claims.remove({7, 7}), IsEmpty());
  EXPECT_THAT(claims.claims.owned_by({7, 7}), IsEmpty());
  EXPECT_THAT(claims.claims.problems_of({7, 7}), IsEmpty());
}

// --- the pool ---

TEST(ListenClaims, AServiceKeepsItsAddressOfThePoolOverUpdates) {
  Claims claims(rules("127.0.0.1", "127.64.0.0/29"));
  claims.update(service("b").port("", 80));
  claims.update(service("d").port("", 80));  // wants what b has, gets the next one
  ASSERT_THAT(claims.owned_by("default/d/TCP/IPv4"), ElementsAre("127.64.0.5:80"));
  claims.remove("default/b/TCP/IPv4");

  claims.update(service("d").port("", 81));

  EXPECT_THAT(claims.owned_by("default/d/TCP/IPv4"), ElementsAre("127.64.0.5:81"));
}

TEST(ListenClaims, AServiceKeepsItsAddressOfThePoolWhileOneOfItsPortsIsLeft) {
  Claims claims(rules("127.0.0.1", "127.64.0.0/29"));
  claims.update(service("b").port("", 80));
  claims.update(service("d").port("http", 80).port("tls", 443));
  claims.remove("default/b/TCP/IPv4");

  claims.remove("default/d:http/TCP/IPv4");
  claims.update(service("d").port("tls", 8443));

  EXPECT_THAT(claims.owned_by("default/d:tls/TCP/IPv4"), ElementsAre("127.64.0.5:8443"));
}

TEST(ListenClaims, AFullPoolIsNamedWithTheRemedy) {
  Claims claims(rules("127.0.0.1", "127.64.0.0/30"));
  claims.update(service("a").port("", 80));
  claims.update(service("b").port("", 80));

  claims.update(service("c").port("", 80));

  EXPECT_THAT(claims.problems(),
              ElementsAre("service port default/c/TCP/IPv4: the pool 127.64.0.0/30 has no address "
                          "left for it; give --listen-pool a larger block, or the Service the "
                          "annotation wherry.io/listen-address"));
  EXPECT_THAT(claims.claims.misplaced(), ElementsAre(claims.id("default/c/TCP/IPv4")));
}

TEST(ListenClaims, AMisplacedServiceGetsAnAddressOnceOneIsFree) {
  Claims claims(rules("127.0.0.1", "127.64.0.0/30"));
  claims.update(service("a").port("", 80));
  claims.update(service("b").port("", 80));
  claims.update(service("c").port("", 80));

  claims.remove("default/a/TCP/IPv4");
  claims.update(service("c").port("", 80));

  EXPECT_THAT(claims.owned_by("default/c/TCP/IPv4"), ElementsAre("127.64.0.1:80"));
  EXPECT_THAT(claims.claims.misplaced(), IsEmpty());
  EXPECT_THAT(claims.problems(), IsEmpty());
}

TEST(ListenClaims, AServiceThatNoLongerListensInThePoolGivesItsAddressBack) {
  Claims claims(rules("127.0.0.1", "127.64.0.0/30"));
  claims.update(service("a").port("", 80));
  claims.update(service("b").port("", 80));

  claims.update(service("a").port("", 80).annotation("wherry.io/listen-address", "127.0.0.9"));
  claims.update(service("c").port("", 80));

  EXPECT_THAT(claims.problems(), IsEmpty());
  EXPECT_THAT(claims.owned_by("default/c/TCP/IPv4"), ElementsAre("127.64.0.1:80"));
}

// --- addresses of this machine ---

TEST(ListenClaims, AClusterIpThatBecomesLocalIsClaimedWithTheNextUpdate) {
  Claims claims;
  const auto with_cluster_ip = web().cluster_ip("10.0.0.1");
  claims.update(with_cluster_ip);
  ASSERT_THAT(claims.owned_by(kWeb), ElementsAre("127.0.0.1:80"));

  claims.local.addresses.insert(ip("10.0.0.1"));
  claims.update(with_cluster_ip);
  EXPECT_THAT(claims.owned_by(kWeb), ElementsAre("10.0.0.1:80"));

  claims.local.addresses.clear();
  claims.update(with_cluster_ip);
  EXPECT_THAT(claims.owned_by(kWeb), ElementsAre("127.0.0.1:80"));
}

}  // namespace
}  // namespace wherry::steer
