// What comes from people's files and command lines, and must neither stop the rest nor be taken in
// silence: 45 inputs, each with the words that the person needs.

#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace wherry::test {
namespace {

using testing::HasSubstr;

struct Hostile {
  const char* name;
  std::string text;
  std::string says;
};
void PrintTo(const Hostile& each, std::ostream* out) { *out << each.name; }
std::string name_of(const testing::TestParamInfo<Hostile>& each) { return each.param.name; }

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

/// "Billion laughs": each level names the one below ten times.
std::string laughs() {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below +
            repeat(", " + below, 9) + "]\n";
  }
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n" + text;
}

const std::string kPod = "apiVersion: v1\nkind: Pod\nmetadata: {name: evil}\n";
const std::string kService = "apiVersion: v1\nkind: Service\nmetadata: {name: evil}\n";
const std::string kSlice =
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: evil, labels: "
    "{kubernetes.io/service-name: evil}}\n";

class HostileManifest : public testing::TestWithParam<Hostile> {};

TEST_P(HostileManifest, IsNamedWhileTheRestServes) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  WherryProcess& wherry = rig.run();
  rig.folder.replace("hostile.yaml", GetParam().text);
  ASSERT_TRUE(eventually([&] { return wherry.metric("wherry_manifest_errors") == 1; }))
      << wherry.log();
  EXPECT_THAT(wherry.get("/readyz"), HasSubstr("hostile.yaml"));
  EXPECT_THAT(wherry.get("/readyz"), HasSubstr(GetParam().says));
  EXPECT_THAT(wherry.log(), HasSubstr(GetParam().says));
  EXPECT_LT(wherry.log().size(), 20'000u) << "a hostile file must not flood the log";
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
  EXPECT_EQ(ask(rig.service), "pod-1");
}

