#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <regex>

namespace wherry::test {
namespace {

using testing::HasSubstr;

/// What the quickstart writes.
const char* const kService =
    "kind: Service\n"
    "apiVersion: v1\n"
    "metadata:\n"
    "  name: my-service\n"
    "spec:\n"
    "  selector:\n"
    "    app: myapp\n"
    "  ports:\n"
    "  - protocol: TCP\n"
    "    port: 80\n"
    "    targetPort: 9376\n";

void write_quickstart(const TempFolder& folder) {
  folder.write("my-service.yaml", kService);
  for (int i = 1; i <= 3; ++i) {
    folder.write(
        "pod-" + std::to_string(i) + ".yaml",
        pod_manifest("pod-" + std::to_string(i), "myapp", "127.0.0." + std::to_string(i + 1)));
  }
}

ProcessResult check(const TempFolder& folder, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"check", "--manifests", folder.path().string()});
  return wherry(more);
}

TEST(Check, TheQuickstartsFolderIsGood) {
  const TempFolder folder;
  write_quickstart(folder);
  const auto result = check(folder);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, "ok: 4 files, 3 Pods, 1 Service; 1 service port to serve\n");
}

/// A way to break the quickstart's Service.
struct Break {
  const char* name;
  const char* from;
  const char* to;
  const char* where;  ///< line and column, as far as they are of interest
  const char* field;
  const char* says;
};
void PrintTo(const Break& each, std::ostream* out) { *out << each.name; }

class CheckBroken : public testing::TestWithParam<Break> {};

TEST_P(CheckBroken, IsNamedWithItsPlace) {
  const TempFolder folder;
  write_quickstart(folder);
  const Break& each = GetParam();
  std::string text = kService;
  text.replace(text.find(each.from), std::string(each.from).size(), each.to);
  folder.write("my-service.yaml", text);
  const auto result = check(folder);
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr(std::string("my-service.yaml:") + each.where));
  EXPECT_THAT(result.err, HasSubstr(each.field));
  EXPECT_THAT(result.err, HasSubstr(each.says));
}

