#include "tests/integration/rig.h"
#include "tests/support/repository.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::test {
namespace {

namespace json = boost::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Traffic policies, source ranges and hints, with an endpoint on another node.
const std::string kManifests = R"(
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {topology.kubernetes.io/zone: zone-a}}
spec: {podCIDRs: [10.244.1.0/24]}
status: {addresses: [{type: InternalIP, address: 192.0.2.7}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.1
  externalTrafficPolicy: Local
  loadBalancerSourceRanges: [203.0.113.0/24]
  ports: [{port: 80, nodePort: 30080}]
status: {loadBalancer: {ingress: [{ip: 198.51.100.1}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 8080}]
endpoints:
- {addresses: [10.1.0.1], nodeName: node-2, hints: {forZones: [{name: zone-a}]}}
- {addresses: [10.1.0.2], nodeName: node-2, hints: {forZones: [{name: zone-b}]}}
)";

class Explain : public ::testing::Test {
 protected:
  Explain() { folder_.write("all.yaml", kManifests); }

  [[nodiscard]] std::vector<std::string> with_manifests(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(),
                     {"--manifests", folder_.path().string(), "--node-name", "node-1"});
    return arguments;
  }
  [[nodiscard]] ProcessResult explain(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "explain");
    return wherry(with_manifests(std::move(arguments)));
  }
  [[nodiscard]] json::value read(const std::string& client, const std::string& to) const {
    return explanation(with_manifests({client, to}));
  }

  TempFolder folder_;
};

TEST_F(Explain, E8_FollowsTheKindOfClient) {
  const json::value pod = read("10.244.1.9", "192.0.2.7:30080");
  EXPECT_EQ(pod.at("kind"), "pod");
  EXPECT_EQ(pod.at("verdict"), "forward");
  EXPECT_TRUE(pod.at("rule").as_string().starts_with("E8: "));
  EXPECT_EQ(pod.at("backends"), json::parse("[\"10.1.0.1:8080\"]"));

  const json::value outside = read("203.0.113.9", "192.0.2.7:30080");
  EXPECT_EQ(outside.at("kind"), "outside");
  EXPECT_EQ(outside.at("verdict"), "drop");
  EXPECT_EQ(outside.at("reason"), "no_local_endpoints");
}

TEST_F(Explain, F1_LooksAtSourceRanges) {
  const json::value answer = read("10.244.1.9", "198.51.100.1:80");

  EXPECT_EQ(answer.at("verdict"), "drop");
  EXPECT_EQ(answer.at("reason"), "source_ranges");
}

TEST_F(Explain, E12_NodesOfManifestsHaveZones) {
  const json::value answer = read("pod", "10.96.0.1:80");

  EXPECT_TRUE(answer.at("rule").as_string().starts_with("E12: "));
  EXPECT_EQ(answer.at("excluded").at(0).at("reason"), "other_zone");
}

TEST_F(Explain, IsReadableByDefault) {
  const auto result = explain({"pod", "10.96.0.1:80"});

  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("verdict      forward\n"));
}

TEST_F(Explain, SaysWhatIsWrongWithAQuestion) {
  EXPECT_EQ(explain({"pod", "10.9.9.9:80"}).exit_code, 1);
  EXPECT_EQ(explain({"nobody", "10.96.0.1:80"}).exit_code, 64);
  EXPECT_EQ(explain({"pod", "10.96.0.1"}).exit_code, 64);
  EXPECT_EQ(explain({"pod"}).exit_code, 64);
  EXPECT_EQ(explain({"outside", "198.51.100.1:80", "--protocol", "SCTP"}).exit_code, 64);
  EXPECT_EQ(wherry({"explain", "pod", "10.0.0.1:80", "--admin-address", "127.0.0.1:1"}).exit_code,
            69);
}

TEST_F(Explain, ARunningWherryAnswersTheSame) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  rig.run();
  rig.wait_for_endpoints(1);

  auto live = explanation(
      {"127.0.0.1", rig.service.to_string(), "--admin-address", rig.wherry().admin().to_string()});
  const auto alone = explanation(
      {"127.0.0.1", rig.service.to_string(), "--manifests", rig.folder.path().string()});

  EXPECT_EQ(live.at("backendsSee"), json::array{"node"}) << "which manifests do not tell";
  live.as_object().erase("backendsSee");
  EXPECT_EQ(live, alone);
  EXPECT_EQ(live.at("verdict"), "forward");
}

