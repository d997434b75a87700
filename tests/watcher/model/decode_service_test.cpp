#include "tests/support/builders.h"
#include "tests/watcher/decoding.h"
#include "watcher/model/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace wherry::model {
namespace {

using test::decode_with;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// A Service whose spec is written in flow style.
Service spec(const std::string& fields) {
  const auto decoded =
      decode_with(decode_service, "{metadata: {name: web}, spec: {" + fields + "}}");
  EXPECT_THAT(decoded.faults, IsEmpty());
  return decoded.object;
}

TEST(DecodeService, F1_TakesWhiteSpaceAroundSourceRangesAway) {
  const Service read = decode_with(decode_service,
                                   "{metadata: {name: s}, spec: {ports: [{port: 80}], "
                                   "loadBalancerSourceRanges: [\" 10.0.0.0/8\\t\\n\"]}}")
                           .object;

  ASSERT_EQ(read.load_balancer_source_ranges.size(), 1u);
  EXPECT_EQ(read.load_balancer_source_ranges[0].to_string(), "10.0.0.0/8");
}

TEST(DecodeService, ReadsWhatKubectlPrints) {
  const auto decoded = decode_with(decode_service, R"(
apiVersion: v1
kind: Service
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","kind":"Service"}
    kube-router.io/service.dsr: tunnel
    kube-router.io/service.scheduler: lc
    wherry.io/listen-address: 127.0.0.9
  creationTimestamp: "2026-11-23T10:00:00Z"
  finalizers:
  - service.kubernetes.io/load-balancer-cleanup
  labels:
    app: web
  managedFields:
  - apiVersion: v1
    fieldsType: FieldsV1
    fieldsV1:
      f:spec:
        f:ports:
          .: {}
          k:{"port":80,"protocol":"TCP"}: {.: {}, f:port: {}}
    manager: kubectl-create
    operation: Update
  name: web
  namespace: shop
  resourceVersion: "4711"
  uid: 6f0f
spec:
  allocateLoadBalancerNodePorts: true
  clusterIP: 10.96.0.10
  clusterIPs:
  - 10.96.0.10
  - fd00::10
  externalIPs:
  - 192.0.2.1
  - 2001:db8::1
  externalTrafficPolicy: Local
  healthCheckNodePort: 31234
  internalTrafficPolicy: Local
  ipFamilies:
  - IPv4
  - IPv6
  ipFamilyPolicy: RequireDualStack
  loadBalancerSourceRanges:
  - 10.0.0.0/8
  - " 2001:db8::/32 "
  ports:
  - appProtocol: http
    name: http
    nodePort: 30080
    port: 80
    protocol: TCP
    targetPort: web-port
  - name: dns
    port: 53
    protocol: UDP
    targetPort: 5353
  publishNotReadyAddresses: true
  selector:
    app: web
    tier: front
  sessionAffinity: ClientIP
  sessionAffinityConfig:
    clientIP:
      timeoutSeconds: 60
  trafficDistribution: PreferClose
  type: LoadBalancer
status:
  conditions: []
  loadBalancer:
    ingress:
    - ip: 203.0.113.5
      ipMode: VIP
    - ip: 203.0.113.6
      ipMode: Proxy
    - hostname: lb.example.com
    - ip: 203.0.113.7
)");

  EXPECT_THAT(decoded.faults, IsEmpty());
  const Service& service = decoded.object;
  EXPECT_EQ(service.meta.key, (ObjectKey{"shop", "web"}));
  EXPECT_THAT(service.meta.annotations, ElementsAre(Pair("kube-router.io/service.scheduler", "lc"),
                                                    Pair("wherry.io/listen-address", "127.0.0.9")));
  EXPECT_EQ(service.type, ServiceType::LoadBalancer);
  EXPECT_THAT(service.selector, ElementsAre(Pair("app", "web"), Pair("tier", "front")));
  EXPECT_THAT(
      service.ports,
      ElementsAre(ServicePortSpec{"http", Protocol::TCP, 80, 30080, TargetPort("web-port")},
                  ServicePortSpec{"dns", Protocol::UDP, 53, 0, TargetPort(std::uint16_t{5353})}));
  EXPECT_FALSE(service.headless);
  EXPECT_THAT(service.cluster_ips, ElementsAre(ip("10.96.0.10"), ip("fd00::10")));
  EXPECT_THAT(service.ip_families, ElementsAre(IpFamily::IPv4, IpFamily::IPv6));
  EXPECT_THAT(service.external_ips, ElementsAre(ip("192.0.2.1"), ip("2001:db8::1")));
  EXPECT_THAT(service.load_balancer_ips, ElementsAre(ip("203.0.113.5"), ip("203.0.113.7")));
  EXPECT_EQ(service.session_affinity, SessionAffinity::ClientIP);
  EXPECT_EQ(service.affinity_timeout, 60s);
  EXPECT_EQ(service.internal_traffic_policy, TrafficPolicy::Local);
  EXPECT_EQ(service.external_traffic_policy, TrafficPolicy::Local);
  EXPECT_EQ(service.health_check_node_port, 31234);
  ASSERT_EQ(service.load_balancer_source_ranges.size(), 2u);
  EXPECT_EQ(service.load_balancer_source_ranges[0].to_string(), "10.0.0.0/8");
  EXPECT_EQ(service.load_balancer_source_ranges[1].to_string(), "2001:db8::/32");
  EXPECT_TRUE(service.publish_not_ready_addresses);
}

struct TextCase {
  std::string name;
  std::string yaml;
};

class ServiceDefaults : public ::testing::TestWithParam<TextCase> {};

TEST_P(ServiceDefaults, AreThoseOfTheApi) {
  const auto decoded = decode_with(decode_service, GetParam().yaml);

  Service expected;
  expected.meta.key = {"default", "web"};
  expected.type = ServiceType::ClusterIP;
  expected.session_affinity = SessionAffinity::None;
  expected.affinity_timeout = 10800s;
  expected.internal_traffic_policy = TrafficPolicy::Cluster;
  expected.external_traffic_policy = TrafficPolicy::Cluster;
  expected.health_check_node_port = 0;
  expected.publish_not_ready_addresses = false;
  EXPECT_THAT(decoded.faults, IsEmpty());
  EXPECT_EQ(decoded.object, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ServiceDefaults,
    ::testing::Values(
        TextCase{"NoSpec", "{metadata: {name: web}}"},
        TextCase{"NullSpecAndStatus", "{metadata: {name: web}, spec: null, status: null}"},
        TextCase{"EmptySpec", "{metadata: {name: web}, spec: {}}"},
        TextCase{"AllNull", R"({metadata: {name: web}, spec: {type: null, selector: null,
            ports: null, clusterIP: null, clusterIPs: null, ipFamilies: null, externalIPs: null,
            sessionAffinity: null, sessionAffinityConfig: null, internalTrafficPolicy: null,
            externalTrafficPolicy: null, healthCheckNodePort: null,
            loadBalancerSourceRanges: null, publishNotReadyAddresses: null},
            status: {loadBalancer: {ingress: null}}})"},
        TextCase{"EmptyWords", R"({metadata: {name: web}, spec: {type: "", clusterIP: "",
            sessionAffinity: "", internalTrafficPolicy: "", externalTrafficPolicy: ""}})"},
        TextCase{"EmptyLists", R"({metadata: {name: web}, spec: {ports: [], clusterIPs: [],
            ipFamilies: [], externalIPs: [], loadBalancerSourceRanges: []},
            status: {loadBalancer: {ingress: []}}})"},
        TextCase{"NullAndEmptyElements", R"({metadata: {name: web}, spec: {clusterIPs: [""],
            externalIPs: [null]}, status: {loadBalancer: {ingress: [{}, {ip: null}, {ip: ""}]}}})"},
        TextCase{"AffinityConfigWithoutTimeout",
                 "{metadata: {name: web}, spec: {sessionAffinityConfig: {clientIP: {}}}}"},
        TextCase{"ZeroHealthCheckPort", "{metadata: {name: web}, spec: {healthCheckNodePort: 0}}"},
        TextCase{"UnknownFields", R"({metadata: {name: web, future: [1]},
            spec: {ipFamilyPolicy: 7, loadBalancerClass: x/y, future: {a: b}}, future: 1})"}),
    [](const auto& each) { return each.param.name; });