INSTANTIATE_TEST_SUITE_P(
    Manifests, HostileManifest,
    testing::Values(
        Hostile{"Binary",
                std::string("\x7f"
                            "ELF\x02\x01\x00\xff\xfe",
                            9),
                "hostile.yaml:"},
        Hostile{"NotUtf8", kPod + "status: {podIP: \"\xc3\x28\"}\n", "UTF-8"},
        Hostile{"DeepNesting", repeat("[", 200'000), "deep"},
        Hostile{"DeepNestingInAMap", kPod + "x: " + repeat("{a: ", 50'000), "deep"},
        Hostile{"BillionLaughs", laughs(), "values"},
        Hostile{"AliasOfItself", "apiVersion: v1\nkind: Pod\nmetadata: &m {name: x, a: *m}\n", "m"},
        Hostile{"UnknownAlias", "apiVersion: v1\nkind: *what\n", "what"},
        Hostile{"DuplicateKey", kPod + "metadata: {name: other}\n", "metadata"},
        Hostile{"UnfinishedQuote", kPod + "status: {podIP: \"10.0.0.1}\n", "quot"},
        Hostile{"UnfinishedFlow", kPod + "status: {podIP: 10.0.0.1\n", "hostile.yaml:"},
        Hostile{"Tabs", kPod + "status:\n\tpodIP: 10.0.0.1\n", "hostile.yaml:5"},
        Hostile{"AScalar", "hello\n", "apiVersion"}, Hostile{"AList", "- 1\n- 2\n", "apiVersion"},
        Hostile{"NameIsANumber", "apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n",
                "metadata.name"},
        Hostile{"NameTooLong",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: " + std::string(300, 'a') + "}\n",
                "metadata.name"},
        Hostile{"NameWithControlCharacters",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\e[31mb\\n\"}\n", "metadata.name"},
        Hostile{"PathAsNamespace",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: ../../etc}\n",
                "metadata.namespace"},
        Hostile{"HugeNumber", kService + "spec: {ports: [{port: 99999999999999999999}]}\n",
                "spec.ports[0].port"},
        Hostile{"NegativePort", kService + "spec: {ports: [{port: -1}]}\n", "spec.ports[0].port"},
        Hostile{"PortIsAFraction", kService + "spec: {ports: [{port: 80.5}]}\n",
                "spec.ports[0].port"},
        Hostile{"DuplicatePorts",
                kService + "spec: {ports: [{name: a, port: 80}, {name: b, port: 80}]}\n",
                "spec.ports[1]"},
        Hostile{"DuplicatePortNames",
                kService + "spec: {ports: [{name: a, port: 80}, {name: a, port: 81}]}\n",
                "spec.ports[1].name"},
        Hostile{"PodAddressIsNone", kPod + "status: {podIP: localhost}\n", "status.podIP"},
        Hostile{"PodAddressOutOfRange", kPod + "status: {podIP: 10.0.0.256}\n", "status.podIP"},
        Hostile{"SliceOfTheOtherFamily",
                kSlice + "addressType: IPv6\nports: [{port: 80}]\nendpoints: [{addresses: "
                         "[10.0.0.1]}]\n",
                "endpoints[0].addresses[0]"},
        Hostile{"SliceOfAnUnknownFamily", kSlice + "addressType: IPX\nendpoints: []\n",
                "addressType"},
        Hostile{"ConditionsAreAMap", kPod + "status: {conditions: {Ready: true}}\n",
                "status.conditions"},
        Hostile{"LabelsAreNumbers",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {a: 1}}\n",
                "metadata.labels"}),
    name_of);

class HostileConfiguration : public testing::TestWithParam<Hostile> {};

TEST_P(HostileConfiguration, IsRefusedWithWhatWouldBeRight) {
  const TempFolder folder;
  folder.write("wherry.yaml", GetParam().text);
  const auto result = wherry({"run", "--config", folder / "wherry.yaml"});
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr("wherry.yaml"));
  EXPECT_THAT(result.err, HasSubstr(GetParam().says));
}

const std::string kConfiguration = "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n";

INSTANTIATE_TEST_SUITE_P(
    Configurations, HostileConfiguration,
    testing::Values(
        Hostile{"Empty", "", "apiVersion: wherry.io/v1alpha1"},
        Hostile{"OtherKind", "apiVersion: v1\nkind: Pod\n", "kind: Configuration"},
        Hostile{"UnknownKey", kConfiguration + "manifest: [/]\n", "did you mean manifests?"},
        Hostile{"DuplicateKey", kConfiguration + "workers: 1\nworkers: 2\n", "wherry.yaml:4:1"},
        Hostile{"WordForANumber", kConfiguration + "workers: many\n",
                "wherry.yaml:3:10: workers: "},
        Hostile{"NoUnit", kConfiguration + "connectTimeout: 3\n", "3s"},
        Hostile{"TwoDocuments", kConfiguration + "---\nkind: x\n", "second document"},
        Hostile{"DeepNesting", repeat("[", 100'000), "deep"},
        Hostile{"TooLarge", kConfiguration + "# " + std::string(2u << 20, 'x') + "\n",
                "larger than 1 MiB"},
        Hostile{"PathThatIsNotThere", kConfiguration + "manifests: [not-here]\n", "not-here"}),
    name_of);

struct Flags {
  const char* name;
  std::vector<std::string> arguments;
  std::string says;
};
void PrintTo(const Flags& each, std::ostream* out) { *out << each.name; }

class HostileFlags : public testing::TestWithParam<Flags> {};

TEST_P(HostileFlags, AreRefusedWithWhatWouldBeRight) {
  const auto result = wherry(GetParam().arguments);
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr(GetParam().says));
  EXPECT_EQ(result.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    CommandLines, HostileFlags,
    testing::Values(
        Flags{"Nothing", {}, "--help"}, Flags{"UnknownCommand", {"rum"}, "did you mean run?"},
        Flags{"UnknownFlag", {"run", "--manifest", "/"}, "did you mean --manifests?"},
        Flags{"PortOffsetTooLarge", {"run", "--manifests", "/", "--port-offset", "70000"}, "65534"},
        Flags{"AddressWithPort",
              {"run", "--manifests", "/", "--listen-address", "127.0.0.1:80"},
              "without a port"},
        Flags{"PoolWithHostBits",
              {"run", "--manifests", "/", "--listen-pool", "127.64.0.1/16"},
              "127.64.0.0/16"},
        Flags{"NoAttempts", {"run", "--manifests", "/", "--max-attempts", "0"}, "1 to 100"},
        Flags{"EmptyValue", {"run", "--manifests", ""}, "--manifests"},
        Flags{"MissingValue", {"run", "--manifests"}, "--manifests"},
        Flags{"UnknownLevel",
              {"run", "--manifests", "/", "--log-level", "loud"},
              "debug, info, warn or error"},
        Flags{"HostsOfEndpoints", {"get", "endpoints", "-o", "hosts"}, "services only"},
        Flags{"UnknownResource", {"get", "pods"}, "services, endpoints or sessions"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(HostileFlags, AreAllReportedAtOnce) {
  const auto result = wherry({"run", "--manifests", "/nowhere", "--workers", "x", "--log-format",
                              "xml", "--idle-timeout", "soon"});
  EXPECT_EQ(result.exit_code, 64);
  for (const char* words : {"/nowhere", "--workers", "--log-format", "--idle-timeout"}) {
    EXPECT_THAT(result.err, HasSubstr(words));
  }
}

}  // namespace
}  // namespace wherry::test
