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
using ::testing::Pair;

Pod pod(const std::string& yaml) {
  const auto decoded = decode_with(decode_pod, yaml);
  EXPECT_THAT(decoded.faults, IsEmpty());
  return decoded.object;
}

Pod pod_with_status(const std::string& fields) {
  return pod("{metadata: {name: web-1}, status: {" + fields + "}}");
}

TEST(DecodePod, ReadsWhatKubectlPrints) {
  const Pod read = pod(R"(
apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: "2026-11-23T10:00:00Z"
  deletionGracePeriodSeconds: 30
  deletionTimestamp: "2026-11-23T11:00:00Z"
  generateName: web-7f-
  labels:
    app: web
    pod-template-hash: 7f
  managedFields:
  - {manager: kubelet, operation: Update, subresource: status, fieldsV1: {"f:status": {}}}
  name: web-7f-x
  namespace: shop
  ownerReferences:
  - {apiVersion: apps/v1, controller: true, kind: ReplicaSet, name: web-7f, uid: u}
  uid: 77-1
spec:
  containers:
  - image: nginx:1.27
    name: nginx
    ports:
    - containerPort: 8080
      name: http
      protocol: TCP
    - containerPort: 9090
      protocol: TCP
    resources: {limits: {cpu: 500m}}
  - image: dns
    name: dns
    ports:
    - {containerPort: 5353, name: dns, protocol: UDP, hostPort: 53}
  - {image: idle, name: idle}
  dnsPolicy: ClusterFirst
  initContainers:
  - {image: migrate, name: migrate, ports: [{containerPort: 1, name: once}]}
  - {image: proxy, name: proxy, restartPolicy: Always, ports: [{containerPort: 15000, name: admin}]}
  nodeName: node-1
  tolerations:
  - {effect: NoExecute, key: node.kubernetes.io/not-ready, operator: Exists, tolerationSeconds: 300}
status:
  conditions:
  - {lastProbeTime: null, lastTransitionTime: "2026-11-23T10:00:05Z", status: "True", type: Initialized}
  - {lastProbeTime: null, lastTransitionTime: "2026-11-23T10:00:05Z", status: "True", type: Ready}
  - {lastProbeTime: null, lastTransitionTime: "2026-11-23T10:00:05Z", status: "False", type: ContainersReady}
  containerStatuses:
  - {name: nginx, ready: true, restartCount: 0, state: {running: {startedAt: "2026-11-23T10:00:05Z"}}}
  hostIP: 192.168.0.1
  phase: Running
  podIP: 10.1.0.7
  podIPs:
  - ip: 10.1.0.7
  - ip: fd00::7
  qosClass: Burstable
)");

  EXPECT_EQ(read.meta.key, (ObjectKey{"shop", "web-7f-x"}));
  EXPECT_EQ(read.meta.uid, "77-1");
  EXPECT_TRUE(read.meta.deleting);
  EXPECT_THAT(read.meta.labels, ElementsAre(Pair("app", "web"), Pair("pod-template-hash", "7f")));
  EXPECT_EQ(read.node, "node-1");
  EXPECT_EQ(read.phase, PodPhase::Running);
  EXPECT_TRUE(read.ready);
  EXPECT_THAT(read.ips, ElementsAre(ip("10.1.0.7"), ip("fd00::7")));
  EXPECT_THAT(read.named_ports, ElementsAre(NamedPort{"http", Protocol::TCP, 8080},
                                            NamedPort{"dns", Protocol::UDP, 5353},
                                            NamedPort{"admin", Protocol::TCP, 15000}));
}

struct TextCase {
  std::string name;
  std::string yaml;
};

class PodDefaults : public ::testing::TestWithParam<TextCase> {};

