#include "balancer/service_port.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using model::ServiceType;
using model::TrafficPolicy;
using test::ip;
using test::service;
using ::testing::IsEmpty;

const FlattenRules kManifests{.needs_cluster_ip = false, .default_family = IpFamily::IPv4};
const FlattenRules kManifestsOnIpv6{.needs_cluster_ip = false, .default_family = IpFamily::IPv6};
const FlattenRules kCluster{.needs_cluster_ip = true, .default_family = IpFamily::IPv4};

std::string list(std::string_view name, const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) {
    text += (text.empty() ? ' ' + std::string(name) + '=' : ",") + address.to_string();
  }
  return text;
}

/// Everything about a service port that a test may want to see, in one line.
std::string describe(const ServicePort& port) {
  std::string text = port.key.to_string() + " port=" + std::to_string(port.port);
  if (port.cluster_ip) text += " clusterIP=" + port.cluster_ip->to_string();
  if (port.node_port != 0) text += " nodePort=" + std::to_string(port.node_port);
  text += list("externalIPs", port.external_ips);
  text += list("loadBalancerIPs", port.load_balancer_ips);
  text += list("listen", port.listen_addresses);
  if (port.dual_stack) text += " dual";
  if (port.port_range) text += " range=" + port.port_range->to_string();
  if (port.internal_policy == model::TrafficPolicy::Local) text += " internal=Local";
  if (port.external_policy == model::TrafficPolicy::Local) text += " external=Local";
  for (const Cidr& range : port.source_ranges) text += " from=" + range.to_string();
  if (port.source_ranges_everywhere) text += " everywhere";
  if (port.health_check_node_port != 0) {
    text += " healthCheckNodePort=" + std::to_string(port.health_check_node_port);
  }
  return text;
}