// --- every verdict and every reason ---

/// A Service with a load balancer IP, and its endpoints, which are written in YAML.
std::string shop(const std::string& name, int number, const std::string& spec,
                 const std::string& endpoints) {
  const std::string id = std::to_string(number);
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         "}\nspec:\n  type: LoadBalancer\n  clusterIP: 10.96.1." + id + "\n" + spec +
         "  ports: [{port: 80}]\nstatus: {loadBalancer: {ingress: [{ip: 198.51.100." + id +
         "}]}}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " +
         name + "-1, labels: {kubernetes.io/service-name: " + name +
         "}}\naddressType: IPv4\nports: [{name: \"\", port: 8080}]\nendpoints: [" + endpoints +
         "]\n";
}

std::string all_shops() {
  const std::string here = "{addresses: [10.1.0.1], nodeName: node-1}";
  const std::string there = "{addresses: [10.1.0.2], nodeName: node-2}";
  const std::string unready =
      "{addresses: [10.1.0.3], nodeName: node-1, conditions: {ready: false, serving: false}}";
  const std::string ending =
      "{addresses: [10.1.0.4], nodeName: node-1, conditions: {ready: false, serving: true, "
      "terminating: true}}";
  return "apiVersion: v1\nkind: Node\n"
         "metadata: {name: node-1, labels: {topology.kubernetes.io/zone: zone-a}}\n"
         "spec: {podCIDRs: [10.244.1.0/24]}\n"
         "status: {addresses: [{type: InternalIP, address: 192.0.2.7}]}\n" +
         shop("ready", 1, "", here + ", " + there + ", " + unready + ", " + ending) +
         shop("ending", 2, "", unready + ", " + ending) + shop("nobody", 3, "", unready) +
         shop("far", 4, "  internalTrafficPolicy: Local\n  externalTrafficPolicy: Local\n", there) +
         shop("near", 5, "  internalTrafficPolicy: Local\n  externalTrafficPolicy: Local\n",
              here + ", " + there) +
         shop("ranged", 6, "  loadBalancerSourceRanges: [203.0.113.0/24]\n", here) +
         shop("zoned", 7, "",
              "{addresses: [10.1.0.1], hints: {forZones: [{name: zone-a}]}}, "
              "{addresses: [10.1.0.2], hints: {forZones: [{name: zone-b}]}}") +
         shop("noded", 8, "",
              "{addresses: [10.1.0.1], hints: {forNodes: [{name: node-1}]}}, "
              "{addresses: [10.1.0.2], hints: {forNodes: [{name: node-2}]}}");
}

struct Answer {
  const char* name;
  const char* client;
  const char* destination;
  const char* verdict;
  const char* reason;
  const char* rule;  ///< its id
  std::vector<std::string> backends;
  std::map<std::string, std::string> excluded;  ///< by backend, why
};
std::ostream& operator<<(std::ostream& out, const Answer& each) { return out << each.name; }

const std::string kOne = "10.1.0.1:8080";
const std::string kTwo = "10.1.0.2:8080";
const std::string kUnready = "10.1.0.3:8080";
const std::string kEnding = "10.1.0.4:8080";
constexpr const char* kPod = "10.244.1.9";
constexpr const char* kOutside = "203.0.113.9";
constexpr const char* kOutOfRange = "192.0.2.99";

