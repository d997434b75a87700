#include "watcher/manifest/manifest_reader.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const Faults& faults) {
  std::vector<std::string> lines;
  for (const Fault& fault : faults) lines.push_back(fault.to_string());
  return lines;
}

/// The names of all objects, in the order in which they were read: "Service default/web".
std::vector<std::string> names_in(const ManifestContent& content) {
  std::vector<std::string> names;
  for (const auto& each : content.services) names.push_back("Service " + each.meta.key.to_string());
  for (const auto& each : content.pods) names.push_back("Pod " + each.meta.key.to_string());
  for (const auto& each : content.slices) {
    names.push_back("EndpointSlice " + each.meta.key.to_string());
  }
  for (const auto& each : content.endpoints) {
    names.push_back("Endpoints " + each.meta.key.to_string());
  }
  for (const auto& each : content.service_cidrs) {
    names.push_back("ServiceCIDR " + each.meta.key.name);
  }
  return names;
}

ManifestContent content_of(const std::string& text, const std::string& name = "a.yaml") {
  ManifestText read = read_manifest(text, name);
  EXPECT_THAT(lines_of(read.faults), IsEmpty());
  return std::move(read.content);
}

std::vector<std::string> faults_of(const std::string& text, const std::string& name = "a.yaml") {
  return lines_of(read_manifest(text, name).faults);
}

TEST(ManifestReader, ReadsTheServiceOfTheQuickstart) {
  const ManifestContent content = content_of(R"(kind: Service
apiVersion: v1
metadata:
  name: my-service
spec:
  selector:
    app: myapp
  ports:
  - protocol: TCP
    port: 80
    targetPort: 9376
)");

  ASSERT_EQ(content.services.size(), 1u);
  const model::Service expected =
      test::service("my-service").selector("app", "myapp").port("", 80, std::uint16_t{9376});
  EXPECT_EQ(content.services[0], expected);
}

struct ContentCase {
  std::string name;
  std::string text;
  std::vector<std::string> objects;
  std::string file = "a.yaml";
};

class ManifestTexts : public ::testing::TestWithParam<ContentCase> {};

TEST_P(ManifestTexts, HoldTheseObjects) {
  EXPECT_EQ(names_in(content_of(GetParam().text, GetParam().file)), GetParam().objects);
}

const std::string kService =
    "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: "
    "{ports: [{port: 80}]}}\n";
const std::string kPod = "{apiVersion: v1, kind: Pod, metadata: {name: web-1}}\n";
const std::string kSlice =
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: "
    "{name: web-x}, addressType: IPv4}\n";
const std::string kEndpoints = "{apiVersion: v1, kind: Endpoints, metadata: {name: web}}\n";
const std::string kServiceCidr =
    "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: more}, spec: "
    "{cidrs: [10.96.0.0/12]}}\n";
const std::string kJsonPod = R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"}})"
                             "\n";
const std::string kJsonPod2 =
    R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-2"}})"
    "\n";