struct Case {
  const char* name;
  test::ServiceBuilder service;
  FlattenRules rules;
  std::vector<std::string> ports;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Flatten : public ::testing::TestWithParam<Case> {};

TEST_P(Flatten, GivesTheServicePorts) {
  const Flattened flattened = flatten(GetParam().service, GetParam().rules);

  std::vector<std::string> ports;
  for (const ServicePort& port : flattened.ports) ports.push_back(describe(port));
  EXPECT_EQ(ports, GetParam().ports);
  EXPECT_THAT(flattened.warnings, IsEmpty());
}

std::string named(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

test::ServiceBuilder web() { return service("web").port("http", 80); }

INSTANTIATE_TEST_SUITE_P(
    Skipped, Flatten,
    ::testing::Values(
        Case{"S1_HeadlessIsSkippedFromManifests", web().headless(), kManifests, {}},
        Case{"S1_HeadlessIsSkippedFromACluster", web().headless(), kCluster, {}},
        Case{"S1_HeadlessIsSkippedEvenWithAnAddress",
             web().headless().cluster_ip("10.0.0.1"),
             kManifests,
             {}},
        Case{"S1_ExternalNameIsSkippedWithoutClusterIp",
             web().type(ServiceType::ExternalName),
             kManifests,
             {}},
        Case{"S1_ExternalNameIsSkippedEvenIfClusterIpIsStillSet",
             web().type(ServiceType::ExternalName).cluster_ip("10.0.0.1"),
             kCluster,
             {}},
        Case{"S1_NoClusterIpIsSkippedFromACluster", web(), kCluster, {}},
        Case{"S1_NoClusterIpIsSkippedFromAClusterEvenWithIpFamilies",
             web().family(IpFamily::IPv4),
             kCluster,
             {}},
        Case{"S6_AServiceOfAnotherProxyIsSkipped",
             web().cluster_ip("10.0.0.1").label("service.kubernetes.io/service-proxy-name", "foo"),
             kManifests,
             {}},
        Case{"S6_AnEmptyProxyNameIsAProxyNameToo",
             web().cluster_ip("10.0.0.1").label("service.kubernetes.io/service-proxy-name", ""),
             kCluster,
             {}},
        Case{"AServiceWithoutPortsHasNone", service("web").cluster_ip("10.0.0.1"), kManifests, {}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    Served, Flatten,
    ::testing::Values(
        Case{"S1_NoClusterIpIsServedFromManifests",
             web(),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80"}},
        Case{"OtherLabelsDoNotMatter",
             web().cluster_ip("10.0.0.1").label("service.kubernetes.io/service-proxy", "foo"),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1"}},
        Case{"W2_AServiceWithTheHeadlessLabelAndAClusterIpIsServed",
             web().cluster_ip("10.0.0.1").label("service.kubernetes.io/headless", ""),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1"}},
        Case{"EveryOtherTypeIsServed",
             web().cluster_ip("10.0.0.1").type(ServiceType::LoadBalancer),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    Families, Flatten,
    ::testing::Values(
        Case{"S1_WithoutAnythingItIsTheDefaultFamily",
             web(),
             kManifestsOnIpv6,
             {"default/web:http/TCP/IPv6 port=80"}},
        Case{"S1_IpFamiliesWinOverTheDefault",
             web().family(IpFamily::IPv6),
             kManifests,
             {"default/web:http/TCP/IPv6 port=80"}},
        Case{"S1_TheListenAddressGivesTheFamily",
             web().annotation("wherry.io/listen-address", "::1"),
             kManifests,
             {"default/web:http/TCP/IPv6 port=80 listen=::1"}},
        Case{"S1_IpFamiliesWinOverTheListenAddress",
             web().family(IpFamily::IPv4).annotation("wherry.io/listen-address", "::1"),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 listen=::1"}},
        Case{"S2_TheClusterIpGivesTheFamily",
             web().cluster_ip("fd00::1"),
             kManifests,
             {"default/web:http/TCP/IPv6 port=80 clusterIP=fd00::1"}},
        Case{"S2_ClusterIpsWinOverIpFamilies",
             web().cluster_ip("10.0.0.1").family(IpFamily::IPv6),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1"}},
        Case{"S2_EachFamilyHasItsClusterIp",
             web().cluster_ip("fd00::1").cluster_ip("10.0.0.1"),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1 dual",
              "default/web:http/TCP/IPv6 port=80 clusterIP=fd00::1 dual"}},
        Case{"S2_OfTwoClusterIpsOfOneFamilyTheFirstCounts",
             web().cluster_ip("10.0.0.2").cluster_ip("10.0.0.1"),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.2"}},
        Case{"S8_TwoIpFamiliesAreTwoServicePorts",
             web().family(IpFamily::IPv6).family(IpFamily::IPv4),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 dual", "default/web:http/TCP/IPv6 port=80 dual"}},
        Case{"S8_AFamilyNamedTwiceIsOne",
             web().family(IpFamily::IPv4).family(IpFamily::IPv4),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    Ports, Flatten,
    ::testing::Values(
        Case{"S7_AnUnnamedPortHasTheEmptyName",
             service("web", "shop").cluster_ip("10.0.0.1").port("", 80),
             kManifests,
             {"shop/web/TCP/IPv4 port=80 clusterIP=10.0.0.1"}},
        Case{"S7_TheKeyIsServiceNameAndProtocol",
             service("dns")
                 .port("dns", 53, std::uint16_t{0}, Protocol::UDP)
                 .port("dns", 53)
                 .port("metrics", 9153),
             kManifests,
             {"default/dns:dns/TCP/IPv4 port=53", "default/dns:dns/UDP/IPv4 port=53",
              "default/dns:metrics/TCP/IPv4 port=9153"}},
        Case{"S7_EveryPortIsInEveryFamily",
             service("web").port("b", 2).port("a", 1).cluster_ip("10.0.0.1").cluster_ip("fd00::1"),
             kManifests,
             {"default/web:a/TCP/IPv4 port=1 clusterIP=10.0.0.1 dual",
              "default/web:a/TCP/IPv6 port=1 clusterIP=fd00::1 dual",
              "default/web:b/TCP/IPv4 port=2 clusterIP=10.0.0.1 dual",
              "default/web:b/TCP/IPv6 port=2 clusterIP=fd00::1 dual"}},
        Case{"S3_ANodePortCountsOnAnyType",
             service("web").cluster_ip("10.0.0.1").port("a", 1).node_port(30001).port("b", 2),
             kManifests,
             {"default/web:a/TCP/IPv4 port=1 clusterIP=10.0.0.1 nodePort=30001",
              "default/web:b/TCP/IPv4 port=2 clusterIP=10.0.0.1"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    ExternalAddresses, Flatten,
    ::testing::Values(
        Case{"S4_LoadBalancerIpsArePerFamily",
             web()
                 .cluster_ip("10.0.0.1")
                 .cluster_ip("fd00::1")
                 .load_balancer_ip("192.0.2.1")
                 .load_balancer_ip("2001:db8::1")
                 .load_balancer_ip("192.0.2.2"),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1 "
              "loadBalancerIPs=192.0.2.1,192.0.2.2 dual",
              "default/web:http/TCP/IPv6 port=80 clusterIP=fd00::1 loadBalancerIPs=2001:db8::1 "
              "dual"}},
        Case{"S4_ALoadBalancerIpOfTheOtherFamilyIsLeftOut",
             web().cluster_ip("10.0.0.1").load_balancer_ip("2001:db8::1"),
             kCluster,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1"}},
        Case{"S5_ExternalIpsArePerFamilyAndOnAnyType",
             web().cluster_ip("fd00::1").external_ip("192.0.2.1").external_ip("2001:db8::1"),
             kCluster,
             {"default/web:http/TCP/IPv6 port=80 clusterIP=fd00::1 externalIPs=2001:db8::1"}}),
    named);

const FlattenRules kOurName{.service_proxy_name = "ours"};
const FlattenRules kNoExternalIps{.allow_external_ips = false};
const FlattenRules kEverywhere{.source_ranges_everywhere = true};
const std::string kProxyName = "service.kubernetes.io/service-proxy-name";

INSTANTIATE_TEST_SUITE_P(
    ProxyNames, Flatten,
    ::testing::Values(Case{"S6_WithANameOfOurOwnThatNameIsServed",
                           web().label(kProxyName, "ours"),
                           kOurName,
                           {"default/web:http/TCP/IPv4 port=80"}},
                      Case{"S6_AndNoOther", web().label(kProxyName, "ours2"), kOurName, {}},
                      Case{"S6_AndNoServiceWithoutAName", web(), kOurName, {}},
                      Case{"S6_AndNotTheEmptyName", web().label(kProxyName, ""), kOurName, {}},
                      Case{"S6_WithoutANameOfOurOwnANamedOneIsNotServed",
                           web().label(kProxyName, "ours"),
                           kManifests,
                           {}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    ExternalIpsAllowed, Flatten,
    ::testing::Values(Case{"S5_WithoutLeaveThereAreNoExternalIps",
                           web().external_ip("192.0.2.1").load_balancer_ip("198.51.100.1"),
                           kNoExternalIps,
                           {"default/web:http/TCP/IPv4 port=80 loadBalancerIPs=198.51.100.1"}},
                      Case{"S5_WithoutLeaveThePolicyHoldsStill",
                           web().external_ip("192.0.2.1").external_policy(TrafficPolicy::Local),
                           kNoExternalIps,
                           {"default/web:http/TCP/IPv4 port=80 external=Local"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    Policies, Flatten,
    ::testing::Values(
        Case{"E6_TheInternalPolicyIsOfEveryType",
             web().internal_policy(TrafficPolicy::Local),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 internal=Local"}},
        Case{"E7_TheExternalPolicyCountsOnNodePort",
             web().type(ServiceType::NodePort).external_policy(TrafficPolicy::Local),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 external=Local"}},
        Case{"E7_TheExternalPolicyCountsOnLoadBalancer",
             web().type(ServiceType::LoadBalancer).external_policy(TrafficPolicy::Local),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 external=Local"}},
        Case{"E7_TheExternalPolicyCountsOnClusterIpWithExternalIps",
             web().external_ip("192.0.2.1").external_policy(TrafficPolicy::Local),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 externalIPs=192.0.2.1 external=Local"}},
        Case{"E7_TheExternalPolicyIsIgnoredOnClusterIpAlone",
             web().external_policy(TrafficPolicy::Local),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    SourceRanges, Flatten,
    ::testing::Values(
        Case{"F1_RangesArePerFamily",
             web()
                 .cluster_ip("10.0.0.1")
                 .cluster_ip("fd00::1")
                 .source_range("192.0.2.0/24")
                 .source_range("2001:db8::/32"),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1 dual from=192.0.2.0/24",
              "default/web:http/TCP/IPv6 port=80 clusterIP=fd00::1 dual from=2001:db8::/32"}},
        Case{"F1_ASlashZeroIsNoRange",
             web().source_range("192.0.2.0/24").source_range("0.0.0.0/0"),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80"}},
        Case{"F1_EverywhereGoesWithTheRanges",
             web().source_range("192.0.2.0/24"),
             kEverywhere,
             {"default/web:http/TCP/IPv4 port=80 from=192.0.2.0/24 everywhere"}},
        Case{"F1_EverywhereIsNothingWithoutRanges",
             web(),
             kEverywhere,
             {"default/web:http/TCP/IPv4 port=80"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    ListenAddresses, Flatten,
    ::testing::Values(
        Case{"AllOfThemAreKeptWhateverTheFamily",
             web().cluster_ip("10.0.0.1").annotation("wherry.io/listen-address", "127.0.0.5,::1"),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 clusterIP=10.0.0.1 listen=127.0.0.5,::1"}},
        Case{"SpacesAroundThemDoNotMatter",
             web().annotation("wherry.io/listen-address", "  127.0.0.5 ,  127.0.0.6 "),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 listen=127.0.0.5,127.0.0.6"}},
        Case{"OneOfEachFamilyMakesADualStackServiceOfOneWithoutClusterIp",
             web().annotation("wherry.io/listen-address", "127.0.0.5,::1"),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 listen=127.0.0.5,::1 dual",
              "default/web:http/TCP/IPv6 port=80 listen=127.0.0.5,::1 dual"}},
        Case{"TheWildcardIsAnAddress",
             web().annotation("wherry.io/listen-address", "0.0.0.0"),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80 listen=0.0.0.0"}},
        Case{"AnEmptyAnnotationSaysNothing",
             web().annotation("wherry.io/listen-address", ""),
             kManifests,
             {"default/web:http/TCP/IPv4 port=80"}}),
    named);

INSTANTIATE_TEST_SUITE_P(
    PortRanges, Flatten,
    ::testing::Values(Case{"ARangeIsOfThePortThatLiesInIt",
                           service("sip")
                               .port("rtp", 30000)
                               .port("web", 80)
                               .annotation("wherry.io/port-range", "30000-30100"),
                           kManifests,
                           {"default/sip:rtp/TCP/IPv4 port=30000 range=30000-30100",
                            "default/sip:web/TCP/IPv4 port=80"}},
                      Case{"ARangeIsOfThePortWhoseNodePortLiesInIt",
                           service("sip")
                               .port("rtp", 5000)
                               .node_port(30100)
                               .port("web", 80)
                               .node_port(30101)
                               .annotation("wherry.io/port-range", "30000-30100"),
                           kManifests,
                           {"default/sip:rtp/TCP/IPv4 port=5000 nodePort=30100 range=30000-30100",
                            "default/sip:web/TCP/IPv4 port=80 nodePort=30101"}}),
    named);

struct WarningCase {
  const char* name;
  const char* annotation;
  std::vector<std::string> bad;  ///< the words that are complained of
  std::vector<std::string> kept;
};
std::ostream& operator<<(std::ostream& out, const WarningCase& each) { return out << each.name; }

class FlattenWarns : public ::testing::TestWithParam<WarningCase> {};

TEST_P(FlattenWarns, OfAListenAddressThatIsNoneAndServesTheServiceAllTheSame) {
  const Flattened flattened =
      flatten(web().annotation("wherry.io/listen-address", GetParam().annotation), kManifests);

  std::vector<std::string> expected;
  for (const std::string& word : GetParam().bad) {
    expected.push_back("Service default/web: annotation wherry.io/listen-address: \"" + word +
                       "\" is no address to listen on; write one such as 127.0.0.5, or one of "
                       "each family with a comma between");
  }
  EXPECT_EQ(flattened.warnings, expected);
  ASSERT_EQ(flattened.ports.size(), 1u);
  std::vector<std::string> kept;
  for (const IpAddress& address : flattened.ports[0].listen_addresses) {
    kept.push_back(address.to_string());
  }
  EXPECT_EQ(kept, GetParam().kept);
}

INSTANTIATE_TEST_SUITE_P(
    BadValues, FlattenWarns,
    ::testing::Values(WarningCase{"AName", "localhost", {"localhost"}, {}},
                      WarningCase{"WithAPort", "127.0.0.5:80", {"127.0.0.5:80"}, {}},
                      WarningCase{"ABlock", "127.0.0.0/8", {"127.0.0.0/8"}, {}},
                      WarningCase{"Multicast", "224.0.0.1", {"224.0.0.1"}, {}},
                      WarningCase{"MulticastV6", "ff02::1", {"ff02::1"}, {}},
                      WarningCase{"NothingBetweenCommas",
                                  "127.0.0.5,,127.0.0.6",
                                  {""},
                                  {"127.0.0.5", "127.0.0.6"}},
                      WarningCase{"OneOfTwo", "x,127.0.0.5", {"x"}, {"127.0.0.5"}},
                      WarningCase{"SeveralAtOnce", "x,y", {"x", "y"}, {}}),
    [](const auto& row) { return row.param.name; });

TEST(Flatten, ReadsFewListenAddressesHoweverManyThereAre) {
  std::string many = "127.0.0.1";
  for (int i = 0; i < 100'000; ++i) many += ",127.0.0.1";

  const Flattened flattened =
      flatten(web().annotation("wherry.io/listen-address", many), kManifests);

  EXPECT_EQ(flattened.ports.at(0).listen_addresses.size(), 8u);
  EXPECT_THAT(
      flattened.warnings,
      ::testing::ElementsAre("Service default/web: annotation wherry.io/listen-address: only the "
                             "first 8 of its addresses are read; write one of each family"));
}

TEST(Flatten, QuotesAStrangersWordInPartAndWithoutWhatSteersATerminal) {
  const Flattened flattened =
      flatten(web().annotation("wherry.io/listen-address", "\x1b[31m" + std::string(1000, 'x')),
              kManifests);

  ASSERT_EQ(flattened.warnings.size(), 1u);
  EXPECT_LT(flattened.warnings[0].size(), 300u);
  EXPECT_THAT(flattened.warnings[0], ::testing::HasSubstr("\"\\u001b[31mxxx"));
}

TEST(ServicePort, L2_CarriesAgeAndAffinity) {
  model::Service stored = web().created("2026-01-02T03:04:05Z");
  stored.session_affinity = model::SessionAffinity::ClientIP;
  stored.affinity_timeout = std::chrono::seconds(60);

  const Flattened flattened = flatten(stored, kManifests);

  ASSERT_EQ(flattened.ports.size(), 1u);
  EXPECT_EQ(flattened.ports[0].created, stored.meta.created);
  EXPECT_EQ(flattened.ports[0].session_affinity, model::SessionAffinity::ClientIP);
  EXPECT_EQ(flattened.ports[0].affinity_timeout, std::chrono::seconds(60));
}

TEST(ServicePort, HasAnExternalAddressIfThereIsAnyWayInFromOutside) {
  ServicePort port;
  EXPECT_FALSE(port.has_external_address());

  ServicePort with_node_port;
  with_node_port.node_port = 30000;
  ServicePort with_external_ip;
  with_external_ip.external_ips = {ip("192.0.2.1")};
  ServicePort with_load_balancer;
  with_load_balancer.load_balancer_ips = {ip("192.0.2.1")};

  EXPECT_TRUE(with_node_port.has_external_address());
  EXPECT_TRUE(with_external_ip.has_external_address());
  EXPECT_TRUE(with_load_balancer.has_external_address());
}

TEST(ServicePortKey, IsOrderedByServiceThenNameThenProtocolThenFamily) {
  const ServicePortKey first{{"a", "z"}, "z", Protocol::UDP, IpFamily::IPv6};
  const ServicePortKey later_namespace{{"b", "a"}, "a", Protocol::TCP, IpFamily::IPv4};
  const ServicePortKey later_family{{"b", "a"}, "a", Protocol::TCP, IpFamily::IPv6};
  const ServicePortKey later_protocol{{"b", "a"}, "a", Protocol::UDP, IpFamily::IPv4};
  const ServicePortKey later_port{{"b", "a"}, "b", Protocol::TCP, IpFamily::IPv4};

  EXPECT_LT(first, later_namespace);
  EXPECT_LT(later_namespace, later_family);
  EXPECT_LT(later_family, later_protocol);
  EXPECT_LT(later_protocol, later_port);
}

TEST(Flatten, H3_OnlyALoadBalancerWithTheLocalPolicyHasAHealthCheckNodePort) {
  const auto port_of = [](const model::Service& service) {
    return flatten(service, {}).ports.at(0).health_check_node_port;
  };
  const model::Service local =
      service("web").cluster_ip("10.0.0.1").port("http", 80).health_check_node_port(32000);
  model::Service cluster = local;
  cluster.external_traffic_policy = model::TrafficPolicy::Cluster;
  model::Service node_port = local;
  node_port.type = model::ServiceType::NodePort;

  EXPECT_EQ(port_of(local), 32000);
  EXPECT_EQ(port_of(cluster), 0);
  EXPECT_EQ(port_of(node_port), 0);
}

}  // namespace
}  // namespace wherry::balancer
