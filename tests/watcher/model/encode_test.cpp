#include "watcher/model/encode.h"

#include "tests/support/builders.h"
#include "tests/watcher/decoding.h"
#include "watcher/model/decode.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// What is written down is what is read again: the last good state stands on this.
namespace wherry::model {
namespace {

using test::decode_with;
using ::testing::IsEmpty;

template <class T>
void expect_comes_back(T (*decode)(const FieldReader&), const std::string& yaml) {
  const auto first = decode_with(decode, yaml);
  ASSERT_THAT(first.faults, IsEmpty());

  const auto again = decode_with(decode, boost::json::serialize(encode(first.object)));

  EXPECT_THAT(again.faults, IsEmpty());
  EXPECT_TRUE(again.object == first.object)
      << "came back as " << boost::json::serialize(encode(again.object)) << "\nfrom "
      << boost::json::serialize(encode(first.object));
}

TEST(Encode, AServiceWithEveryFieldComesBack) {
  expect_comes_back(decode_service, R"(
metadata:
  name: web
  namespace: shop
  uid: 1-2-3
  creationTimestamp: "2026-11-23T10:00:00Z"
  deletionTimestamp: "2026-11-23T11:00:00Z"
  labels: {service.kubernetes.io/service-proxy-name: other}
  annotations: {wherry.io/listen-address: 127.0.0.5}
spec:
  type: LoadBalancer
  selector: {app: web, tier: front}
  clusterIP: 10.0.0.1
  clusterIPs: [10.0.0.1, "fd00::1"]
  ipFamilies: [IPv4, IPv6]
  externalIPs: [203.0.113.1]
  ports:
  - {name: http, port: 80, targetPort: web, nodePort: 30080}
  - {name: dns, port: 53, protocol: UDP, targetPort: 5353}
  - {name: sctp, port: 9, protocol: SCTP}
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}
  internalTrafficPolicy: Local
  externalTrafficPolicy: Local
  healthCheckNodePort: 31000
  loadBalancerSourceRanges: [192.0.2.0/24, "fd00::/8"]
  publishNotReadyAddresses: true
status:
  loadBalancer: {ingress: [{ip: 198.51.100.7}, {ip: 198.51.100.8, ipMode: Proxy}]}
)");
}

TEST(Encode, AServiceOfDefaultsComesBack) {
  expect_comes_back(decode_service, "{metadata: {name: a}, spec: {ports: [{port: 80}]}}");
  expect_comes_back(decode_service,
                    "{metadata: {name: a}, spec: {clusterIP: None, ports: [{port: 80}]}}");
  expect_comes_back(decode_service,
                    "{metadata: {name: a}, spec: {type: ExternalName, externalName: x.test}}");
}

TEST(Encode, AnEndpointSliceComesBack) {
  expect_comes_back(decode_endpoint_slice, R"(
metadata:
  name: web-1
  namespace: shop
  labels: {kubernetes.io/service-name: web, service.kubernetes.io/headless: "", other: x}
addressType: IPv6
ports: [{name: http, port: 8080}, {port: 53, protocol: UDP}, {name: all}]
endpoints:
- addresses: ["fd00::1"]
  nodeName: n1
  targetRef: {kind: Pod, name: web-1, uid: "7"}
  conditions: {ready: false, serving: true, terminating: true}
- addresses: ["fd00::2"]
  hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}
- addresses: ["fd00::3"]
  hints: {forNodes: [{name: n2}]}
)");
  expect_comes_back(decode_endpoint_slice,
                    "{metadata: {name: x}, addressType: FQDN, endpoints: [{addresses: [a.test]}]}");
}

TEST(Encode, APodComesBack) {
  expect_comes_back(decode_pod, R"(
metadata: {name: web-1, labels: {app: web}, deletionTimestamp: "2026-11-23T11:00:00Z"}
spec:
  nodeName: n1
  initContainers: [{name: side, restartPolicy: Always, ports: [{name: m, containerPort: 9}]}]
  containers:
  - {name: a, ports: [{name: http, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]}
  - {name: b, ports: [{name: http, containerPort: 81}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "True"}]
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
)");
  for (const char* phase : {"Pending", "Succeeded", "Failed", "Unknown"}) {
    expect_comes_back(decode_pod, std::string("{metadata: {name: a}, status: {phase: ") + phase +
                                      ", podIP: 10.0.0.1}}");
  }
}

TEST(Encode, ANodeComesBack) {
  expect_comes_back(decode_node, R"(
metadata: {name: n1, labels: {topology.kubernetes.io/zone: z1}}
spec: {podCIDRs: [10.1.0.0/24, "fd00:1::/64"], taints: [{key: a, effect: NoSchedule}, {key: b}]}
status: {addresses: [{type: InternalIP, address: 10.0.0.7}, {type: ExternalIP, address: 203.0.113.7}]}
)");
}

}  // namespace
}  // namespace wherry::model
