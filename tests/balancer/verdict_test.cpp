#include "balancer/verdict.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

using model::TrafficPolicy;
using Indexes = std::vector<std::uint32_t>;

constexpr auto kCluster = TrafficPolicy::Cluster;
constexpr auto kLocal = TrafficPolicy::Local;

/// Endpoint 0 is here, endpoint 1 elsewhere.
enum class Is { Ready, Ending, Gone };
struct Endpoints {
  Is here;
  Is elsewhere;
};

std::vector<Backend> backends_of(const Endpoints& endpoints) {
  std::vector<Backend> backends;
  for (const Is is : {endpoints.here, endpoints.elsewhere}) {
    model::Endpoint endpoint;
    endpoint.ready = is == Is::Ready;
    endpoint.serving = is != Is::Gone;
    endpoint.terminating = is == Is::Ending;
    endpoint.node = backends.empty() ? "node-1" : "node-2";
    const auto port = static_cast<std::uint16_t>(backends.size() + 1);
    backends.push_back(
        {{test::ip("10.1.0.1"), port}, std::make_shared<const model::Endpoint>(endpoint), nullptr});
  }
  return backends;
}

enum class WayIn { Inside, NodePort, ExternalIp, LoadBalancer };

ServicePort service_port(WayIn way_in, TrafficPolicy internal, TrafficPolicy external) {
  ServicePort port;
  if (way_in == WayIn::NodePort) port.node_port = 30000;
  if (way_in == WayIn::ExternalIp) port.external_ips = {test::ip("192.0.2.1")};
  if (way_in == WayIn::LoadBalancer) port.load_balancer_ips = {test::ip("192.0.2.1")};
  port.internal_policy = internal;
  port.external_policy = external;
  return port;
}

/// "forward ready_endpoints 0,1"; "-" where there is no decision.
std::string words(const std::optional<Decision>& decision) {
  if (!decision) return "-";
  std::string text =
      std::string(to_string(decision->verdict)) + ' ' + std::string(to_string(decision->reason));
  for (const std::uint32_t index : decision->backends) text += ' ' + std::to_string(index);
  return text;
}

