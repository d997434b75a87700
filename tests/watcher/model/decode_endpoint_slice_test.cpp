#include "tests/support/builders.h"
#include "tests/watcher/decoding.h"
#include "watcher/model/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::model {
namespace {

using test::decode_with;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Endpoint endpoint(const std::string& address) {
  Endpoint made;
  made.address = ip(address);
  return made;
}

EndpointSlice slice(const std::string& yaml) {
  const auto decoded = decode_with(decode_endpoint_slice, yaml);
  EXPECT_THAT(decoded.faults, IsEmpty());
  return decoded.object;
}

Endpoints endpoints(const std::string& yaml) {
  const auto decoded = decode_with(decode_endpoints, yaml);
  EXPECT_THAT(decoded.faults, IsEmpty());
  return decoded.object;
}

TEST(DecodeEndpointSlice, ReadsWhatKubectlPrints) {
  const EndpointSlice read = slice(R"(
addressType: IPv4
apiVersion: discovery.k8s.io/v1
endpoints:
- addresses:
  - 10.1.0.7
  conditions:
    ready: true
    serving: true
    terminating: false
  hints:
    forZones: [{name: a}]
  nodeName: node-1
  targetRef:
    kind: Pod
    name: web-7f
    namespace: shop
    uid: 77-1
  zone: a
- addresses:
  - 10.1.0.8
  conditions:
    ready: false
    serving: true
    terminating: true
  nodeName: node-2
kind: EndpointSlice
metadata:
  annotations:
    endpoints.kubernetes.io/last-change-trigger-time: "2026-11-23T10:00:00Z"
  creationTimestamp: "2026-11-23T10:00:00Z"
  generateName: web-
  labels:
    endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io
    kubernetes.io/service-name: web
  managedFields:
  - {apiVersion: discovery.k8s.io/v1, fieldsType: FieldsV1, fieldsV1: {"f:endpoints": {}}}
  name: web-x2x4z
  namespace: shop
  ownerReferences:
  - {apiVersion: v1, blockOwnerDeletion: true, controller: true, kind: Service, name: web, uid: u}
  resourceVersion: "1"
ports:
- appProtocol: http
  name: http
  port: 8080
  protocol: TCP
- name: dns
  port: 53
  protocol: UDP
)");

  EXPECT_EQ(read.meta.key, (ObjectKey{"shop", "web-x2x4z"}));
  EXPECT_EQ(read.service(), (ObjectKey{"shop", "web"}));
  EXPECT_THAT(read.meta.annotations,
              ElementsAre(testing::Pair(kLastChangeTriggerTime, "2026-11-23T10:00:00Z")));
  EXPECT_EQ(read.address_type, AddressType::IPv4);
  ASSERT_EQ(read.endpoints.size(), 2u);
  EXPECT_EQ(read.endpoints[0], (Endpoint{.address = ip("10.1.0.7"),
                                         .ready = true,
                                         .serving = true,
                                         .terminating = false,
                                         .node = "node-1",
                                         .pod = "web-7f",
                                         .pod_uid = "77-1",
                                         .hints = {{"a"}, {}}}));
  EXPECT_EQ(read.endpoints[1], (Endpoint{.address = ip("10.1.0.8"),
                                         .ready = false,
                                         .serving = true,
                                         .terminating = true,
                                         .node = "node-2",
                                         .pod = "",
                                         .pod_uid = ""}));
  EXPECT_THAT(read.ports, ElementsAre(EndpointPort{"http", Protocol::TCP, 8080},
                                      EndpointPort{"dns", Protocol::UDP, 53}));
}

TEST(DecodeEndpointSlice, SaysNoServiceWhereTheLabelIsMissing) {
  EXPECT_EQ(slice("{metadata: {name: s}, addressType: IPv4}").service(),
            (ObjectKey{"default", ""}));
}

struct TextCase {
  std::string name;
  std::string yaml;
};

class SliceConditions : public ::testing::TestWithParam<TextCase> {};

TEST_P(SliceConditions, E1_AbsentOnesMeanReadyServingAndNotTerminating) {
  const EndpointSlice read =
      slice("{metadata: {name: s}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]" +
            GetParam().yaml + "}]}");

  ASSERT_EQ(read.endpoints.size(), 1u);
  EXPECT_TRUE(read.endpoints[0].ready);
  EXPECT_TRUE(read.endpoints[0].serving);
  EXPECT_FALSE(read.endpoints[0].terminating);
}

INSTANTIATE_TEST_SUITE_P(Table, SliceConditions,
                         ::testing::Values(TextCase{"NoConditions", ""},
                                           TextCase{"NullConditions", ", conditions: null"},
                                           TextCase{"EmptyConditions", ", conditions: {}"},
                                           TextCase{"NullEach",
                                                    ", conditions: {ready: null, serving: null, "
                                                    "terminating: null}"}),
                         [](const auto& each) { return each.param.name; });

TEST(DecodeEndpointSlice, ReadsEachConditionForItself) {
  const EndpointSlice read = slice(R"(
metadata: {name: s}
addressType: IPv4
endpoints:
- {addresses: [10.0.0.1], conditions: {ready: false}}
- {addresses: [10.0.0.2], conditions: {serving: false}}
- {addresses: [10.0.0.3], conditions: {terminating: true}}
)");

  ASSERT_EQ(read.endpoints.size(), 3u);
  EXPECT_FALSE(read.endpoints[0].ready);
  EXPECT_TRUE(read.endpoints[0].serving);
  EXPECT_TRUE(read.endpoints[1].ready);
  EXPECT_FALSE(read.endpoints[1].serving);
  EXPECT_TRUE(read.endpoints[2].ready);
  EXPECT_TRUE(read.endpoints[2].terminating);
}

TEST(DecodeEndpointSlice, E11_ReadsHintsForZonesAndNodes) {
  const EndpointSlice read = slice(R"(
addressType: IPv4
metadata: {name: s}
endpoints:
- {addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}}
- {addresses: [10.0.0.2], hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}}
- {addresses: [10.0.0.3], hints: {forNodes: [{name: n2}]}}
- {addresses: [10.0.0.4], hints: {}}
- {addresses: [10.0.0.5], hints: {forZones: [], forNodes: null}}
- {addresses: [10.0.0.6], hints: null}
- {addresses: [10.0.0.7]}
)");

  ASSERT_EQ(read.endpoints.size(), 7u);
  EXPECT_THAT(read.endpoints[0].hints.zones(), ElementsAre("a", "b"));
  EXPECT_THAT(read.endpoints[0].hints.nodes(), ElementsAre("n1"));
  EXPECT_EQ(read.endpoints[1].hints, read.endpoints[0].hints);
  EXPECT_EQ(read.endpoints[1].hints.zones().data(), read.endpoints[0].hints.zones().data());
  EXPECT_THAT(read.endpoints[2].hints.zones(), IsEmpty());
  EXPECT_THAT(read.endpoints[2].hints.nodes(), ElementsAre("n2"));
  EXPECT_NE(read.endpoints[2].hints, read.endpoints[0].hints);
  for (std::size_t i = 3; i < 7; ++i) EXPECT_TRUE(read.endpoints[i].hints.empty()) << i;
}

