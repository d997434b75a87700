#include "tests/integration/rig.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

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

  [[nodiscard]] ProcessResult explain(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "explain");
    for (const char* each : {"--manifests", "--node-name"}) {
      arguments.emplace_back(each);
      arguments.push_back(std::string(each) == "--manifests" ? folder_.path().string() : "node-1");
    }
    return wherry(arguments);
  }
  [[nodiscard]] json::value read(const std::string& client, const std::string& to) const {
    const auto result = explain({client, to, "-o", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
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

  const auto live = wherry({"explain", "127.0.0.1", rig.service.to_string(), "-o", "json",
                            "--admin-address", rig.wherry().admin().to_string()});
  const auto alone = wherry({"explain", "127.0.0.1", rig.service.to_string(), "-o", "json",
                             "--manifests", rig.folder.path().string()});

  ASSERT_EQ(live.exit_code, 0) << live.err;
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(json::parse(live.out), json::parse(alone.out));
  EXPECT_EQ(json::parse(live.out).at("verdict"), "forward");
}

}  // namespace
}  // namespace wherry::test