INSTANTIATE_TEST_SUITE_P(
    Documents, ManifestTexts,
    ::testing::Values(
        ContentCase{"EmptyFile", "", {}}, ContentCase{"CommentsOnly", "# nothing\n  # here\n", {}},
        ContentCase{"EmptyDocuments", "---\n---\n# none\n---\nnull\n---\n~\n...\n", {}},
        ContentCase{"EveryKind",
                    kService + "---\n" + kPod + "---\n" + kSlice + "---\n" + kEndpoints + "---\n" +
                        kServiceCidr,
                    {"Service default/web", "Pod default/web-1", "EndpointSlice default/web-x",
                     "Endpoints default/web", "ServiceCIDR more"}},
        ContentCase{"EmptyDocumentsBetween",
                    "---\n---\n" + kService + "---\n# note\n---\n" + kPod + "---\n",
                    {"Service default/web", "Pod default/web-1"}},
        ContentCase{"WindowsLineEndings",
                    "apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: web-1\r\n---\r\n",
                    {"Pod default/web-1"}},
        ContentCase{"ByteOrderMark", "\xef\xbb\xbf" + kPod, {"Pod default/web-1"}},
        ContentCase{"JsonFile", kJsonPod, {"Pod default/web-1"}, "a.json"},
        ContentCase{"JsonInAYamlFile", kJsonPod, {"Pod default/web-1"}},
        ContentCase{"YamlInAJsonFile", kPod, {"Pod default/web-1"}, "a.json"},
        ContentCase{"JsonValuesOneAfterAnother",
                    kJsonPod + kJsonPod2,
                    {"Pod default/web-1", "Pod default/web-2"},
                    "a.json"},
        ContentCase{"JsonDocumentsInYaml",
                    kJsonPod + "---\n" + kJsonPod2,
                    {"Pod default/web-1", "Pod default/web-2"}},
        ContentCase{"EmptyJsonFile", "", {}, "a.json"},
        ContentCase{"JsonNull", "null", {}, "a.json"}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Lists, ManifestTexts,
    ::testing::Values(
        ContentCase{"ItemsAfterKind",
                    "apiVersion: v1\nkind: List\nitems:\n- " + kService + "- " + kPod,
                    {"Service default/web", "Pod default/web-1"}},
        ContentCase{"ItemsBeforeKindAsKubectlPrintsThem",
                    "apiVersion: v1\nitems:\n- " + kService + "- " + kPod +
                        "kind: List\nmetadata:\n  resourceVersion: \"\"\n",
                    {"Service default/web", "Pod default/web-1"}},
        ContentCase{"JsonItemsBeforeKind",
                    R"({"items": [)" + kJsonPod + R"(], "kind": "List", "apiVersion": "v1"})",
                    {"Pod default/web-1"},
                    "a.json"},
        ContentCase{
            "ListAmongDocuments",
            kService + "---\napiVersion: v1\nkind: List\nitems:\n- " + kPod + "---\n" + kSlice,
            {"Service default/web", "Pod default/web-1", "EndpointSlice default/web-x"}},
        ContentCase{"ItemsByAlias",
                    "x: &x\n- " + kPod + "apiVersion: v1\nkind: List\nitems: *x\n",
                    {"Pod default/web-1"}},
        ContentCase{"NoItems", "{apiVersion: v1, kind: List}", {}},
        ContentCase{"NullItems", "{apiVersion: v1, kind: List, items: null}", {}},
        ContentCase{"EmptyItems", "{apiVersion: v1, kind: List, items: []}", {}},
        ContentCase{"NullAmongItems",
                    "{apiVersion: v1, kind: List, items: [null, " + kPod + "]}",
                    {"Pod default/web-1"}},
        ContentCase{"PodList",
                    "{apiVersion: v1, kind: PodList, items: [" + kPod + "]}",
                    {"Pod default/web-1"}},
        ContentCase{"ServiceListAsAnApiServerWritesIt",
                    R"({"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"7"},)"
                    R"("items":[{"metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}]})",
                    {"Service default/web"},
                    "a.json"},
        ContentCase{"ServiceList",
                    "{apiVersion: v1, kind: ServiceList, items: [" + kService + "]}",
                    {"Service default/web"}},
        ContentCase{"EndpointsList",
                    "{apiVersion: v1, kind: EndpointsList, items: [" + kEndpoints + "]}",
                    {"Endpoints default/web"}},
        ContentCase{
            "EndpointSliceList",
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSliceList, items: [" + kSlice + "]}",
            {"EndpointSlice default/web-x"}},
        ContentCase{"ServiceCIDRList",
                    "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDRList, items: [" +
                        kServiceCidr + "]}",
                    {"ServiceCIDR more"}},
        ContentCase{
            "ItemsOfAnObjectThatIsNoList",
            "{apiVersion: example.com/v1, kind: Basket, items: [" + kPod + ", {colour: red}]}",
            {}},
        ContentCase{"ListOfAnotherKind",
                    "{apiVersion: v1, kind: ConfigMapList, items: [{metadata: {name: a}}]}",
                    {}}),
    [](const auto& each) { return each.param.name; });

TEST(ManifestReader, CountsOtherKindsAndIgnoresThem) {
  const ManifestContent content = content_of(R"(
{apiVersion: apps/v1, kind: Deployment, metadata: {name: 1}, spec: {replicas: many}}
---
{apiVersion: apps/v1, kind: Deployment}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: My_Map}}
---
{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret}, {apiVersion: v1, kind: Pod, metadata: {name: p}}]}
---
{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: web}}
)");

  EXPECT_THAT(content.ignored,
              ElementsAre(Pair("apps/v1 Deployment", 2), Pair("serving.knative.dev/v1 Service", 1),
                          Pair("v1 ConfigMap", 1), Pair("v1 Secret", 1)));
  EXPECT_THAT(names_in(content), ElementsAre("Pod default/p"));
}

