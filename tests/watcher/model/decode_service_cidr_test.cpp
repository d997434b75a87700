#include "tests/support/builders.h"
#include "tests/watcher/decoding.h"
#include "watcher/model/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::model {
namespace {

using test::cidr;
using test::decode_with;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DecodeServiceCidr, W4_ReadsWhatKubectlPrints) {
  const auto decoded = decode_with(decode_service_cidr, R"(
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata:
  creationTimestamp: "2026-11-23T10:00:00Z"
  finalizers: [networking.k8s.io/service-cidr-finalizer]
  name: kubernetes
  uid: 4-2
spec:
  cidrs: [10.96.0.0/12, "fd00:96::/112"]
status:
  conditions: [{type: Ready, status: "True"}]
)");

  EXPECT_THAT(decoded.faults, IsEmpty());
  EXPECT_EQ(decoded.object.meta.key, (ObjectKey{"", "kubernetes"}));
  EXPECT_THAT(decoded.object.cidrs, ElementsAre(cidr("10.96.0.0/12"), cidr("fd00:96::/112")));
}

TEST(DecodeServiceCidr, NamesWhatIsNoBlockAndKeepsTheRest) {
  const auto decoded = decode_with(decode_service_cidr,
                                   "{metadata: {name: a}, spec: {cidrs: [10.96.0.0, 7, "
                                   "10.32.0.0/16]}}");

  EXPECT_THAT(
      decoded.faults,
      ElementsAre("spec.cidrs[0]: \"10.96.0.0\" is no CIDR; write address/length, for "
                  "example 10.96.0.0/12",
                  "spec.cidrs[1]: expected a string, found the number 7; put it in quotes"));
  EXPECT_THAT(decoded.object.cidrs, ElementsAre(cidr("10.32.0.0/16")));
}

TEST(DecodeServiceCidr, SaysOnceThatItHasNoBlocks) {
  const std::string missing = "spec.cidrs: missing; write one block, or one of each family";
  for (const char* text : {"{metadata: {name: a}}", "{metadata: {name: a}, spec: {}}",
                           "{metadata: {name: a}, spec: {cidrs: []}}",
                           "{metadata: {name: a}, spec: {cidrs: [null]}}"}) {
    EXPECT_THAT(decode_with(decode_service_cidr, text).faults, ElementsAre(missing)) << text;
  }
  for (const char* text :
       {"{metadata: {name: a}, spec: 7}", "{metadata: {name: a}, spec: {cidrs: 7}}",
        "{metadata: {name: a}, spec: {cidrs: [x]}}"}) {
    EXPECT_EQ(decode_with(decode_service_cidr, text).faults.size(), 1u) << text;
  }
}

}  // namespace
}  // namespace wherry::model
