#include "proxy/steer/listen_claims.h"
#include "tests/proxy/steer/claims.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// Where a Service listens for clients from outside.
namespace wherry::steer {
namespace {

using test::at;
using test::ip;
using test::service;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OutsidePlace : public ::testing::TestWithParam<PlaceCase> {};

TEST_P(OutsidePlace, IsAsTheRulesSay) {
  Claims claims(GetParam().rules);
  claims.local.addresses = {ip("10.0.0.1"), ip("fd00::1")};

  claims.update(GetParam().service);

  for (const auto& [name, owned] : GetParam().owned) EXPECT_EQ(claims.owned_by(name), owned);
  EXPECT_THAT(claims.problems(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, OutsidePlace,
    ::testing::Values(PlaceCase{"S3_ANodePortIsOnTheListenAddress",
                                {},
                                web().cluster_ip("10.0.0.1").node_port(30080),
                                {{kWeb, {"10.0.0.1:80", "127.0.0.1:30080"}}}},
                      PlaceCase{"S3_ANodePortIsOnTheGeneralListenAddress",
                                rules("0.0.0.0", "127.64.0.0/29"),
                                web().node_port(30080).annotation("wherry.io/listen-address",
                                                                  "127.0.0.5"),
                                {{kWeb, {"127.0.0.5:80", "0.0.0.0:30080"}}}},
                      PlaceCase{"S3_ANodePortHasNoOffset",
                                rules("127.0.0.1", "", 8000),
                                web().node_port(30080),
                                {{kWeb, {"127.0.0.1:8080", "127.0.0.1:30080"}}}},
                      PlaceCase{"S3_EachFamilyHasItsNodePort",
                                {},
                                web().cluster_ip("10.0.0.1").cluster_ip("fd00::1").node_port(30080),
                                {{kWeb, {"10.0.0.1:80", "127.0.0.1:30080"}},
                                 {kWebIpv6, {"[fd00::1]:80", "[::1]:30080"}}}},
                      PlaceCase{"S3_ANodePortThatIsThePortIsThere",
                                {},
                                service("web").port("", 30080).node_port(30080),
                                {{kWeb, {"127.0.0.1:30080"}}}},
                      PlaceCase{"S5_AnExternalIpIsWhereItIsLocal",
                                {},
                                web().external_ip("10.0.0.1").external_ip("198.51.100.1"),
                                {{kWeb, {"127.0.0.1:80", "10.0.0.1:80"}}}},
                      PlaceCase{"S4_ALoadBalancerIpIsWhereItIsLocal",
                                {},
                                web().load_balancer_ip("198.51.100.1").load_balancer_ip("10.0.0.1"),
                                {{kWeb, {"127.0.0.1:80", "10.0.0.1:80"}}}},
                      PlaceCase{"S4_AVipHasTheOffset",
                                rules("127.0.0.1", "", 8000),
                                web().load_balancer_ip("10.0.0.1"),
                                {{kWeb, {"127.0.0.1:8080", "10.0.0.1:8080"}}}}),
    [](const auto& row) { return row.param.name; });

TEST(OutsideClaims, KnowWhatAnAddressIsToItsService) {
  Claims claims;
  claims.local.addresses = {ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.3")};
  claims.update(web()
                    .node_port(30080)
                    .external_ip("192.0.2.1")
                    .external_ip("192.0.2.3")
                    .load_balancer_ip("192.0.2.2")
                    .load_balancer_ip("192.0.2.3"));
  const auto kind = [&claims](const std::string& address) {
    const auto entrance = claims.claims.entrance(at(address));
    return entrance ? to_string(entrance->kind) : "none";
  };

  EXPECT_EQ(kind("127.0.0.1:80"), "clusterIP");
  EXPECT_EQ(kind("127.0.0.1:30080"), "nodePort");
  EXPECT_EQ(kind("192.0.2.1:80"), "externalIP");
  EXPECT_EQ(kind("192.0.2.2:80"), "loadBalancerIP");
  EXPECT_EQ(kind("192.0.2.3:80"), "externalIP") << "of both, the one that has no source ranges";
  EXPECT_EQ(kind("192.0.2.4:80"), "none");
}

TEST(OutsideClaims, FindTheEntranceThatTakesAnAddressIn) {
  Claims claims(rules("0.0.0.0"));
  claims.local.addresses = {ip("192.0.2.1")};
  claims.update(web().node_port(30080));

  const auto entrance = claims.claims.entrance_of(at("192.0.2.1:30080"));

  ASSERT_TRUE(entrance);
  EXPECT_EQ(entrance->kind, balancer::AddressKind::NodePort);
  EXPECT_FALSE(claims.claims.entrance_of(at("198.51.100.1:30080"))) << "it is not this machine's";
}

TEST(OutsideClaims, S3_OfTwoWithOneNodePortTheOlderHasIt) {
  Claims claims;
  claims.update(web().node_port(30080).created("2026-02-01T00:00:00Z"));
  claims.update(service("api").port("", 81).node_port(30080).created("2026-01-01T00:00:00Z"));

  EXPECT_THAT(claims.owned_by(kWeb), ElementsAre("127.0.0.1:80"));
  EXPECT_THAT(claims.owned_by(kApi), ElementsAre("127.0.0.1:81", "127.0.0.1:30080"));
  ASSERT_EQ(claims.problems().size(), 1u);
  EXPECT_EQ(claims.problems()[0].find("service port default/web/TCP/IPv4: 127.0.0.1:30080"), 0u);
}

}  // namespace
}  // namespace wherry::steer