TEST(DecodeEndpointSlice, E11_TakesNoMoreHintsThanAnApiServerLetsPass) {
  std::string names;
  for (int i = 1; i <= 9; ++i)
    names += (i > 1 ? ", {name: z" : "{name: z") + std::to_string(i) + "}";
  const auto decoded =
      decode_with(decode_endpoint_slice,
                  "{metadata: {name: s}, addressType: IPv4, endpoints: [{addresses: "
                  "[10.0.0.1], hints: {forZones: [" +
                      names + "], forNodes: [{}, {name: ''}]}}]}");

  EXPECT_THAT(
      decoded.faults,
      ElementsAre("endpoints[0].hints.forZones: names more than 8 zones; leave the others out",
                  "endpoints[0].hints.forNodes[0].name: missing; write the name of a node",
                  "endpoints[0].hints.forNodes[1].name: missing; write the name of a node"));
  ASSERT_EQ(decoded.object.endpoints.size(), 1u);
  EXPECT_EQ(decoded.object.endpoints[0].hints.zones().size(), 8u);
}

TEST(DecodeEndpointSlice, T6_TakesTheFirstAddressOnlyAndToleratesLeadingZeros) {
  const EndpointSlice read = slice(
      "{metadata: {name: s}, addressType: IPv4, endpoints: [{addresses: [010.000.0.1, "
      "10.0.0.2]}]}");

  EXPECT_THAT(read.endpoints, ElementsAre(endpoint("10.0.0.1")));
}