TEST(ManifestReader, AcceptsTheSettingsOfAnyCluster) {
  const ManifestContent content = content_of(R"(
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  clusterIP: 203.0.113.7
  ipFamilyPolicy: SingleStack
  ipFamilies: [IPv4, IPv6]
  ports: [{port: 80, nodePort: 80}]
)");

  ASSERT_EQ(content.services.size(), 1u);
  EXPECT_EQ(content.services[0].ports[0].node_port, 80);
}

TEST(ManifestReader, ReadsYamlAsKubectlDoes) {
  const ManifestContent content = content_of(R"(
base: &labels {app: web}
apiVersion: v1
kind: Pod
metadata:
  name: "1e3"
  labels:
    <<: *labels
    version: "2"
)");

  ASSERT_EQ(content.pods.size(), 1u);
  EXPECT_EQ(content.pods[0].meta.key.name, "1e3");
  EXPECT_THAT(content.pods[0].meta.labels, ElementsAre(Pair("app", "web"), Pair("version", "2")));
}

struct FaultCase {
  std::string name;
  std::string text;
  std::vector<std::string> faults;
  std::string file = "a.yaml";
};

class ManifestFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(ManifestFaults, NameThePlaceTheObjectTheFieldAndTheRemedy) {
  EXPECT_EQ(faults_of(GetParam().text, GetParam().file), GetParam().faults);
}

std::string service_of(const std::string& spec) {
  return "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n" + spec;
}

