#include "tests/support/builders.h"
#include "tests/watcher/decoding.h"
#include "watcher/model/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wherry::model {
namespace {

using test::decode_with;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Cidr cidr(const char* text) { return Cidr::parse(text).value(); }

Node node(const std::string& yaml) {
  const auto decoded = decode_with(decode_node, yaml);
  EXPECT_THAT(decoded.faults, IsEmpty());
  return decoded.object;
}

TEST(DecodeNode, ReadsWhatKubectlPrints) {
  const Node read = node(R"(
apiVersion: v1
kind: Node
metadata:
  name: n1
  uid: 4-2
  creationTimestamp: "2026-11-23T10:00:00Z"
  labels:
    kubernetes.io/hostname: n1
    topology.kubernetes.io/region: r1
    topology.kubernetes.io/zone: z1
  annotations: {node.alpha.kubernetes.io/ttl: "0"}
spec:
  podCIDR: 10.1.0.0/24
  podCIDRs: [10.1.0.0/24, "fd00:1::/64"]
  taints:
  - {effect: NoSchedule, key: node.kubernetes.io/unschedulable}
status:
  addresses:
  - {address: 203.0.113.9, type: ExternalIP}
  - {address: n1, type: Hostname}
  - {address: 192.168.0.7, type: InternalIP}
  - {address: "fd00:2::7", type: InternalIP}
  capacity: {cpu: "2"}
)");

  EXPECT_EQ(read.meta.key, (ObjectKey{"", "n1"}));
  EXPECT_EQ(read.zone(), "z1");
  EXPECT_EQ(read.meta.labels.size(), 1u);
  EXPECT_THAT(read.addresses, ElementsAre(ip("192.168.0.7"), ip("fd00:2::7"), ip("203.0.113.9")));
  EXPECT_THAT(read.pod_cidrs, ElementsAre(cidr("10.1.0.0/24"), cidr("fd00:1::/64")));
  EXPECT_THAT(read.taints, ElementsAre("node.kubernetes.io/unschedulable"));
  EXPECT_FALSE(read.meta.deleting);
}

TEST(DecodeNode, TakesPodCIDRWherePodCIDRsLacks) {
  EXPECT_THAT(node("{metadata: {name: n1}, spec: {podCIDR: 10.1.0.0/24}}").pod_cidrs,
              ElementsAre(cidr("10.1.0.0/24")));
}

TEST(DecodeNode, HasNoZoneWhereItSaysNone) { EXPECT_EQ(node("{metadata: {name: n1}}").zone(), ""); }

TEST(DecodeNode, NamesWhatItCantRead) {
  const auto decoded = decode_with(
      decode_node,
      "{metadata: {name: n1}, spec: {podCIDRs: [10.1.0.0, 10.2.0.0/24], taints: [1, {key: a}]},"
      " status: {addresses: [7, {type: InternalIP, address: here}]}}");

  EXPECT_THAT(decoded.object.pod_cidrs, ElementsAre(cidr("10.2.0.0/24")));
  EXPECT_THAT(decoded.object.taints, ElementsAre("a"));
  EXPECT_EQ(decoded.faults.size(), 5u);  // an address of a wrong type is met for both types
}

}  // namespace
}  // namespace wherry::model