TEST(DecodeEndpointSlice, ReadsIpv6) {
  const EndpointSlice read =
      slice("{metadata: {name: s}, addressType: IPv6, endpoints: [{addresses: ['fd00::1']}]}");

  EXPECT_EQ(read.address_type, AddressType::IPv6);
  EXPECT_THAT(read.endpoints, ElementsAre(endpoint("fd00::1")));
}

TEST(DecodeEndpointSlice, ReadsNoNamesOfHosts) {
  const EndpointSlice read = slice(
      "{metadata: {name: s}, addressType: FQDN, endpoints: [{addresses: [web.example.com]}], "
      "ports: [{port: 80}]}");

  EXPECT_EQ(read.address_type, AddressType::FQDN);
  EXPECT_THAT(read.endpoints, IsEmpty());
}

TEST(DecodeEndpointSlice, KnowsOnlyPodsBehindEndpoints) {
  const EndpointSlice read = slice(
      "{metadata: {name: s}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1], targetRef: "
      "{kind: Node, name: n, uid: u}}]}");

  EXPECT_THAT(read.endpoints, ElementsAre(endpoint("10.0.0.1")));
}

struct PortCase {
  std::string name;
  std::string yaml;
  EndpointPort expected;
};

class SlicePorts : public ::testing::TestWithParam<PortCase> {};