INSTANTIATE_TEST_SUITE_P(
    NoObjects, ManifestFaults,
    ::testing::Values(
        FaultCase{"List",
                  "- a\n- b\n",
                  {"a.yaml:1:1: expected a mapping with apiVersion and kind, found a list"}},
        FaultCase{"Text",
                  "hello\n",
                  {"a.yaml:1:1: expected a mapping with apiVersion and kind, found the string "
                   "\"hello\""}},
        FaultCase{"Number",
                  "---\n42\n",
                  {"a.yaml:2:1: expected a mapping with apiVersion and kind, found the number 42"}},
        FaultCase{
            "JsonText",
            "\"hello\"",
            {"a.json:1:1: expected a mapping with apiVersion and kind, found the string \"hello\""},
            "a.json"},
        FaultCase{"EmptyMapping",
                  "{}",
                  {"a.yaml:1:1: is no Kubernetes object: it has no apiVersion",
                   "a.yaml:1:1: is no Kubernetes object: it has no kind"}},
        FaultCase{"NoApiVersion",
                  "# a Service\nkind: Service\n",
                  {"a.yaml:2:1: is no Kubernetes object: it has no apiVersion"}},
        FaultCase{
            "NoKind", "apiVersion: v1\n", {"a.yaml:1:1: is no Kubernetes object: it has no kind"}},
        FaultCase{"KindIsANumber",
                  "apiVersion: v1\nkind: 5\n",
                  {"a.yaml:2:7: kind: expected a string, found the number 5; put it in quotes"}},
        FaultCase{"ElementOfAList",
                  "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n",
                  {"a.yaml:4:3: is no Kubernetes object: it has no kind"}},
        FaultCase{
            "TextAsElement",
            "apiVersion: v1\nkind: List\nitems:\n- web\n",
            {"a.yaml:4:3: expected a mapping with apiVersion and kind, found the string \"web\""}},
        FaultCase{"ItemsAreAMapping",
                  "apiVersion: v1\nkind: List\nitems: {a: b}\n",
                  {"a.yaml:3:8: items: expected a list, found a mapping"}},
        FaultCase{"ListInAList",
                  "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: [" +
                      kPod + "  ]}\n",
                  {"a.yaml:4:3: is a List in a list; write its objects out one by one"}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Objects, ManifestFaults,
    ::testing::Values(
        FaultCase{"NoName",
                  "apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n",
                  {"a.yaml:4:3: Pod default/: metadata.name: missing; give the object a name"}},
        FaultCase{"NoMetadata",
                  "apiVersion: v1\nkind: Pod\n",
                  {"a.yaml:1:1: Pod default/: metadata.name: missing; give the object a name"}},
        FaultCase{"NameOfAWrongTypeIsNotMissingToo",
                  "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 7\n",
                  {"a.yaml:4:9: Pod default/: metadata.name: expected a string, found the number "
                   "7; put it in quotes"}},
        FaultCase{"MetadataOfAWrongTypeHasNoNameToo",
                  "apiVersion: v1\nkind: Pod\nmetadata: web\n",
                  {"a.yaml:3:11: Pod default/: metadata: expected a mapping, found the string "
                   "\"web\""}},
        FaultCase{"MalformedName",
                  "apiVersion: v1\nkind: Pod\nmetadata:\n  name: My_Pod\n",
                  {"a.yaml:4:9: Pod default/My_Pod: metadata.name: \"My_Pod\" is no name for this "
                   "kind; write at most 253 lower-case letters, digits, '-' and '.', beginning and "
                   "ending with a letter or digit"}},
        FaultCase{"W4_ServiceCidrWithAnAddress",
                  "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata:\n  name: more\n"
                  "spec:\n  cidrs:\n  - 10.96.0.7/12\n  - here\n",
                  {"a.yaml:7:5: ServiceCIDR more: spec.cidrs[0]: is an address inside a block; the "
                   "block is 10.96.0.0/12",
                   "a.yaml:8:5: ServiceCIDR more: spec.cidrs[1]: \"here\" is no CIDR; write "
                   "address/length, for example 10.96.0.0/12"}},
        FaultCase{"PortOutOfRange",
                  service_of("  ports:\n  - port: 65536\n"),
                  {"a.yaml:7:11: Service default/web: spec.ports[0].port: 65536 is no port; a port "
                   "is 1 to 65535"}},
        FaultCase{"MissingPort",
                  service_of("  ports:\n  - name: http\n"),
                  {"a.yaml:7:5: Service default/web: spec.ports[0].port: missing; write a port "
                   "from 1 to 65535"}},
        FaultCase{"PortsOfAWrongTypeAreNotMissingToo",
                  service_of("  ports: 80\n"),
                  {"a.yaml:6:10: Service default/web: spec.ports: expected a list, found the "
                   "number 80"}},
        FaultCase{"NoPorts",
                  service_of("  selector: {app: web}\n"),
                  {"a.yaml:6:3: Service default/web: spec.ports: missing; a Service needs a "
                   "port"}},
        FaultCase{"LowerCaseProtocol",
                  service_of("  ports:\n  - port: 80\n    protocol: tcp\n"),
                  {"a.yaml:8:15: Service default/web: spec.ports[0].protocol: \"tcp\" is not one "
                   "of TCP, UDP, SCTP"}},
        FaultCase{"MalformedTargetPort",
                  service_of("  ports:\n  - port: 80\n    targetPort: HTTP\n"),
                  {"a.yaml:8:17: Service default/web: spec.ports[0].targetPort: \"HTTP\" is no "
                   "port name; write a number from 1 to 65535, or a name of at most 15 lower-case "
                   "letters, digits and '-' with a letter in it"}},
        FaultCase{"DuplicatePort",
                  service_of("  ports:\n  - {name: a, port: 80}\n  - {name: b, port: 80}\n"),
                  {"a.yaml:8:21: Service default/web: spec.ports[1].port: 80/TCP stands twice in "
                   "this Service; leave one out"}},
        FaultCase{"UnnamedAmongSeveral",
                  service_of("  ports:\n  - {name: a, port: 80}\n  - {port: 81}\n"),
                  {"a.yaml:8:5: Service default/web: spec.ports[1].name: missing; each of several "
                   "ports needs a name"}},
        FaultCase{"MalformedClusterIp",
                  service_of("  clusterIP: 10.96.0.300\n  ports: [{port: 80}]\n"),
                  {"a.yaml:6:14: Service default/web: spec.clusterIP: \"10.96.0.300\" is no IP "
                   "address; write one, None, or leave it out"}},
        FaultCase{"MalformedPodIp",
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: 10.0.0}\n",
                  {"a.yaml:4:17: Pod default/p: status.podIP: \"10.0.0\" is no IP address; write "
                   "one such as 10.0.0.1 or fd00::1"}},
        FaultCase{"AddressOfTheOtherFamily",
                  "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s}\n"
                  "addressType: IPv4\nendpoints:\n- addresses: ['fd00::1']\n",
                  {"a.yaml:6:15: EndpointSlice default/s: endpoints[0].addresses[0]: fd00::1 is no "
                   "IPv4 address, which is what this slice's addressType says"}},
        FaultCase{"EndpointsAddress",
                  "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: shop}\n"
                  "subsets:\n- addresses:\n  - ip: web\n",
                  {"a.yaml:6:9: Endpoints shop/web: subsets[0].addresses[0].ip: \"web\" is no IP "
                   "address; write one such as 10.0.0.1 or fd00::1"}}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Places, ManifestFaults,
    ::testing::Values(
        FaultCase{"LaterDocument",
                  kPod + "---\n" + service_of("  ports: [{port: 0}]\n"),
                  {"a.yaml:8:18: Service default/web: spec.ports[0].port: 0 is no port; a port is "
                   "1 to 65535"}},
        FaultCase{"ElementOfAList",
                  "apiVersion: v1\nitems:\n- " + kPod +
                      "- apiVersion: v1\n  kind: Service\n  metadata: {name: web}\n"
                      "  spec: {ports: [{port: 0}]}\nkind: List\n",
                  {"a.yaml:7:25: Service default/web: spec.ports[0].port: 0 is no port; a port is "
                   "1 to 65535"}},
        FaultCase{"JsonOnOneLine",
                  R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},)"
                  R"( "spec": {"ports": [{"port": 0}]}})",
                  {"a.json:1:98: Service default/web: spec.ports[0].port: 0 is no port; a port is "
                   "1 to 65535"},
                  "a.json"},
        FaultCase{"SecondJsonValue",
                  kJsonPod + R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 5}})",
                  {"a.json:2:58: Pod default/: metadata.name: expected a string, found the number "
                   "5; put it in quotes"},
                  "a.json"},
        FaultCase{"InTheOrderOfTheText",
                  "apiVersion: v1\nkind: Service\nspec:\n  ports: [{port: 0, protocol: x}]\n"
                  "  clusterIP: x\nmetadata: {name: W}\n",
                  {"a.yaml:4:18: Service default/W: spec.ports[0].port: 0 is no port; a port is 1 "
                   "to 65535",
                   "a.yaml:4:31: Service default/W: spec.ports[0].protocol: \"x\" is not one of "
                   "TCP, UDP, SCTP",
                   "a.yaml:5:14: Service default/W: spec.clusterIP: \"x\" is no IP address; write "
                   "one, None, or leave it out",
                   "a.yaml:6:18: Service default/W: metadata.name: \"W\" is no name for this kind; "
                   "write at most 63 lower-case letters, digits and '-', beginning and ending with "
                   "a letter or digit"}},
        FaultCase{"FaultsOfEveryDocument",
                  "a: 1\n---\nb: 2\n",
                  {"a.yaml:1:1: is no Kubernetes object: it has no apiVersion",
                   "a.yaml:1:1: is no Kubernetes object: it has no kind",
                   "a.yaml:3:1: is no Kubernetes object: it has no apiVersion",
                   "a.yaml:3:1: is no Kubernetes object: it has no kind"}},
        FaultCase{"FaultsBeforeABrokenDocument",
                  "kind: Pod\n---\n\"\n",
                  {"a.yaml:1:1: is no Kubernetes object: it has no apiVersion",
                   "a.yaml:3:1: is no YAML: while scanning a quoted scalar, found unexpected end "
                   "of stream"}},
        FaultCase{"ControlCharactersDoNotReachTheTerminal",
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\e[31m\\nb\\x9bc\\u00e9\"}\n",
                  {"a.yaml:3:18: Pod default/a?[31m?b?c\xc3\xa9: metadata.name: "
                   "\"a?[31m?b?c\xc3\xa9\" is no name for "
                   "this kind; write at most 253 lower-case letters, digits, '-' and '.', "
                   "beginning and ending with a letter or digit"}}),
    [](const auto& each) { return each.param.name; });