const std::vector<Answer>& answers() {
  static const std::vector<Answer> all = {
      {"E2_Ready",
       kPod,
       "10.96.1.1:80",
       "forward",
       "ready_endpoints",
       "E2",
       {kOne, kTwo},
       {{kUnready, "not_ready"}, {kEnding, "terminating"}}},
      {"E2_ServingTerminating",
       kPod,
       "10.96.1.2:80",
       "forward",
       "serving_terminating",
       "E2",
       {kEnding},
       {{kUnready, "not_ready"}}},
      {"E9_Nobody",
       kPod,
       "10.96.1.3:80",
       "reject",
       "no_endpoints",
       "E9",
       {},
       {{kUnready, "not_ready"}}},
      {"E9_NobodyForOutsiders",
       kOutside,
       "198.51.100.3:80",
       "reject",
       "no_endpoints",
       "E9",
       {},
       {{kUnready, "not_ready"}}},
      {"E6_NobodyHere",
       kPod,
       "10.96.1.4:80",
       "drop",
       "no_local_endpoints",
       "E6",
       {},
       {{kTwo, "other_node"}}},
      {"E7_NobodyHere",
       kOutside,
       "198.51.100.4:80",
       "drop",
       "no_local_endpoints",
       "E7",
       {},
       {{kTwo, "other_node"}}},
      {"E8_APodOfTheNode", kPod, "198.51.100.4:80", "forward", "ready_endpoints", "E8", {kTwo}, {}},
      {"E8_TheNode", "node", "198.51.100.4:80", "forward", "ready_endpoints", "E8", {kTwo}, {}},
      {"E6_Here",
       kPod,
       "10.96.1.5:80",
       "forward",
       "ready_endpoints",
       "E6",
       {kOne},
       {{kTwo, "other_node"}}},
      {"E7_Here",
       kOutside,
       "198.51.100.5:80",
       "forward",
       "ready_endpoints",
       "E7",
       {kOne},
       {{kTwo, "other_node"}}},
      {"F1_OutOfRange", kOutOfRange, "198.51.100.6:80", "drop", "source_ranges", "F1", {}, {}},
      {"F1_InRange", kOutside, "198.51.100.6:80", "forward", "ready_endpoints", "E2", {kOne}, {}},
      {"E12_Zones",
       kPod,
       "10.96.1.7:80",
       "forward",
       "ready_endpoints",
       "E12",
       {kOne},
       {{kTwo, "other_zone"}}},
      {"E12_Nodes",
       kPod,
       "10.96.1.8:80",
       "forward",
       "ready_endpoints",
       "E12",
       {kOne},
       {{kTwo, "other_node"}}},
      {"E10_WrongPort", kPod, "10.96.1.1:81", "reject", "wrong_port", "E10", {}, {}},
      {"E10_WrongPortOfAVip", kOutside, "198.51.100.1:81", "reject", "wrong_port", "E10", {}, {}}};
  return all;
}

/// Of a table of deploy/operations.md with this head: the first cell of each row, without
/// backticks, and the last one.
std::map<std::string, std::string> documented(std::string_view head) {
  std::ifstream file(repository_path("deploy/operations.md"));
  std::map<std::string, std::string> rows;
  bool is_inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == head) {
      is_inside = true;
    } else if (!line.starts_with('|')) {
      is_inside = false;
    } else if (is_inside && line.starts_with("| `")) {
      const std::size_t last = line.rfind(" | ") + 3;
      rows.emplace(line.substr(3, line.find('`', 3) - 3),
                   line.substr(last, line.size() - last - 2));
    }
  }
  return rows;
}

constexpr std::string_view kReasonTable = "| Reason | Of | Rule |";

class EveryAnswer : public ::testing::TestWithParam<Answer> {};

TEST_P(EveryAnswer, HasItsVerdictReasonRuleInWordsAndBackends) {
  const Answer& row = GetParam();
  const TempFolder folder;
  folder.write("all.yaml", all_shops());

  const json::value answer = explanation({row.client, row.destination, "--manifests",
                                          folder.path().string(), "--node-name", "node-1"});

  EXPECT_EQ(answer.at("verdict"), row.verdict);
  EXPECT_EQ(answer.at("reason"), row.reason);
  const std::string rule(answer.at("rule").as_string());
  EXPECT_THAT(rule, StartsWith(std::string(row.rule) + ": "));
  EXPECT_THAT(rule, EndsWith(documented(kReasonTable).at(row.reason)));
  std::vector<std::string> backends;
  for (const json::value& each : answer.at("backends").as_array()) {
    backends.emplace_back(each.as_string());
  }
  EXPECT_EQ(backends, row.backends);
  std::map<std::string, std::string> excluded;
  for (const json::value& each : answer.at("excluded").as_array()) {
    excluded.emplace(each.at("backend").as_string(), each.at("reason").as_string());
  }
  EXPECT_EQ(excluded, row.excluded);
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryAnswer, ::testing::ValuesIn(answers()),
                         [](const auto& row) { return std::string(row.param.name); });

