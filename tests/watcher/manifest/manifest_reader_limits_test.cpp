#include "watcher/manifest/manifest_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> faults_of(const std::string& text, const std::string& name = "a.yaml",
                                   const ManifestLimits& limits = {}) {
  std::vector<std::string> lines;
  for (const Fault& fault : read_manifest(text, name, limits).faults) {
    lines.push_back(fault.to_string());
  }
  return lines;
}

std::string repeated(std::size_t count, const std::string& text) {
  std::string all;
  all.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(ManifestLimits, AreWideEnoughForAnyRealFile) {
  const ManifestLimits limits;

  EXPECT_EQ(limits.parts, 100'000u);
  EXPECT_EQ(limits.details, 500'000u);
  EXPECT_EQ(limits.bytes, 32u << 20);
  EXPECT_EQ(limits.faults, 1'000u);
}

TEST(ManifestLimits, RefuseMoreThanAHundredThousandObjects) {
  const std::string endpoints =
      R"({"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"e"},"subsets":[)" +
      repeated(26'000, "{},") + "null]}";

  EXPECT_THAT(faults_of(repeated(2, endpoints), "a.json"),
              ElementsAre("a.json: holds more than 100000 objects, ports and endpoints; split it "
                          "into several files"));
}

struct CostCase {
  std::string name;
  std::string text;
  std::size_t cost;
};

const std::string kPodBegin = "{apiVersion: v1, kind: Pod, metadata: {name: p, ";
const std::string kServiceBegin = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {";
const std::string kSliceBegin =
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s}, addressType: "
    "IPv4, ";
const std::string kEndpointsBegin = "{apiVersion: v1, kind: Endpoints, metadata: {name: e}, ";

class CountParts : public ::testing::TestWithParam<CostCase> {};

TEST_P(CountParts, AgainstTheLimit) {
  const CostCase& test = GetParam();
  const std::string limit = std::to_string(test.cost - 1);

  EXPECT_THAT(faults_of(test.text, "a.yaml", {.parts = test.cost}), IsEmpty());
  EXPECT_THAT(faults_of(test.text, "a.yaml", {.parts = test.cost - 1}),
              ElementsAre("a.yaml: holds more than " + limit +
                          " objects, ports and endpoints; split it into several files"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, CountParts,
    ::testing::Values(
        CostCase{"Documents", repeated(5, "{apiVersion: v1, kind: X}\n---\n"), 5},
        CostCase{"ElementsOfAList",
                 "{apiVersion: v1, kind: List, items: [" +
                     repeated(5, "{apiVersion: v1, kind: X}, ") + "]}",
                 5},
        CostCase{"PortsOfServices",
                 kServiceBegin + "ports: [{name: a, port: 1}, {name: b, port: 2}]}}", 3},
        CostCase{"NamedPortsOfPods",
                 kPodBegin + "}, spec: {containers: [{ports: [{name: a, containerPort: 1}, {name: "
                             "b, containerPort: 2}]}]}}",
                 3},
        CostCase{"EndpointsAndPortsOfSlices",
                 kSliceBegin + "ports: [{port: 1}], endpoints: [{addresses: [10.0.0.1]}, "
                               "{addresses: [10.0.0.2]}]}",
                 4},
        CostCase{"TwoSlicesForASubset",
                 kEndpointsBegin + "subsets: [{addresses: [{ip: 10.0.0.1}], notReadyAddresses: "
                                   "[{ip: 10.0.0.2}], ports: [{port: 1}]}]}",
                 1 + 2 + 2 + 2}),
    [](const auto& each) { return each.param.name; });

class CountDetails : public ::testing::TestWithParam<CostCase> {};

TEST_P(CountDetails, AgainstTheLimit) {
  const CostCase& test = GetParam();
  const std::string limit = std::to_string(test.cost - 1);

  EXPECT_THAT(faults_of(test.text, "a.yaml", {.details = test.cost}), IsEmpty());
  EXPECT_THAT(faults_of(test.text, "a.yaml", {.details = test.cost - 1}),
              ElementsAre("a.yaml: holds more than " + limit +
                          " labels, selectors and addresses; split it into several files"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, CountDetails,
    ::testing::Values(
        CostCase{"Labels", kPodBegin + "labels: {a: b, c: d}}}", 2},
        CostCase{"AnnotationsThatAreKept",
                 kPodBegin + "annotations: {wherry.io/a: b, wherry.io/c: d, other.io/x: z}}}", 2},
        CostCase{"AddressesOfPods",
                 kPodBegin + "}, status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}", 2},
        CostCase{"Selectors", kServiceBegin + "ports: [{port: 1}], selector: {a: b, c: d}}}", 2},
        CostCase{"AddressesOfServices",
                 kServiceBegin + "ports: [{port: 1}], clusterIP: 10.0.0.1, ipFamilies: [IPv4], "
                                 "externalIPs: [10.0.0.2], loadBalancerSourceRanges: "
                                 "[10.0.0.0/8]}, status: {loadBalancer: {ingress: [{ip: "
                                 "10.0.0.3}]}}}",
                 5},
        CostCase{"AddressesOfServicesForEachPort",
                 kServiceBegin + "ports: [{name: a, port: 1}, {name: b, port: 2}], externalIPs: "
                                 "[10.0.0.2, 10.0.0.4]}, status: {loadBalancer: {ingress: [{ip: "
                                 "10.0.0.3}]}}}",
                 6},
        CostCase{"LabelsThatAliasesMultiply",
                 "{apiVersion: v1, kind: List, items: [" + kPodBegin +
                     "labels: &x {a: b, c: d}}}, " + kPodBegin + "labels: *x}}, " + kPodBegin +
                     "labels: *x}}]}",
                 6}),
    [](const auto& each) { return each.param.name; });

class CountBytes : public ::testing::TestWithParam<CostCase> {};

TEST_P(CountBytes, AgainstTheLimit) {
  const CostCase& test = GetParam();
  const std::string limit = std::to_string(test.cost - 1);

  EXPECT_THAT(faults_of(test.text, "a.yaml", {.bytes = test.cost}), IsEmpty());
  EXPECT_THAT(faults_of(test.text, "a.yaml", {.bytes = test.cost - 1}),
              ElementsAre("a.yaml: holds more than " + limit +
                          " bytes of names, labels and selectors; split it into several files"));
}

// "default" and the object's name are 8 bytes in each of these.
INSTANTIATE_TEST_SUITE_P(
    Table, CountBytes,
    ::testing::Values(
        CostCase{"Metadata", kPodBegin + "uid: uuu, labels: {aa: bbb}}}", 8 + 3 + 5},
        CostCase{"Pod",
                 kPodBegin + "}, spec: {nodeName: nnn, containers: [{ports: [{name: pp, "
                             "containerPort: 1}]}]}}",
                 8 + 3 + 2},
        CostCase{"Service",
                 kServiceBegin + "ports: [{name: aa, port: 1, targetPort: bbb}], selector: {cc: "
                                 "dd}}}",
                 8 + 2 + 3 + 4},
        CostCase{"Slice",
                 kSliceBegin + "ports: [{name: aa}], endpoints: [{addresses: [10.0.0.1], nodeName: "
                               "nnn, targetRef: {kind: Pod, name: ppp, uid: uu}}]}",
                 8 + 2 + 8},
        CostCase{"EndpointsTwiceForEachSubset",
                 kEndpointsBegin + "subsets: [{ports: [{name: aa, port: 1}]}, {}]}",
                 8 + 2 * 2 * 8 + 2 * 2},
        CostCase{"IgnoredKinds", "{apiVersion: v1, kind: Xxx}\n---\n{apiVersion: v1, kind: Xxx}",
                 2 * 5}),
    [](const auto& each) { return each.param.name; });

TEST(ManifestLimits, ListNoMoreFaultsThanAsked) {
  const std::string text = repeated(5, "{apiVersion: v1, kind: Pod}\n---\n");

  EXPECT_THAT(faults_of(text, "a.yaml", {.faults = 3}),
              ElementsAre(HasSubstr("a.yaml:1:1: "), HasSubstr("a.yaml:3:1: "),
                          HasSubstr("a.yaml:5:1: "), "a.yaml: and 2 more faults"));
}

TEST(ManifestLimits, AreReportedAfterTheFaultsFoundBefore) {
  const std::string text = "{apiVersion: v1, kind: Pod}\n---\n{apiVersion: v1, kind: X}\n";

  EXPECT_THAT(faults_of(text, "a.yaml", {.parts = 1}),
              ElementsAre(HasSubstr("a.yaml:1:1: Pod default/"), HasSubstr("holds more than 1 ")));
}

TEST(ManifestLimits, RefuseABillionLaughs) {
  std::string text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1) + ", ";
    text +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(10, before) + "]\n";
  }

  EXPECT_THAT(faults_of(text), ElementsAre(HasSubstr("more than 250000 values; split it")));
}

TEST(ManifestLimits, RefuseDeepNesting) {
  EXPECT_THAT(faults_of("a: " + std::string(100'000, '[')),
              ElementsAre(HasSubstr("nested more than 64 levels deep")));
  EXPECT_THAT(faults_of(std::string(100'000, '['), "a.json"), SizeIs(1));
  EXPECT_THAT(faults_of(repeated(100'000, "- ")), SizeIs(1));
}

TEST(ManifestLimits, RefuseTooManyValuesInOneObject) {
  EXPECT_THAT(faults_of("[" + repeated(250'000, "1,") + "1]", "a.json"),
              ElementsAre(HasSubstr("more than 250000 values; split it")));
}

TEST(ManifestLimits, HoldForEachElementOfAListByItself) {
  const std::string object =
      R"({"apiVersion":"v1","kind":"X","x":[)" + repeated(24'999, "1,") + "1]},";

  EXPECT_THAT(
      faults_of(R"({"apiVersion":"v1","kind":"List","items":[)" + repeated(11, object) + "null]}",
                "a.json"),
      IsEmpty());
}

TEST(ManifestLimits, QuoteGiantTextsOnlyInPartHoweverOftenTheyAreWrong) {
  std::string text =
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: "
      "{name: &x " +
      std::string(1u << 20, '_') + "}}\n";
  for (int i = 0; i < 20; ++i) text += "- {apiVersion: v1, kind: Pod, metadata: {name: *x}}\n";

  std::size_t shown = 0;
  for (const std::string& line : faults_of(text)) shown += line.size();

  EXPECT_LT(shown, 40'000u);
}

TEST(ManifestLimits, QuoteGiantKeysOnlyInPart) {
  const std::string text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {? \"" +
                           std::string(1u << 20, '_') + "\" : 1}}\n";

  const auto faults = faults_of(text);

  ASSERT_EQ(faults.size(), 1u);
  EXPECT_LT(faults[0].size(), 1000u);
}

}  // namespace
}  // namespace wherry::manifest