TEST_P(PodDefaults, ArePendingAndNotReady) {
  Pod expected;
  expected.meta.key = {"default", "web-1"};
  expected.phase = PodPhase::Pending;
  expected.ready = false;

  EXPECT_EQ(pod(GetParam().yaml), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, PodDefaults,
    ::testing::Values(TextCase{"NoSpecAndStatus", "{metadata: {name: web-1}}"},
                      TextCase{"NullSpecAndStatus",
                               "{metadata: {name: web-1}, spec: null, status: null}"},
                      TextCase{"AllNull", R"({metadata: {name: web-1},
            spec: {nodeName: null, containers: null, initContainers: null},
            status: {phase: null, conditions: null, podIP: null, podIPs: null}})"},
                      TextCase{"AllEmpty", R"({metadata: {name: web-1},
            spec: {nodeName: "", containers: [], initContainers: []},
            status: {phase: "", conditions: [], podIP: "", podIPs: []}})"},
                      TextCase{"NullElements", R"({metadata: {name: web-1},
            spec: {containers: [null, {ports: null}, {ports: [null]}], initContainers: [null]},
            status: {conditions: [null], podIPs: [null, {}, {ip: null}]}})"},
                      TextCase{"UnknownFields", R"({metadata: {name: web-1}, spec: {future: [1]},
            status: {future: {a: b}}, future: 1})"}),
    [](const auto& each) { return each.param.name; });

struct PhaseCase {
  std::string name;
  PodPhase phase;
};

class Phases : public ::testing::TestWithParam<PhaseCase> {};

TEST_P(Phases, AreThoseOfTheApi) {
  EXPECT_EQ(pod_with_status("phase: " + GetParam().name).phase, GetParam().phase);
}

INSTANTIATE_TEST_SUITE_P(Table, Phases,
                         ::testing::Values(PhaseCase{"Pending", PodPhase::Pending},
                                           PhaseCase{"Running", PodPhase::Running},
                                           PhaseCase{"Succeeded", PodPhase::Succeeded},
                                           PhaseCase{"Failed", PodPhase::Failed},
                                           PhaseCase{"Unknown", PodPhase::Unknown}),
                         [](const auto& each) { return each.param.name; });

struct ReadyCase {
  std::string name;
  std::string conditions;
  bool ready;
};

class Readiness : public ::testing::TestWithParam<ReadyCase> {};

TEST_P(Readiness, T5_IsTheReadyConditionAlone) {
  EXPECT_EQ(pod_with_status("conditions: [" + GetParam().conditions + "]").ready, GetParam().ready);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Readiness,
    ::testing::Values(ReadyCase{"True", "{type: Ready, status: 'True'}", true},
                      ReadyCase{"False", "{type: Ready, status: 'False'}", false},
                      ReadyCase{"Unknown", "{type: Ready, status: Unknown}", false},
                      ReadyCase{"NoStatus", "{type: Ready}", false},
                      ReadyCase{"LowerCase", "{type: Ready, status: 'true'}", false},
                      ReadyCase{"OnlyOtherConditions", "{type: ContainersReady, status: 'True'}",
                                false},
                      ReadyCase{"AmongOthers",
                                "{type: Ready, status: 'True'}, {type: PodScheduled, status: "
                                "'False'}",
                                true}),
    [](const auto& each) { return each.param.name; });

TEST(DecodePod, TakesPodIpWherePodIpsAreAbsent) {
  EXPECT_THAT(pod_with_status("podIP: 10.1.0.7").ips, ElementsAre(ip("10.1.0.7")));
  EXPECT_THAT(pod_with_status("podIP: 10.1.0.7, podIPs: []").ips, ElementsAre(ip("10.1.0.7")));
}

TEST(DecodePod, PrefersPodIpsToPodIp) {
  EXPECT_THAT(pod_with_status("podIP: 10.1.0.9, podIPs: [{ip: 10.1.0.7}, {ip: 'fd00::7'}]").ips,
              ElementsAre(ip("10.1.0.7"), ip("fd00::7")));
}