struct PortCase {
  std::string name;
  std::string yaml;
  ServicePortSpec expected;
};

class ServicePortDefaults : public ::testing::TestWithParam<PortCase> {};

TEST_P(ServicePortDefaults, T4_EmptyTargetPortIsThePort) {
  EXPECT_THAT(spec("ports: [" + GetParam().yaml + "]").ports, ElementsAre(GetParam().expected));
}

TargetPort number(std::uint16_t n) { return n; }

INSTANTIATE_TEST_SUITE_P(
    Table, ServicePortDefaults,
    ::testing::Values(
        PortCase{"PortAlone", "{port: 80}", {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{"Nulls",
                 "{port: 80, name: null, protocol: null, nodePort: null, targetPort: null}",
                 {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{"ZeroTarget", "{port: 80, targetPort: 0}", {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{
            "EmptyTarget", "{port: 80, targetPort: ''}", {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{
            "EmptyProtocol", "{port: 80, protocol: ''}", {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{"ZeroNodePort", "{port: 80, nodePort: 0}", {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{"NodePortBelowTheUsualRange",
                 "{port: 80, nodePort: 80}",
                 {"", Protocol::TCP, 80, 80, number(80)}},
        PortCase{"NodePortAboveTheUsualRange",
                 "{port: 80, nodePort: 65535}",
                 {"", Protocol::TCP, 80, 65535, number(80)}},
        PortCase{"LowestPort", "{port: 1}", {"", Protocol::TCP, 1, 0, number(1)}},
        PortCase{"HighestPort",
                 "{port: 65535, targetPort: 65535}",
                 {"", Protocol::TCP, 65535, 0, number(65535)}},
        PortCase{"WholeNumberWithAPoint", "{port: 80.0}", {"", Protocol::TCP, 80, 0, number(80)}},
        PortCase{"NamedTarget",
                 "{port: 80, targetPort: http}",
                 {"", Protocol::TCP, 80, 0, TargetPort("http")}},
        PortCase{"Sctp", "{port: 80, protocol: SCTP}", {"", Protocol::SCTP, 80, 0, number(80)}}),
    [](const auto& each) { return each.param.name; });

TEST(DecodeService, S1_NoneIsHeadlessAndNoAddress) {
  for (const char* fields :
       {"clusterIP: None", "clusterIP: None, clusterIPs: [None]", "clusterIPs: [None]"}) {
    const Service service = spec(fields);

    EXPECT_TRUE(service.headless) << fields;
    EXPECT_THAT(service.cluster_ips, IsEmpty()) << fields;
  }
}

TEST(DecodeService, S1_NoClusterIpIsNotHeadless) { EXPECT_FALSE(spec("type: NodePort").headless); }

TEST(DecodeService, TakesClusterIpWhereClusterIpsAreAbsent) {
  EXPECT_THAT(spec("clusterIP: 10.96.0.1").cluster_ips, ElementsAre(ip("10.96.0.1")));
}

TEST(DecodeService, PrefersClusterIpsToClusterIp) {
  EXPECT_THAT(spec("clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd00::1']").cluster_ips,
              ElementsAre(ip("10.96.0.1"), ip("fd00::1")));
}

TEST(DecodeService, T6_ReadsAddressesWithLeadingZeros) {
  EXPECT_THAT(spec("clusterIP: 010.096.000.001").cluster_ips, ElementsAre(ip("10.96.0.1")));
}

TEST(DecodeService, ReadsEveryType) {
  EXPECT_EQ(spec("type: ClusterIP").type, ServiceType::ClusterIP);
  EXPECT_EQ(spec("type: NodePort").type, ServiceType::NodePort);
  EXPECT_EQ(spec("type: LoadBalancer").type, ServiceType::LoadBalancer);
  EXPECT_EQ(spec("type: ExternalName, externalName: example.com").type, ServiceType::ExternalName);
}

struct FaultCase {
  std::string name;
  std::string yaml;
  std::vector<std::string> faults;
};

FaultCase bad_spec(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return {std::move(name), "{metadata: {name: web}, spec: {" + fields + "}}", std::move(faults)};
}
FaultCase bad_port(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return bad_spec(std::move(name), "ports: [{" + fields + "}]", std::move(faults));
}

class ServiceFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(ServiceFaults, NameTheFieldAndTheRemedy) {
  EXPECT_EQ(decode_with(decode_service, GetParam().yaml).faults, GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Ports, ServiceFaults,
    ::testing::Values(
        bad_spec("PortsAreAMapping", "ports: {port: 80}",
                 {"spec.ports: expected a list, found a mapping"}),
        bad_spec("PortIsANumber", "ports: [80]",
                 {"spec.ports[0]: expected a mapping, found the number 80"}),
        bad_port("NoPort", "name: http",
                 {"spec.ports[0].port: missing; write a port from 1 to "
                  "65535"}),
        bad_port("NullPort", "port: null",
                 {"spec.ports[0].port: missing; write a port from 1 to "
                  "65535"}),
        bad_port("PortZero", "port: 0", {"spec.ports[0].port: 0 is no port; a port is 1 to 65535"}),
        bad_port("PortTooHigh", "port: 65536",
                 {"spec.ports[0].port: 65536 is no port; a port is 1 to 65535"}),
        bad_port("NegativePort", "port: -80",
                 {"spec.ports[0].port: -80 is no port; a port is 1 to 65535"}),
        bad_port("PortInQuotes", "port: '80'",
                 {"spec.ports[0].port: expected a whole number, found the string \"80\"; write it "
                  "without quotes"}),
        bad_port("NumberAsName", "name: 80, port: 80",
                 {"spec.ports[0].name: expected a string, found the number 80; put it in quotes"}),
        bad_port("LowerCaseProtocol", "port: 80, protocol: tcp",
                 {"spec.ports[0].protocol: \"tcp\" is not one of TCP, UDP, SCTP"}),
        bad_port("UnknownProtocol", "port: 80, protocol: HTTP",
                 {"spec.ports[0].protocol: \"HTTP\" is not one of TCP, UDP, SCTP"}),
        bad_port("NumberAsProtocol", "port: 80, protocol: 6",
                 {"spec.ports[0].protocol: expected a string, found the number 6; put it in "
                  "quotes"}),
        bad_port("NegativeNodePort", "port: 80, nodePort: -1",
                 {"spec.ports[0].nodePort: -1 is no port; a port is 0 to 65535"}),
        bad_port("NodePortTooHigh", "port: 80, nodePort: 70000",
                 {"spec.ports[0].nodePort: 70000 is no port; a port is 0 to 65535"}),
        bad_port("TargetTooHigh", "port: 80, targetPort: 65536",
                 {"spec.ports[0].targetPort: 65536 is no port; a port is 0 to 65535"}),
        bad_port("TargetIsAList", "port: 80, targetPort: [80]",
                 {"spec.ports[0].targetPort: expected a port number or a port's name, found a "
                  "list"}),
        bad_port("TargetIsABoolean", "port: 80, targetPort: on",
                 {"spec.ports[0].targetPort: expected a port number or a port's name, found the "
                  "boolean true"}),
        bad_port("TargetNumberInQuotes", "port: 80, targetPort: '8080'",
                 {"spec.ports[0].targetPort: \"8080\" is no port name; write a number from 1 to "
                  "65535, or a name of at most 15 lower-case letters, digits and '-' with a letter "
                  "in it"}),
        bad_port("TargetNameTooLong", "port: 80, targetPort: a-very-long-port-name",
                 {"spec.ports[0].targetPort: \"a-very-long-port-name\" is no port name; write a "
                  "number from 1 to 65535, or a name of at most 15 lower-case letters, digits and "
                  "'-' with a letter in it"}),
        bad_spec("TheSecondOfTwoPorts", "ports: [{name: a, port: 1}, {name: b, port: 0}]",
                 {"spec.ports[1].port: 0 is no port; a port is 1 to 65535"}),
        bad_port("EveryFaultOfAPort", "port: 0, protocol: tcp, nodePort: x",
                 {"spec.ports[0].protocol: \"tcp\" is not one of TCP, UDP, SCTP",
                  "spec.ports[0].port: 0 is no port; a port is 1 to 65535",
                  "spec.ports[0].nodePort: expected a whole number, found the string \"x\""})),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Addresses, ServiceFaults,
    ::testing::Values(
        bad_spec("NoClusterIp", "clusterIP: web.example.com",
                 {"spec.clusterIP: \"web.example.com\" is no IP address; write one, None, or "
                  "leave it out"}),
        bad_spec("LowerCaseNone", "clusterIP: none",
                 {"spec.clusterIP: \"none\" is no IP address; write one, None, or leave it out"}),
        bad_spec("NumberAsClusterIp", "clusterIP: 10",
                 {"spec.clusterIP: expected a string, found the number 10; put it in "
                  "quotes"}),
        bad_spec("OneOfClusterIps", "clusterIPs: [10.96.0.1, 'fd00::g']",
                 {"spec.clusterIPs[1]: \"fd00::g\" is no IP address; write one, None, or leave it "
                  "out"}),
        bad_spec("ClusterIpBesideClusterIps", "clusterIP: x, clusterIPs: [10.96.0.1]",
                 {"spec.clusterIP: \"x\" is no IP address; write one, None, or leave it out"}),
        bad_spec("ClusterIpsAreAString", "clusterIPs: 10.96.0.1",
                 {"spec.clusterIPs: expected a list, found the string \"10.96.0.1\""}),
        bad_spec("ExternalIp", "externalIPs: [192.0.2.1, 192.0.2.256]",
                 {"spec.externalIPs[1]: \"192.0.2.256\" is no IP address; write one such as "
                  "10.0.0.1 or fd00::1"}),
        bad_spec("UnspecifiedClusterIp", "clusterIP: 0.0.0.0",
                 {"spec.clusterIP: 0.0.0.0 is the address of no endpoint; write one that a machine "
                  "can have"}),
        bad_spec("MulticastClusterIps", "clusterIPs: [10.96.0.1, 'ff02::1']",
                 {"spec.clusterIPs[1]: ff02::1 is the address of no endpoint; write one that a "
                  "machine can have"}),
        bad_spec("MulticastExternalIp", "externalIPs: [192.0.2.1, 224.0.0.1]",
                 {"spec.externalIPs[1]: 224.0.0.1 is the address of no endpoint; write one that a "
                  "machine can have"}),
        bad_spec("ExternalIpWithPort", "externalIPs: ['192.0.2.1:80']",
                 {"spec.externalIPs[0]: \"192.0.2.1:80\" is no IP address; write one such as "
                  "10.0.0.1 or fd00::1"}),
        bad_spec("Family", "ipFamilies: [ipv4]",
                 {"spec.ipFamilies[0]: \"ipv4\" is not one of IPv4, IPv6"}),
        bad_spec("SourceRangeWithoutLength", "loadBalancerSourceRanges: [10.0.0.0]",
                 {"spec.loadBalancerSourceRanges[0]: \"10.0.0.0\" is no CIDR; write "
                  "address/length, for example 10.0.0.0/8"}),
        bad_spec("SourceRangeOfSpaces", "loadBalancerSourceRanges: [' ']",
                 {"spec.loadBalancerSourceRanges[0]: \" \" is no CIDR; write address/length, for "
                  "example 10.0.0.0/8"}),
        FaultCase{"IngressIp",
                  "{metadata: {name: web}, status: {loadBalancer: {ingress: [{ip: here}]}}}",
                  {"status.loadBalancer.ingress[0].ip: \"here\" is no IP address; write one such "
                   "as 10.0.0.1 or fd00::1"}},
        FaultCase{"IngressIsAString",
                  "{metadata: {name: web}, status: {loadBalancer: {ingress: [203.0.113.5]}}}",
                  {"status.loadBalancer.ingress[0]: expected a mapping, found the string "
                   "\"203.0.113.5\""}},
        FaultCase{"IngressIsNoList",
                  "{metadata: {name: web}, status: {loadBalancer: {ingress: {ip: 203.0.113.5}}}}",
                  {"status.loadBalancer.ingress: expected a list, found a mapping"}},
        FaultCase{"LoadBalancerIsAList",
                  "{metadata: {name: web}, status: {loadBalancer: []}}",
                  {"status.loadBalancer: expected a mapping, found a list"}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Others, ServiceFaults,
    ::testing::Values(
        FaultCase{"SpecIsAList",
                  "{metadata: {name: web}, spec: []}",
                  {"spec: expected a mapping, found a list"}},
        bad_spec("Type", "type: Internal",
                 {"spec.type: \"Internal\" is not one of ClusterIP, NodePort, LoadBalancer, "
                  "ExternalName"}),
        bad_spec("SelectorIsAString", "selector: app=web",
                 {"spec.selector: expected a mapping, found the string \"app=web\""}),
        bad_spec("BooleanInSelector", "selector: {canary: true}",
                 {"spec.selector.canary: expected a string, found the boolean true; put it in "
                  "quotes"}),
        bad_spec("Affinity", "sessionAffinity: Cookie",
                 {"spec.sessionAffinity: \"Cookie\" is not one of None, ClientIP"}),
        bad_spec("AffinityTimeoutZero", "sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}",
                 {"spec.sessionAffinityConfig.clientIP.timeoutSeconds: 0 is out of range; write 1 "
                  "to 86400 seconds"}),
        bad_spec("AffinityTimeoutOverADay",
                 "sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}",
                 {"spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401 is out of range; "
                  "write 1 to 86400 seconds"}),
        bad_spec("AffinityTimeoutWithUnit",
                 "sessionAffinityConfig: {clientIP: {timeoutSeconds: 3h}}",
                 {"spec.sessionAffinityConfig.clientIP.timeoutSeconds: expected a whole number, "
                  "found the string \"3h\""}),
        bad_spec("AffinityConfigIsANumber", "sessionAffinityConfig: 60",
                 {"spec.sessionAffinityConfig: expected a mapping, found the number 60"}),
        bad_spec("InternalPolicy", "internalTrafficPolicy: Nearby",
                 {"spec.internalTrafficPolicy: \"Nearby\" is not one of Cluster, Local"}),
        bad_spec("ExternalPolicy", "externalTrafficPolicy: local",
                 {"spec.externalTrafficPolicy: \"local\" is not one of Cluster, Local"}),
        bad_spec("HealthCheckPort", "healthCheckNodePort: 65536",
                 {"spec.healthCheckNodePort: 65536 is no port; a port is 0 to 65535"}),
        bad_spec("PublishNotReadyIsAString", "publishNotReadyAddresses: 'yes'",
                 {"spec.publishNotReadyAddresses: expected true or false, found the string "
                  "\"yes\"; write it without quotes"}),
        FaultCase{"FaultsOfAllParts",
                  "{metadata: {name: 1}, spec: {type: X, clusterIP: here}}",
                  {"metadata.name: expected a string, found the number 1; put it in quotes",
                   "spec.type: \"X\" is not one of ClusterIP, NodePort, LoadBalancer, ExternalName",
                   "spec.clusterIP: \"here\" is no IP address; write one, None, or leave it out"}}),
    [](const auto& each) { return each.param.name; });

TEST(DecodeService, RefusesNumbersThatAreNoPorts) {
  for (const char* port : {"80.5", "18446744073709551615", "-9223372036854775808", "1e300"}) {
    const auto decoded =
        decode_with(decode_service,
                    "{metadata: {name: web}, spec: {ports: [{port: " + std::string(port) + "}]}}");

    EXPECT_THAT(decoded.faults, ElementsAre(StartsWith("spec.ports[0].port: "))) << port;
  }
}

TEST(DecodeService, AcceptsTheBoundsOfTheAffinityTimeout) {
  EXPECT_EQ(spec("sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}").affinity_timeout, 1s);
  EXPECT_EQ(spec("sessionAffinityConfig: {clientIP: {timeoutSeconds: 86400}}").affinity_timeout,
            24h);
}

TEST(DecodeService, S4_IngressesOfModeProxyAreNoAddressesOfTheService) {
  const auto decoded = decode_with(decode_service, R"(
metadata: {name: web}
status: {loadBalancer: {ingress: [{ip: 203.0.113.6, ipMode: Proxy}]}}
)");

  EXPECT_THAT(decoded.faults, IsEmpty());
  EXPECT_THAT(decoded.object.load_balancer_ips, IsEmpty());
}

}  // namespace
}  // namespace wherry::model