struct Case {
  const char* name;
  WayIn way_in;
  TrafficPolicy internal_policy;
  TrafficPolicy external_policy;
  Endpoints endpoints;
  const char* internal;
  const char* external;
  const char* from_node;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Decide : public ::testing::TestWithParam<Case> {};

TEST_P(Decide, GivesEachKindOfTrafficItsVerdict) {
  const Case& row = GetParam();
  const auto backends = backends_of(row.endpoints);

  const Decisions decisions =
      decide(service_port(row.way_in, row.internal_policy, row.external_policy),
             categorize(backends, {"node-1", ""}), backends);

  EXPECT_EQ(words(decisions.internal), row.internal);
  EXPECT_EQ(words(decisions.external), row.external);
  EXPECT_EQ(words(decisions.external_from_node), row.from_node);
  EXPECT_EQ(decisions.internal.policy, row.internal_policy);
  EXPECT_EQ(decisions.internal.picker, nullptr);
  if (decisions.external) {
    EXPECT_EQ(decisions.external->policy, row.external_policy);
  }
  if (decisions.external_from_node) {
    EXPECT_EQ(decisions.external_from_node->policy, TrafficPolicy::Cluster);
  }
}

constexpr Endpoints kBoth{Is::Ready, Is::Ready};
constexpr Endpoints kElsewhere{Is::Gone, Is::Ready};
constexpr Endpoints kHere{Is::Ready, Is::Gone};
constexpr Endpoints kNone{Is::Gone, Is::Gone};
constexpr Endpoints kEnding{Is::Ending, Is::Ending};
constexpr Endpoints kEndingHere{Is::Ending, Is::Ready};
constexpr Endpoints kEndingElsewhere{Is::Gone, Is::Ending};

INSTANTIATE_TEST_SUITE_P(
    Cluster, Decide,
    ::testing::Values(
        Case{"E2_ReadyEndpointsAreForwardedTo", WayIn::Inside, kCluster, kCluster, kBoth,
             "forward ready_endpoints 0 1", "-", "-"},
        Case{"E2_TerminatingOnesAreTheLastResort", WayIn::NodePort, kCluster, kCluster, kEnding,
             "forward serving_terminating 0 1", "forward serving_terminating 0 1", "-"},
        Case{"E9_NoEndpointIsARefusal", WayIn::Inside, kCluster, kCluster, kNone,
             "reject no_endpoints", "-", "-"},
        Case{"E9_NoEndpointIsARefusalToOutsideToo", WayIn::NodePort, kCluster, kCluster, kNone,
             "reject no_endpoints", "reject no_endpoints", "-"},
        Case{"S3_ANodePortIsAWayInFromOutside", WayIn::NodePort, kCluster, kCluster, kElsewhere,
             "forward ready_endpoints 1", "forward ready_endpoints 1", "-"},
        Case{"S4_ALoadBalancerIpIsAWayInFromOutside", WayIn::LoadBalancer, kCluster, kCluster,
             kElsewhere, "forward ready_endpoints 1", "forward ready_endpoints 1", "-"},
        Case{"S5_AnExternalIpIsAWayInFromOutside", WayIn::ExternalIp, kCluster, kCluster,
             kElsewhere, "forward ready_endpoints 1", "forward ready_endpoints 1", "-"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Internal, Decide,
    ::testing::Values(Case{"E6_LocalForwardsToThisNode", WayIn::Inside, kLocal, kCluster, kBoth,
                           "forward ready_endpoints 0", "-", "-"},
                      Case{"E6_LocalWithoutALocalEndpointIsADrop", WayIn::Inside, kLocal, kCluster,
                           kElsewhere, "drop no_local_endpoints", "-", "-"},
                      Case{"E6_LocalDropsThoughOnlyTerminatingOnesServeElsewhere", WayIn::Inside,
                           kLocal, kCluster, kEndingElsewhere, "drop no_local_endpoints", "-", "-"},
                      Case{"E6_LocalForwardsToTerminatingOnesHere", WayIn::Inside, kLocal, kCluster,
                           kEndingHere, "forward serving_terminating 0", "-", "-"},
                      Case{"E9_LocalRejectsWithoutAnyEndpoint", WayIn::Inside, kLocal, kCluster,
                           kNone, "reject no_endpoints", "-", "-"},
                      Case{"E6_ItAppliesToTheClusterIpOnly", WayIn::NodePort, kLocal, kCluster,
                           kElsewhere, "drop no_local_endpoints", "forward ready_endpoints 1",
                           "-"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    External, Decide,
    ::testing::Values(Case{"E7_LocalForwardsToThisNode", WayIn::NodePort, kCluster, kLocal, kBoth,
                           "forward ready_endpoints 0 1", "forward ready_endpoints 0",
                           "forward ready_endpoints 0 1"},
                      Case{"E7_LocalWithoutALocalEndpointIsADrop", WayIn::LoadBalancer, kCluster,
                           kLocal, kElsewhere, "forward ready_endpoints 1",
                           "drop no_local_endpoints", "forward ready_endpoints 1"},
                      Case{"E8_FromThisNodeAndItsPodsItIsTheClusterSet", WayIn::ExternalIp,
                           kCluster, kLocal, kHere, "forward ready_endpoints 0",
                           "forward ready_endpoints 0", "forward ready_endpoints 0"},
                      Case{"E8_AlsoIfTheClusterIpIsLocal", WayIn::NodePort, kLocal, kLocal,
                           kElsewhere, "drop no_local_endpoints", "drop no_local_endpoints",
                           "forward ready_endpoints 1"},
                      Case{"E7_LocalForwardsToTerminatingOnesHere", WayIn::NodePort, kCluster,
                           kLocal, kEndingHere, "forward ready_endpoints 1",
                           "forward serving_terminating 0", "forward ready_endpoints 1"},
                      Case{"E7_LocalDropsWhereTheLastOnesTerminateElsewhere", WayIn::NodePort,
                           kLocal, kLocal, kEndingElsewhere, "drop no_local_endpoints",
                           "drop no_local_endpoints", "forward serving_terminating 1"},
                      Case{"E9_RejectComesBeforeDrop", WayIn::NodePort, kLocal, kLocal, kNone,
                           "reject no_endpoints", "reject no_endpoints", "reject no_endpoints"},
                      Case{"E7_ItIsIgnoredWithoutAWayIn", WayIn::Inside, kCluster, kLocal, kBoth,
                           "forward ready_endpoints 0 1", "-", "-"}),
    [](const auto& row) { return row.param.name; });

TEST(Verdict, HasTheWordsThatTablesShow) {
  EXPECT_EQ(to_string(Verdict::Forward), "forward");
  EXPECT_EQ(to_string(Verdict::Reject), "reject");
  EXPECT_EQ(to_string(Verdict::Drop), "drop");
}

}  // namespace
}  // namespace wherry::balancer