TEST(DecodePod, T4_NamedPortsStandContainersFirstThenInitContainersThatRestartAlways) {
  const Pod read = pod(R"(
metadata: {name: web-1}
spec:
  initContainers:
  - {restartPolicy: Always, ports: [{name: sidecar, containerPort: 1}]}
  - {restartPolicy: OnFailure, ports: [{name: other, containerPort: 2}]}
  - {ports: [{name: once, containerPort: 3}]}
  containers:
  - {ports: [{name: b, containerPort: 20}, {name: a, containerPort: 10}]}
  - {ports: [{name: a, containerPort: 11}]}
)");

  EXPECT_THAT(
      read.named_ports,
      ElementsAre(NamedPort{"b", Protocol::TCP, 20}, NamedPort{"a", Protocol::TCP, 10},
                  NamedPort{"a", Protocol::TCP, 11}, NamedPort{"sidecar", Protocol::TCP, 1}));
}

struct FaultCase {
  std::string name;
  std::string yaml;
  std::vector<std::string> faults;
};

FaultCase bad_port(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return {std::move(name),
          "{metadata: {name: web-1}, spec: {containers: [{ports: [{" + fields + "}]}]}}",
          std::move(faults)};
}
FaultCase bad_spec(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return {std::move(name), "{metadata: {name: web-1}, spec: {" + fields + "}}", std::move(faults)};
}
FaultCase bad_status(std::string name, const std::string& fields, std::vector<std::string> faults) {
  return {std::move(name), "{metadata: {name: web-1}, status: {" + fields + "}}",
          std::move(faults)};
}

class PodFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(PodFaults, NameTheFieldAndTheRemedy) {
  EXPECT_EQ(decode_with(decode_pod, GetParam().yaml).faults, GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Spec, PodFaults,
    ::testing::Values(
        bad_port("NoContainerPort", "name: http",
                 {"spec.containers[0].ports[0].containerPort: missing; write a port from 1 to "
                  "65535"}),
        bad_port("PortZero", "containerPort: 0",
                 {"spec.containers[0].ports[0].containerPort: 0 is no port; a port is 1 to "
                  "65535"}),
        bad_port("PortTooHigh", "name: http, containerPort: 65536",
                 {"spec.containers[0].ports[0].containerPort: 65536 is no port; a port is 1 to "
                  "65535"}),
        bad_port("PortInQuotes", "containerPort: '80'",
                 {"spec.containers[0].ports[0].containerPort: expected a whole number, found the "
                  "string \"80\"; write it without quotes"}),
        bad_port("LowerCaseProtocol", "containerPort: 80, protocol: udp",
                 {"spec.containers[0].ports[0].protocol: \"udp\" is not one of TCP, UDP, SCTP"}),
        bad_port("NumberAsName", "containerPort: 80, name: 80",
                 {"spec.containers[0].ports[0].name: expected a string, found the number 80; put "
                  "it in quotes"}),
        bad_port("NameWithoutLetter", "containerPort: 80, name: '80'",
                 {"spec.containers[0].ports[0].name: \"80\" is no port name; write at most 15 "
                  "lower-case letters, digits and '-' with a letter in it"}),
        bad_port("NameTooLong", "containerPort: 80, name: a-very-long-port-name",
                 {"spec.containers[0].ports[0].name: \"a-very-long-port-name\" is no port name; "
                  "write at most 15 lower-case letters, digits and '-' with a letter in it"}),
        bad_spec("PortsAreAMapping", "containers: [{ports: {containerPort: 80}}]",
                 {"spec.containers[0].ports: expected a list, found a mapping"}),
        bad_spec("PortIsANumber", "containers: [{ports: [80]}]",
                 {"spec.containers[0].ports[0]: expected a mapping, found the number 80"}),
        bad_spec("ContainerIsAString", "containers: [nginx]",
                 {"spec.containers[0]: expected a mapping, found the string \"nginx\""}),
        bad_spec("ContainersAreAMapping", "containers: {name: nginx}",
                 {"spec.containers: expected a list, found a mapping"}),
        bad_spec("InitContainerIsAString", "initContainers: [nginx]",
                 {"spec.initContainers[0]: expected a mapping, found the string \"nginx\""}),
        bad_spec("RestartPolicyIsABoolean", "initContainers: [{restartPolicy: on}]",
                 {"spec.initContainers[0].restartPolicy: expected a string, found the boolean "
                  "true; put it in quotes"}),
        bad_spec("SidecarPort",
                 "initContainers: [{restartPolicy: Always, ports: [{containerPort: 0}]}]",
                 {"spec.initContainers[0].ports[0].containerPort: 0 is no port; a port is 1 to "
                  "65535"}),
        bad_spec("PortOfAnInitContainerThatEnds",
                 "initContainers: [{ports: [{containerPort: 99999, protocol: tcp}]}]",
                 {"spec.initContainers[0].ports[0].protocol: \"tcp\" is not one of TCP, UDP, SCTP",
                  "spec.initContainers[0].ports[0].containerPort: 99999 is no port; a port is 1 to "
                  "65535"}),
        bad_spec("HostPort", "containers: [{ports: [{containerPort: 80, hostPort: 99999}]}]",
                 {"spec.containers[0].ports[0].hostPort: 99999 is no port; a port is 0 to 65535"}),
        bad_spec("OneNameForTwoPorts",
                 "containers: [{ports: [{name: a, containerPort: 80}, {name: a, containerPort: "
                 "81}]}]",
                 {"spec.containers[0].ports[1].name: \"a\" names another port of this container "
                  "already; give each port a name of its own"}),
        bad_spec("NumberAsNode", "nodeName: 7",
                 {"spec.nodeName: expected a string, found the number 7; put it in quotes"}),
        FaultCase{"SpecIsAString",
                  "{metadata: {name: web-1}, spec: x}",
                  {"spec: expected a mapping, found the string \"x\""}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Status, PodFaults,
    ::testing::Values(
        bad_status("Phase", "phase: running",
                   {"status.phase: \"running\" is not one of Pending, Running, Succeeded, Failed, "
                    "Unknown"}),
        bad_status("PodIp", "podIP: 10.1.0",
                   {"status.podIP: \"10.1.0\" is no IP address; write one such as 10.0.0.1 or "
                    "fd00::1"}),
        bad_status("UnspecifiedPodIp", "podIP: 0.0.0.0",
                   {"status.podIP: 0.0.0.0 is the address of no endpoint; write one that a machine "
                    "can have"}),
        bad_status("UnspecifiedPodIps", "podIP: 10.1.0.7, podIPs: [{ip: 10.1.0.7}, {ip: '::'}]",
                   {"status.podIPs[1].ip: :: is the address of no endpoint; write one that a "
                    "machine can have"}),
        bad_status("NumberAsPodIp", "podIP: 10",
                   {"status.podIP: expected a string, found the number 10; put it in quotes"}),
        bad_status("PodIps", "podIPs: [{ip: 10.1.0.7}, {ip: x}]",
                   {"status.podIPs[1].ip: \"x\" is no IP address; write one such as 10.0.0.1 or "
                    "fd00::1"}),
        bad_status("PodIpsAreStrings", "podIPs: [10.1.0.7]",
                   {"status.podIPs[0]: expected a mapping, found the string \"10.1.0.7\""}),
        bad_status("PodIpBesidePodIps", "podIP: x, podIPs: [{ip: 10.1.0.7}]",
                   {"status.podIP: \"x\" is no IP address; write one such as 10.0.0.1 or "
                    "fd00::1"}),
        bad_status("ConditionIsAString", "conditions: [Ready]",
                   {"status.conditions[0]: expected a mapping, found the string \"Ready\""}),
        bad_status("ConditionStatusIsABoolean", "conditions: [{type: Ready, status: true}]",
                   {"status.conditions[0].status: expected a string, found the boolean true; put "
                    "it in quotes"}),
        bad_status("ConditionTypeIsANumber", "conditions: [{type: 1, status: 'True'}]",
                   {"status.conditions[0].type: expected a string, found the number 1; put it in "
                    "quotes"}),
        FaultCase{"StatusIsAList",
                  "{metadata: {name: web-1}, status: []}",
                  {"status: expected a mapping, found a list"}}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace wherry::model