INSTANTIATE_TEST_SUITE_P(
    Services, CheckBroken,
    testing::Values(
        Break{"NoKind", "kind: Service\n", "", "1:1", "", "kind"},
        Break{"NoApiVersion", "apiVersion: v1\n", "", "1:1", "", "apiVersion"},
        Break{"NoName", "  name: my-service\n", "  labels: {}\n", "4:", "metadata.name: ", ""},
        Break{"BadName", "my-service", "My_Service", "4:9: ", "metadata.name: ", "My_Service"},
        Break{"LowerCaseProtocol", "TCP", "tcp", "9:15: ", "spec.ports[0].protocol: ", "TCP"},
        Break{"PortOutOfRange", "port: 80", "port: 80000",
              "10:11: ", "spec.ports[0].port: ", "65535"},
        Break{"PortIsText", "port: 80", "port: \"80\"", "10:11: ", "spec.ports[0].port: ", ""},
        Break{"TargetPortOutOfRange", "9376", "70000", "11:17: ", "spec.ports[0].targetPort: ", ""},
        Break{"TargetPortIsNoName", "9376", "-web-", "11:17: ", "spec.ports[0].targetPort: ", ""},
        Break{"SelectorIsAList", "    app: myapp", "  - app", "7:", "spec.selector: ", ""},
        Break{"PortsAreNoList", "  - protocol: TCP", "    protocol: TCP", "", "spec.ports", ""},
        Break{"UnfinishedQuote", "app: myapp", "app: \"myapp", "", "", "quot"},
        Break{"Tab", "    app: myapp", "\tapp: myapp", "7:", "", ""},
        Break{"TwoUnnamedPorts", "  - protocol: TCP\n", "  - port: 81\n  - protocol: TCP\n", "",
              "spec.ports[0].name", ""},
        Break{"ClusterIpIsNoAddress", "spec:\n", "spec:\n  clusterIP: 10.0.0\n",
              "6:14: ", "spec.clusterIP: ", "10.0.0"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Check, ListsEveryFault) {
  const TempFolder folder;
  write_quickstart(folder);
  folder.write("a.yaml", "kind: [\n");
  folder.write("b.json", "{\"kind\": \"Service\",}");
  folder.write("c.yaml",
               "apiVersion: v1\nkind: Service\nmetadata: {name: UP}\nspec: {ports: [{port: 0}, "
               "{port: 70000, protocol: tcp}]}\n");
  const auto result = check(folder);
  EXPECT_EQ(result.exit_code, 64);
  for (const char* words : {"a.yaml:", "b.json:", "metadata.name", "spec.ports[0].port",
                            "spec.ports[1].port", "spec.ports[1].protocol"}) {
    EXPECT_THAT(result.err, HasSubstr(words));
  }
  EXPECT_THAT(result.err, testing::Not(HasSubstr("pod-1")));
}

TEST(Check, APathThatDoesNotExistIsAFault) {
  const auto result = wherry({"check", "--manifests", "/nowhere/at/all"});
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/at/all"));
}

TEST(Check, WarnsOfTwoServicesAtOneAddressOnce) {
  const TempFolder folder;
  write_quickstart(folder);
  folder.write("second.yaml", minimal_service("second", 80));
  const auto result = check(folder);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("--listen-pool"));
  const std::string words = "default/second";
  const std::regex each(words);
  EXPECT_EQ(std::distance(std::sregex_iterator(result.err.begin(), result.err.end(), each),
                          std::sregex_iterator()),
            1);
}

TEST(Check, WarnsOfABadAnnotationOnce) {
  const TempFolder folder;
  folder.write("a.yaml",
               minimal_service("a", 80, "  annotations: {wherry.io/listen-address: \"no\"}\n"));
  const auto result = check(folder);
  EXPECT_EQ(result.exit_code, 0);
  const std::regex each("wherry.io/listen-address");
  EXPECT_EQ(std::distance(std::sregex_iterator(result.err.begin(), result.err.end(), each),
                          std::sregex_iterator()),
            1)
      << result.err;
}

TEST(Check, ReadsAConfiguration) {
  const TempFolder folder;
  write_quickstart(folder);
  folder.write("conf/wherry.yaml",
               "apiVersion: wherry.io/v1alpha1\nkind: Configuration\nmanifests: [..]\n");
  EXPECT_EQ(wherry({"check", "--config", folder / "conf/wherry.yaml"}).exit_code, 0);
  folder.write("conf/wherry.yaml",
               "apiVersion: wherry.io/v1alpha1\nkind: Configuration\nworkres: 2\nportOffset: x\n"
               "listenAddress: here\n");
  const auto result = wherry({"check", "--config", folder / "conf/wherry.yaml"});
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err,
              HasSubstr("wherry.yaml:3:10: workres: unknown key; did you mean workers?"));
  EXPECT_THAT(result.err, HasSubstr("wherry.yaml:4:13: portOffset: "));
  EXPECT_THAT(result.err, HasSubstr("wherry.yaml:5:16: listenAddress: "));
}

TEST(Check, SaysThatAConfigurationNamesNothingElseToCheck) {
  const TempFolder folder;
  folder.write("wherry.yaml", "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n");
  const auto result = wherry({"check", "--config", folder / "wherry.yaml"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("it names neither manifests nor a cluster, so that nothing "
                                    "else was looked at"));
}

TEST(Check, NamesSettingsOfAClusterThatManifestsLeaveWithoutEffect) {
  const TempFolder folder;
  write_quickstart(folder);
  const auto result = check(folder, {"--namespace", "shop", "--endpoints", "pods"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err,
            "warning: settings of a cluster, which have no effect beside manifests: --namespace, "
            "--endpoints\n");
}

TEST(Check, WhatDependsOnAClusterIsNoFault) {
  const TempFolder folder;
  folder.write("a.yaml",
               "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  type: NodePort\n"
               "  clusterIP: 192.0.2.1\n  ipFamilyPolicy: RequireDualStack\n"
               "  ports: [{port: 80, nodePort: 80}]\n");
  EXPECT_EQ(check(folder).exit_code, 0);
}

}  // namespace
}  // namespace wherry::test