/// Said by TooManyEndpoints, whose manifests are large.
constexpr const char* kTooMany = "too_many_endpoints";
/// Said by E10_FreeAddress, which needs to know the cluster's blocks.
constexpr const char* kFreeAddress = "free_address";

// The lists are closed, and documented in full: tests/balancer/reason_test.cpp.
TEST(EveryReason, AndEveryVerdictHasItsRow) {
  std::set<std::string> reasons{kTooMany, kFreeAddress};
  std::set<std::string> verdicts;
  for (const Answer& row : answers()) {
    verdicts.insert(row.verdict);
    reasons.insert(row.reason);
    for (const auto& [backend, reason] : row.excluded) reasons.insert(reason);
  }

  const auto documented_reasons = documented(kReasonTable);
  EXPECT_GE(documented_reasons.size(), 11u);
  for (const auto& [reason, rule] : documented_reasons) {
    EXPECT_TRUE(reasons.contains(reason)) << "give " << reason << " a row";
  }
  for (const auto& [verdict, seen] : documented("| Verdict | What a client sees |")) {
    EXPECT_TRUE(verdicts.contains(verdict)) << "give " << verdict << " a row";
  }
}

TEST(EveryReason, E10_FreeAddress) {
  const TempFolder folder;
  folder.write("all.yaml", all_shops());

  const json::value answer =
      explanation({kPod, "10.96.200.200:80", "--manifests", folder.path().string(), "--node-name",
                   "node-1", "--steering", "node", "--service-cidr", "10.96.0.0/16"});

  EXPECT_EQ(answer.at("verdict"), "drop");
  EXPECT_EQ(answer.at("reason"), kFreeAddress);
  EXPECT_THAT(std::string(answer.at("rule").as_string()),
              EndsWith(documented(kReasonTable).at(kFreeAddress)));
}

// 501 ports with 1000 endpoints each: more than a table of manifests has room for. The last by its
// name, p99, gets none.
TEST(EveryReason, TooManyEndpoints) {
  std::string service_ports;
  std::string slice_ports;
  std::string endpoints;
  for (int i = 0; i < 501; ++i) {
    const std::string name = (i == 0 ? "" : ", ") + ("{name: p" + std::to_string(i)) + ", port: ";
    service_ports += name + std::to_string(1000 + i) + '}';
    slice_ports += name + "8080}";
  }
  for (int i = 0; i < 1000; ++i) {
    endpoints += (i == 0 ? "" : ", ") + ("{addresses: [10.1." + std::to_string(i / 250)) + '.' +
                 std::to_string(i % 250 + 1) + "]}";
  }
  const TempFolder folder;
  folder.write("all.yaml",
               "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
               "spec: {clusterIP: 10.96.0.1, ports: [" +
                   service_ports +
                   "]}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
                   "metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}\n"
                   "addressType: IPv4\nports: [" +
                   slice_ports + "]\nendpoints: [" + endpoints + "]\n");

  const json::value answer =
      explanation({"pod", "10.96.0.1:1099", "--manifests", folder.path().string()});

  EXPECT_EQ(answer.at("verdict"), "reject");
  EXPECT_EQ(answer.at("reason"), kTooMany);
  EXPECT_EQ(answer.at("rule").as_string(), documented(kReasonTable).at(kTooMany));
  EXPECT_EQ(answer.at("backends"), json::array());
}

// What becomes of it is the host's business, where traffic comes by listeners.
TEST(EveryReason, E10_AFreeAddressOfTheServiceCidrIsNobodys) {
  const TempFolder folder;
  folder.write("all.yaml", all_shops());

  const auto result = wherry({"explain", "pod", "10.96.200.200:80", "--manifests",
                              folder.path().string(), "--node-name", "node-1"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no Service has the address 10.96.200.200:80/TCP; write"));
}

}  // namespace
}  // namespace wherry::test
