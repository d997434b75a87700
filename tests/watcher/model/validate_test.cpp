#include "watcher/model/validate.h"

#include "tests/support/builders.h"
#include "tests/watcher/decoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::model {
namespace {

using test::ip;
using test::lines_of;
using test::pod;
using test::PodBuilder;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct FaultCase {
  std::string name;
  Service object;
  std::vector<std::string> faults;
};

class ValidateService : public ::testing::TestWithParam<FaultCase> {};

TEST_P(ValidateService, FollowsTheTable) {
  EXPECT_EQ(lines_of(validate(GetParam().object)), GetParam().faults);
}

const std::string kLabelRule =
    " is no name for this kind; write at most 63 lower-case letters, digits and '-', beginning and "
    "ending with a letter or digit";
const std::string kSubdomainRule =
    " is no name for this kind; write at most 253 lower-case letters, digits, '-' and '.', "
    "beginning and ending with a letter or digit";
const std::string kNamespaceRule =
    " is no namespace; write at most 63 lower-case letters, digits and '-'";

INSTANTIATE_TEST_SUITE_P(
    Names, ValidateService,
    ::testing::Values(FaultCase{"NoName",
                                service("").port("", 80),
                                {"metadata.name: missing; give the object a "
                                 "name"}},
                      FaultCase{"UpperCaseName",
                                service("Web").port("", 80),
                                {"metadata.name: \"Web\"" + kLabelRule}},
                      FaultCase{"DotInName",
                                service("web.v1").port("", 80),
                                {"metadata.name: \"web.v1\"" + kLabelRule}},
                      FaultCase{"NameOf63", service(std::string(63, 'w')).port("", 80), {}},
                      FaultCase{"NameOf64",
                                service(std::string(64, 'w')).port("", 80),
                                {"metadata.name: \"" + std::string(64, 'w') + '"' + kLabelRule}},
                      FaultCase{"BadNamespace",
                                service("web", "My_Shop").port("", 80),
                                {"metadata.namespace: \"My_Shop\"" + kNamespaceRule}},
                      FaultCase{"DotInNamespace",
                                service("web", "a.b").port("", 80),
                                {"metadata.namespace: \"a.b\"" + kNamespaceRule}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Ports, ValidateService,
    ::testing::Values(
        FaultCase{"NoPort", service("web"), {"spec.ports: missing; a Service needs a port"}},
        FaultCase{"HeadlessNeedsNoPort", service("web").headless(), {}},
        FaultCase{"ExternalNameNeedsNoPort", service("web").type(ServiceType::ExternalName), {}},
        FaultCase{"OneUnnamedPort", service("web").port("", 80), {}},
        FaultCase{"UnnamedAmongSeveral",
                  service("web").port("http", 80).port("", 443),
                  {"spec.ports[1].name: missing; each of several ports needs a name"}},
        FaultCase{"BothUnnamed",
                  service("web").port("", 80).port("", 443),
                  {"spec.ports[0].name: missing; each of several ports needs a name",
                   "spec.ports[1].name: missing; each of several ports needs a name"}},
        FaultCase{"UpperCaseName",
                  service("web").port("HTTP", 80),
                  {"spec.ports[0].name: \"HTTP\" is no port name; write at most 63 lower-case "
                   "letters, digits and '-'"}},
        FaultCase{"SameNameTwice",
                  service("web").port("http", 80).port("http", 81),
                  {"spec.ports[1].name: \"http\" names another port already; give each port a "
                   "name of its own"}},
        FaultCase{"SamePortTwice",
                  service("web").port("a", 80).port("b", 80),
                  {"spec.ports[1].port: 80/TCP stands twice in this Service; leave one out"}},
        FaultCase{"SameNumberOfAnotherProtocol",
                  service("web").port("dns", 53).port("dns-udp", 53, {}, Protocol::UDP),
                  {}},
        FaultCase{"SameUdpPortTwice",
                  service("web").port("a", 53, {}, Protocol::UDP).port("b", 53, {}, Protocol::UDP),
                  {"spec.ports[1].port: 53/UDP stands twice in this Service; leave one out"}},
        FaultCase{
            "SameTargetTwice",
            service("web").port("a", 80, std::uint16_t{8080}).port("b", 81, std::uint16_t{8080}),
            {}},
        FaultCase{"SameNodePortTwice",
                  service("web").port("a", 80).node_port(30080).port("b", 81).node_port(30080),
                  {"spec.ports[1].nodePort: 30080/TCP stands twice in this Service; leave one "
                   "out"}},
        FaultCase{"SameNodePortOfAnotherProtocol",
                  service("web")
                      .port("a", 53)
                      .node_port(30053)
                      .port("b", 53, {}, Protocol::UDP)
                      .node_port(30053),
                  {}},
        FaultCase{"AnyNodePort", service("web").port("a", 80).node_port(1), {}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Addresses, ValidateService,
    ::testing::Values(
        FaultCase{"NoClusterIp", service("web").port("", 80), {}},
        FaultCase{"DualStack",
                  service("web").port("", 80).cluster_ip("10.96.0.1").cluster_ip("fd00::1"),
                  {}},
        FaultCase{"TwoClusterIpsOfAFamily",
                  service("web").port("", 80).cluster_ip("10.96.0.1").cluster_ip("10.96.0.2"),
                  {"spec.clusterIPs: holds more than one address of a family; write at most one "
                   "IPv4 and one IPv6 address"}},
        FaultCase{"ThreeClusterIps",
                  service("web")
                      .port("", 80)
                      .cluster_ip("10.96.0.1")
                      .cluster_ip("fd00::1")
                      .cluster_ip("fd00::2"),
                  {"spec.clusterIPs: holds more than one address of a family; write at most one "
                   "IPv4 and one IPv6 address"}},
        FaultCase{"LoopbackClusterIp", service("web").port("", 80).cluster_ip("127.0.0.1"), {}}),
    [](const auto& each) { return each.param.name; });

TEST(ValidateServices, ListEveryFault) {
  EXPECT_THAT(lines_of(validate(service("Web").port("a", 80).port("a", 80).get())),
              ElementsAre("metadata.name: \"Web\"" + kLabelRule,
                          "spec.ports[1].name: \"a\" names another port already; give each port a "
                          "name of its own",
                          "spec.ports[1].port: 80/TCP stands twice in this Service; leave one "
                          "out"));
}

struct SliceCase {
  std::string name;
  EndpointSlice object;
  std::vector<std::string> faults;
};

class ValidateSlice : public ::testing::TestWithParam<SliceCase> {};

TEST_P(ValidateSlice, FollowsTheTable) {
  EXPECT_EQ(lines_of(validate(GetParam().object)), GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ValidateSlice,
    ::testing::Values(
        SliceCase{"Whole", slice("web-1", "web").port("http", 80).endpoint("10.0.0.1"), {}},
        SliceCase{"DotInName", slice("web.v1", "web"), {}},
        SliceCase{"NoName", slice("", "web"), {"metadata.name: missing; give the object a name"}},
        SliceCase{
            "SlashInName", slice("web/1", "web"), {"metadata.name: \"web/1\"" + kSubdomainRule}},
        SliceCase{"NamespaceWithSlash",
                  slice("web-1", "web", "a/b"),
                  {"metadata.namespace: \"a/b\"" + kNamespaceRule}},
        SliceCase{"OneUnnamedPortAmongSeveral", slice("s", "web").port("", 80).port("a", 81), {}},
        SliceCase{"TwoUnnamedPorts",
                  slice("s", "web").port("", 80).port("", 81),
                  {"ports[1].name: \"\" names another port already; give each port a name of its "
                   "own"}},
        SliceCase{"SameNameTwice",
                  slice("s", "web").port("a", 80).port("a", 81),
                  {"ports[1].name: \"a\" names another port already; give each port a name of its "
                   "own"}},
        SliceCase{"BadPortName",
                  slice("s", "web").port("a_b", 80),
                  {"ports[0].name: \"a_b\" is no port name; write at most 63 lower-case letters, "
                   "digits and '-'"}},
        SliceCase{"T2_PortWithoutNumber", slice("s", "web").unnumbered_port("a"), {}},
        SliceCase{"LoopbackAddress", slice("s", "web").endpoint("127.0.0.2"), {}}),
    [](const auto& each) { return each.param.name; });

Endpoints endpoints(const std::string& name, std::vector<EndpointPort> ports,
                    const std::string& address) {
  Endpoints made;
  made.meta.key = {"default", name};
  Endpoint endpoint;
  endpoint.address = ip(address);
  made.subsets = {{{endpoint}, std::move(ports)}};
  return made;
}

struct EndpointsCase {
  std::string name;
  Endpoints object;
  std::vector<std::string> faults;
};

class ValidateEndpoints : public ::testing::TestWithParam<EndpointsCase> {};

TEST_P(ValidateEndpoints, FollowsTheTable) {
  EXPECT_EQ(lines_of(validate(GetParam().object)), GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ValidateEndpoints,
    ::testing::Values(
        EndpointsCase{"Whole", endpoints("web", {{"", Protocol::TCP, 80}}, "10.0.0.1"), {}},
        EndpointsCase{"NoName",
                      endpoints("", {}, "10.0.0.1"),
                      {"metadata.name: missing; give the object a name"}},
        EndpointsCase{"BadName",
                      endpoints("Web", {}, "10.0.0.1"),
                      {"metadata.name: \"Web\"" + kSubdomainRule}},
        EndpointsCase{
            "UnnamedAmongSeveral",
            endpoints("web", {{"a", Protocol::TCP, 80}, {"", Protocol::TCP, 81}}, "10.0.0.1"),
            {"subsets[0].ports[1].name: missing; each of several ports needs a name"}},
        EndpointsCase{
            "SameNameTwice",
            endpoints("web", {{"a", Protocol::TCP, 80}, {"a", Protocol::TCP, 81}}, "10.0.0.1"),
            {"subsets[0].ports[1].name: \"a\" names another port already; give each "
             "port a name of its own"}}),
    [](const auto& each) { return each.param.name; });

TEST(ValidateEndpointSubsets, MayShareNamesOfPorts) {
  Endpoints two = endpoints("web", {{"a", Protocol::TCP, 80}}, "10.0.0.1");
  two.subsets.push_back({{}, {{"a", Protocol::TCP, 81}}});

  EXPECT_THAT(lines_of(validate(two)), IsEmpty());
}

struct PodCase {
  std::string name;
  Pod object;
  std::vector<std::string> faults;
};

class ValidatePod : public ::testing::TestWithParam<PodCase> {};

TEST_P(ValidatePod, FollowsTheTable) {
  EXPECT_EQ(lines_of(validate(GetParam().object)), GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ValidatePod,
    ::testing::Values(
        PodCase{"Whole", pod("web-1", "10.0.0.1"), {}}, PodCase{"NoAddress", pod("web-1"), {}},
        PodCase{"DotInName", pod("web.1", "10.0.0.1"), {}},
        PodCase{"NoName", pod(""), {"metadata.name: missing; give the object a name"}},
        PodCase{"UpperCaseName", pod("Web-1"), {"metadata.name: \"Web-1\"" + kSubdomainRule}},
        PodCase{"BadNamespace",
                PodBuilder("web-1", "-"),
                {"metadata.namespace: \"-\"" + kNamespaceRule}}),
    [](const auto& each) { return each.param.name; });

struct ServiceCidrCase {
  std::string name;
  std::string object;
  std::vector<const char*> cidrs;
  std::vector<std::string> faults;
};

class ValidateServiceCidr : public ::testing::TestWithParam<ServiceCidrCase> {};

TEST_P(ValidateServiceCidr, FollowsTheTable) {
  ServiceCidr object;
  object.meta.key.name = GetParam().object;
  for (const char* each : GetParam().cidrs) object.cidrs.push_back(test::cidr(each));
  EXPECT_EQ(lines_of(validate(object)), GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ValidateServiceCidr,
    ::testing::Values(
        ServiceCidrCase{"One", "kubernetes", {"10.96.0.0/12"}, {}},
        ServiceCidrCase{"DualStack", "a.b", {"fd00:96::/112", "10.96.0.0/12"}, {}},
        ServiceCidrCase{
            "NoName", "", {"10.96.0.0/12"}, {"metadata.name: missing; give the object a name"}},
        ServiceCidrCase{
            "TwoOfAFamily",
            "a",
            {"10.96.0.0/16", "10.97.0.0/16"},
            {"spec.cidrs: holds more than one block of a family; write further ones into "
             "ServiceCIDRs of their own"}},
        ServiceCidrCase{
            "Three",
            "a",
            {"10.96.0.0/16", "fd00:96::/112", "fd00:97::/112"},
            {"spec.cidrs: holds more than one block of a family; write further ones into "
             "ServiceCIDRs of their own"}},
        ServiceCidrCase{"AnAddressInABlock",
                        "a",
                        {"10.96.0.1/16"},
                        {"spec.cidrs[0]: is an address inside a block; the block is 10.96.0.0/16"}},
        ServiceCidrCase{"EverybodysAddresses",
                        "a",
                        {"10.96.0.0/16", "::/0"},
                        {"spec.cidrs[1]: ::/0 is no block that a cluster gives to its Services; "
                         "write what its API server has as --service-cluster-ip-range"}}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace wherry::model