struct SyntaxCase {
  std::string name;
  std::string text;
  std::string place;
  std::string problem;
  std::string file = "a.yaml";
};

class ManifestSyntax : public ::testing::TestWithParam<SyntaxCase> {};

TEST_P(ManifestSyntax, SaysWhereTheTextBreaks) {
  EXPECT_THAT(faults_of(GetParam().text, GetParam().file),
              ElementsAre(AllOf(StartsWith(GetParam().place), HasSubstr(GetParam().problem))));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ManifestSyntax,
    ::testing::Values(
        SyntaxCase{"UnfinishedQuotes", "kind: \"Service\napiVersion: v1\n", "a.yaml:1:7",
                   "quoted scalar"},
        SyntaxCase{"UnfinishedFlowMapping", "{kind: Service", "a.yaml:", "flow mapping"},
        SyntaxCase{"Tab", "kind: Service\nmetadata:\n\tname: web\n", "a.yaml:3:1", "is no YAML"},
        SyntaxCase{"BadIndentation", "a:\n  b: 1\n c: 2\n", "a.yaml:3:2", "is no YAML"},
        SyntaxCase{"KeyTwice", "kind: Service\nkind: Pod\n", "a.yaml:2:1",
                   "the key \"kind\" stands twice in one mapping"},
        SyntaxCase{"AliasToNothing", "kind: *x\n", "a.yaml:1:7",
                   "the alias *x refers to no anchor before it"},
        SyntaxCase{"NoUtf8", "kind: \xff\xfe\n", "a.yaml:1:7", "is no YAML"},
        SyntaxCase{"NulByte", std::string("kind: \0\n", 8), "a.yaml:1:7", "is no YAML"},
        SyntaxCase{"BrokenJson", "{\"kind\": \"Pod\", ]}", "a.json:1:17", "is no JSON", "a.json"},
        SyntaxCase{"CutOffJson", "{\"kind\": \"Pod\"", "a.json:1:15", "is no JSON", "a.json"},
        SyntaxCase{"KeyTwiceInJson", "{\"kind\": \"Pod\",\n\"kind\": \"Pod\"}",
                   "a.json:2:", "the key \"kind\" stands twice in one mapping", "a.json"}),
    [](const auto& each) { return each.param.name; });