TEST_P(SlicePorts, FollowTheTable) {
  EXPECT_THAT(
      slice("{metadata: {name: s}, addressType: IPv4, ports: [" + GetParam().yaml + "]}").ports,
      ElementsAre(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    Table, SlicePorts,
    ::testing::Values(
        PortCase{"MissingNameIsEmpty", "{port: 80}", {"", Protocol::TCP, 80}},
        PortCase{"NullNameIsEmpty", "{name: null, port: 80}", {"", Protocol::TCP, 80}},
        PortCase{
            "NullProtocolIsTcp", "{name: a, protocol: null, port: 80}", {"a", Protocol::TCP, 80}},
        PortCase{"Sctp", "{name: a, protocol: SCTP, port: 80}", {"a", Protocol::SCTP, 80}},
        PortCase{"T2_AbsentNumberIsNone", "{name: a}", {"a", Protocol::TCP, std::nullopt}},
        PortCase{
            "T2_NullNumberIsNone", "{name: a, port: null}", {"a", Protocol::TCP, std::nullopt}},
        PortCase{"T2_ZeroIsNone", "{name: a, port: 0}", {"a", Protocol::TCP, std::nullopt}}),
    [](const auto& each) { return each.param.name; });

class SliceDefaults : public ::testing::TestWithParam<TextCase> {};

TEST_P(SliceDefaults, AreAnEmptySlice) {
  EndpointSlice expected;
  expected.meta.key = {"default", "s"};

  EXPECT_EQ(slice(GetParam().yaml), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SliceDefaults,
    ::testing::Values(
        TextCase{"Absent", "{metadata: {name: s}, addressType: IPv4}"},
        TextCase{"Null", "{metadata: {name: s}, addressType: IPv4, ports: null, endpoints: null}"},
        TextCase{"Empty", "{metadata: {name: s}, addressType: IPv4, ports: [], endpoints: []}"},
        TextCase{"UnknownFields", "{metadata: {name: s}, addressType: IPv4, future: {a: [b]}}"}),
    [](const auto& each) { return each.param.name; });

struct FaultCase {
  std::string name;
  std::string yaml;
  std::vector<std::string> faults;
};

FaultCase bad_endpoint(std::string name, const std::string& fields,
                       std::vector<std::string> faults) {
  return {std::move(name),
          "{metadata: {name: s}, addressType: IPv4, endpoints: [{" + fields + "}]}",
          std::move(faults)};
}

FaultCase bad_port(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return {std::move(name), "{metadata: {name: s}, addressType: IPv4, ports: [{" + fields + "}]}",
          std::move(faults)};
}

class SliceFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(SliceFaults, NameTheFieldAndTheRemedy) {
  EXPECT_EQ(decode_with(decode_endpoint_slice, GetParam().yaml).faults, GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    AddressTypes, SliceFaults,
    ::testing::Values(
        FaultCase{"NoAddressType",
                  "{metadata: {name: s}}",
                  {"addressType: missing; write IPv4, IPv6 or FQDN"}},
        FaultCase{"NullAddressType",
                  "{metadata: {name: s}, addressType: null}",
                  {"addressType: missing; write IPv4, IPv6 or FQDN"}},
        FaultCase{"EmptyAddressType",
                  "{metadata: {name: s}, addressType: ''}",
                  {"addressType: missing; write IPv4, IPv6 or FQDN"}},
        FaultCase{"LowerCaseAddressType",
                  "{metadata: {name: s}, addressType: ipv4}",
                  {"addressType: \"ipv4\" is not one of IPv4, IPv6, FQDN"}},
        FaultCase{"NumberAsAddressType",
                  "{metadata: {name: s}, addressType: 4}",
                  {"addressType: expected a string, found the number 4; put it in quotes"}},
        FaultCase{"UnknownTypeSaysNothingAboutTheAddresses",
                  "{metadata: {name: s}, addressType: ipv6, endpoints: [{addresses: ['fd00::1']}]}",
                  {"addressType: \"ipv6\" is not one of IPv4, IPv6, FQDN"}},
        FaultCase{"Ipv6AddressInAnIpv4Slice",
                  "{metadata: {name: s}, addressType: IPv4, endpoints: [{addresses: ['fd00::1']}]}",
                  {"endpoints[0].addresses[0]: fd00::1 is no IPv4 address, which is what this "
                   "slice's addressType says"}},
        FaultCase{"Ipv4AddressInAnIpv6Slice",
                  "{metadata: {name: s}, addressType: IPv6, endpoints: [{addresses: [10.0.0.1]}]}",
                  {"endpoints[0].addresses[0]: 10.0.0.1 is no IPv6 address, which is what this "
                   "slice's addressType says"}},
        FaultCase{"EveryAddressIsOfTheType",
                  "{metadata: {name: s}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1, "
                  "'fd00::1']}]}",
                  {"endpoints[0].addresses[1]: fd00::1 is no IPv4 address, which is what this "
                   "slice's addressType says"}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Fields, SliceFaults,
    ::testing::Values(
        FaultCase{"EndpointsAreAMapping",
                  "{metadata: {name: s}, addressType: IPv4, endpoints: {}}",
                  {"endpoints: expected a list, found a mapping"}},
        FaultCase{"EndpointIsAString",
                  "{metadata: {name: s}, addressType: IPv4, endpoints: [10.0.0.1]}",
                  {"endpoints[0]: expected a mapping, found the string \"10.0.0.1\""}},
        FaultCase{"PortIsANumber",
                  "{metadata: {name: s}, addressType: IPv4, ports: [80]}",
                  {"ports[0]: expected a mapping, found the number 80"}},
        bad_endpoint("NoAddresses", "nodeName: node-1",
                     {"endpoints[0].addresses: missing; an endpoint needs an address"}),
        bad_endpoint("EmptyAddresses", "addresses: []",
                     {"endpoints[0].addresses: missing; an endpoint needs an address"}),
        bad_endpoint("AddressesAreAString", "addresses: 10.0.0.1",
                     {"endpoints[0].addresses: expected a list, found the string \"10.0.0.1\""}),
        bad_endpoint("NoIpAddress", "addresses: [web]",
                     {"endpoints[0].addresses[0]: \"web\" is no IP address; write one such as "
                      "10.0.0.1 or fd00::1"}),
        bad_endpoint("LaterAddressesCountToo", "addresses: [10.0.0.1, web]",
                     {"endpoints[0].addresses[1]: \"web\" is no IP address; write one such as "
                      "10.0.0.1 or fd00::1"}),
        bad_endpoint("UnspecifiedAddress", "addresses: [0.0.0.0]",
                     {"endpoints[0].addresses[0]: 0.0.0.0 is the address of no endpoint; write one "
                      "that a machine can have"}),
        bad_endpoint("MulticastAddress", "addresses: [10.0.0.1, 224.0.0.1]",
                     {"endpoints[0].addresses[1]: 224.0.0.1 is the address of no endpoint; write "
                      "one that a machine can have"}),
        FaultCase{"EndpointsOfNamesAreAString",
                  "{metadata: {name: s}, addressType: FQDN, endpoints: foo}",
                  {"endpoints: expected a list, found the string \"foo\""}},
        FaultCase{"ANameIsANumber",
                  "{metadata: {name: s}, addressType: FQDN, endpoints: [{addresses: [1]}]}",
                  {"endpoints[0].addresses[0]: expected a string, found the number 1; put it in "
                   "quotes"}},
        bad_endpoint("NumberAsAddress", "addresses: [10]",
                     {"endpoints[0].addresses[0]: expected a string, found the number 10; put it "
                      "in quotes"}),
        bad_endpoint("ConditionsAreAList", "addresses: [10.0.0.1], conditions: []",
                     {"endpoints[0].conditions: expected a mapping, found a list"}),
        bad_endpoint("ReadyIsAString", "addresses: [10.0.0.1], conditions: {ready: 'True'}",
                     {"endpoints[0].conditions.ready: expected true or false, found the string "
                      "\"True\"; write it without quotes"}),
        bad_endpoint("ServingIsANumber", "addresses: [10.0.0.1], conditions: {serving: 1}",
                     {"endpoints[0].conditions.serving: expected true or false, found the number "
                      "1"}),
        bad_endpoint("TerminatingIsAList", "addresses: [10.0.0.1], conditions: {terminating: []}",
                     {"endpoints[0].conditions.terminating: expected true or false, found a "
                      "list"}),
        bad_endpoint("NodeNameIsANumber", "addresses: [10.0.0.1], nodeName: 7",
                     {"endpoints[0].nodeName: expected a string, found the number 7; put it in "
                      "quotes"}),
        bad_endpoint("TargetRefIsAString", "addresses: [10.0.0.1], targetRef: web-1",
                     {"endpoints[0].targetRef: expected a mapping, found the string \"web-1\""}),
        bad_port("PortTooHigh", "port: 65536",
                 {"ports[0].port: 65536 is no port; a port is 0 to 65535"}),
        bad_port("NamedPort", "port: http",
                 {"ports[0].port: expected a whole number, found the string \"http\""}),
        bad_port("LowerCaseProtocol", "port: 80, protocol: tcp",
                 {"ports[0].protocol: \"tcp\" is not one of TCP, UDP, SCTP"}),
        bad_port("NumberAsName", "port: 80, name: 80",
                 {"ports[0].name: expected a string, found the number 80; put it in quotes"})),
    [](const auto& each) { return each.param.name; });

TEST(DecodeEndpoints, ReadsWhatKubectlPrints) {
  const Endpoints read = endpoints(R"(
apiVersion: v1
kind: Endpoints
metadata:
  name: web
  namespace: shop
  managedFields: [{manager: x}]
subsets:
- addresses:
  - ip: 10.1.0.7
    nodeName: node-1
    targetRef: {kind: Pod, name: web-7f, namespace: shop, uid: 77-1}
  - ip: fd00::7
    hostname: web-7
  notReadyAddresses:
  - ip: 10.1.0.8
  ports:
  - {name: http, port: 8080, protocol: TCP, appProtocol: http}
- addresses:
  - ip: 10.1.0.9
  ports:
  - port: 9090
)");

  EXPECT_EQ(read.meta.key, (ObjectKey{"shop", "web"}));
  ASSERT_EQ(read.subsets.size(), 2u);
  const EndpointSubset& first = read.subsets[0];
  ASSERT_EQ(first.endpoints.size(), 3u);
  EXPECT_EQ(first.endpoints[0], (Endpoint{.address = ip("10.1.0.7"),
                                          .ready = true,
                                          .serving = true,
                                          .terminating = false,
                                          .node = "node-1",
                                          .pod = "web-7f",
                                          .pod_uid = "77-1"}));
  EXPECT_EQ(first.endpoints[1], endpoint("fd00::7"));
  EXPECT_EQ(first.endpoints[2].address, ip("10.1.0.8"));
  EXPECT_FALSE(first.endpoints[2].ready);
  EXPECT_FALSE(first.endpoints[2].serving);
  EXPECT_FALSE(first.endpoints[2].terminating);
  EXPECT_THAT(first.ports, ElementsAre(EndpointPort{"http", Protocol::TCP, 8080}));
  EXPECT_THAT(read.subsets[1].endpoints, ElementsAre(endpoint("10.1.0.9")));
  EXPECT_THAT(read.subsets[1].ports, ElementsAre(EndpointPort{"", Protocol::TCP, 9090}));
}

class NoEndpoints : public ::testing::TestWithParam<TextCase> {};

TEST_P(NoEndpoints, AreNoFault) {
  for (const EndpointSubset& subset : endpoints(GetParam().yaml).subsets) {
    EXPECT_EQ(subset, EndpointSubset{});
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, NoEndpoints,
    ::testing::Values(TextCase{"Absent", "{metadata: {name: web}}"},
                      TextCase{"Null", "{metadata: {name: web}, subsets: null}"},
                      TextCase{"NullParts",
                               "{metadata: {name: web}, subsets: [{addresses: null, "
                               "notReadyAddresses: null, ports: null}]}"},
                      TextCase{"Empty", "{metadata: {name: web}, subsets: [{}]}"}),
    [](const auto& each) { return each.param.name; });

class EndpointsFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(EndpointsFaults, NameTheFieldAndTheRemedy) {
  EXPECT_EQ(decode_with(decode_endpoints, GetParam().yaml).faults, GetParam().faults);
}

FaultCase bad_subset(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return {std::move(name), "{metadata: {name: web}, subsets: [{" + fields + "}]}",
          std::move(faults)};
}

INSTANTIATE_TEST_SUITE_P(
    Table, EndpointsFaults,
    ::testing::Values(
        FaultCase{"SubsetsAreAMapping",
                  "{metadata: {name: web}, subsets: {}}",
                  {"subsets: expected a list, found a mapping"}},
        FaultCase{"SubsetIsAString",
                  "{metadata: {name: web}, subsets: [x]}",
                  {"subsets[0]: expected a mapping, found the string \"x\""}},
        bad_subset("AddressIsAString", "addresses: [10.0.0.1]",
                   {"subsets[0].addresses[0]: expected a mapping, found the string \"10.0.0.1\""}),
        bad_subset("NoIp", "addresses: [{hostname: a}]",
                   {"subsets[0].addresses[0].ip: missing; write an IP address"}),
        bad_subset("BadIp", "addresses: [{ip: 10.0.0}]",
                   {"subsets[0].addresses[0].ip: \"10.0.0\" is no IP address; write one such as "
                    "10.0.0.1 or fd00::1"}),
        bad_subset("UnspecifiedIp", "addresses: [{ip: 10.0.0.1}, {ip: '::'}]",
                   {"subsets[0].addresses[1].ip: :: is the address of no endpoint; write one that "
                    "a machine can have"}),
        bad_subset("BadNotReadyIp", "notReadyAddresses: [{ip: x}]",
                   {"subsets[0].notReadyAddresses[0].ip: \"x\" is no IP address; write one such "
                    "as 10.0.0.1 or fd00::1"}),
        bad_subset("NoPortNumber", "ports: [{name: http}]",
                   {"subsets[0].ports[0].port: missing; write a port from 1 to 65535"}),
        bad_subset("PortZero", "ports: [{port: 0}]",
                   {"subsets[0].ports[0].port: 0 is no port; a port is 1 to 65535"}),
        bad_subset("PortIsANumber", "ports: [80]",
                   {"subsets[0].ports[0]: expected a mapping, found the number 80"}),
        bad_subset("LowerCaseProtocol", "ports: [{port: 80, protocol: udp}]",
                   {"subsets[0].ports[0].protocol: \"udp\" is not one of TCP, UDP, SCTP"})),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace wherry::model