TEST(ManifestReader, OneFaultDiscardsTheWholeFile) {
  // What came with faults is not to be used, so the faults alone decide.
  EXPECT_THAT(faults_of(kService + "---\n" + kPod + "---\nkind: Pod\n"), ::testing::SizeIs(1));
}

TEST(ManifestReader, ListsAtMostAThousandFaultsAndCountsTheRest) {
  std::string text;
  for (int i = 0; i < 1020; ++i) text += "---\n{apiVersion: v1, kind: Pod}\n";

  const auto faults = faults_of(text);

  ASSERT_EQ(faults.size(), 1001u);
  EXPECT_THAT(faults.front(), StartsWith("a.yaml:2:1: Pod default/: metadata.name: missing"));
  EXPECT_THAT(faults[999], StartsWith("a.yaml:2000:1: "));
  EXPECT_EQ(faults.back(), "a.yaml: and 20 more faults");
}

TEST(ManifestReader, ListsAThousandFaultsOfOneObjectAndCountsTheRest) {
  std::string text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus:\n  podIPs:\n";
  for (int i = 0; i < 1005; ++i) text += "  - ip: x\n";

  const auto faults = faults_of(text);

  ASSERT_EQ(faults.size(), 1001u);
  EXPECT_THAT(faults.front(), StartsWith("a.yaml:6:9: Pod default/p: status.podIPs[0].ip: "));
  EXPECT_EQ(faults.back(), "a.yaml: and 5 more faults");
}

TEST(ManifestReader, SaysNothingOfMoreFaultsWhereThereAreAThousand) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "---\n{apiVersion: v1, kind: Pod}\n";

  EXPECT_THAT(faults_of(text), ::testing::SizeIs(1000));
}

TEST(ManifestReader, QuotesLongTextsInPart) {
  const std::string name = "x" + std::string(5000, '_') + "y";

  const auto faults = faults_of("apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\n");

  ASSERT_EQ(faults.size(), 1u);
  EXPECT_LT(faults[0].size(), 1000u);
  EXPECT_THAT(faults[0], StartsWith("a.yaml:3:18: Pod default/x___"));
  EXPECT_THAT(faults[0], ::testing::EndsWith("beginning and ending with a letter or digit"));
}

TEST(ManifestReader, CutsLongTextsBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 1000; ++i) name += "\xc3\xa9";

  for (const char* before : {"", "x"}) {
    const auto faults =
        faults_of("apiVersion: v1\nkind: Pod\nmetadata: {name: " + (before + name) + "}\n");

    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].find("\xc3..."), std::string::npos);
    EXPECT_EQ(faults[0].find("...\xa9"), std::string::npos);
  }
}

}  // namespace
}  // namespace wherry::manifest
