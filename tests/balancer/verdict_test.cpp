#include "balancer/verdict.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

namespace wherry::balancer {
namespace {

using Indexes = std::vector<std::uint32_t>;

enum class WayIn { Inside, NodePort, ExternalIp, LoadBalancer };

ServicePort service_port(WayIn way_in) {
  ServicePort port;
  if (way_in == WayIn::NodePort) port.node_port = 30000;
  if (way_in == WayIn::ExternalIp) port.external_ips = {test::ip("192.0.2.1")};
  if (way_in == WayIn::LoadBalancer) port.load_balancer_ips = {test::ip("192.0.2.1")};
  return port;
}

struct Case {
  const char* name;
  WayIn way_in;
  Indexes eligible;
  Verdict verdict;
  Reason reason;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Decide : public ::testing::TestWithParam<Case> {};

TEST_P(Decide, GivesEachKindOfTrafficItsVerdict) {
  const Case& row = GetParam();

  const Decisions decisions = decide(service_port(row.way_in), {row.eligible, {}});

  EXPECT_EQ(decisions.internal.verdict, row.verdict);
  EXPECT_EQ(decisions.internal.reason, row.reason);
  EXPECT_EQ(decisions.internal.backends, row.eligible);
  EXPECT_EQ(decisions.internal.picker, nullptr);
  ASSERT_EQ(decisions.external.has_value(), row.way_in != WayIn::Inside);
  if (!decisions.external) return;
  EXPECT_EQ(decisions.external->verdict, row.verdict);
  EXPECT_EQ(decisions.external->reason, row.reason);
  EXPECT_EQ(decisions.external->backends, row.eligible);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Decide,
    ::testing::Values(
        Case{"E2_ReadyEndpointsAreForwardedTo",
             WayIn::Inside,
             {0, 2},
             Verdict::Forward,
             Reason::ReadyEndpoints},
        Case{"E9_NoEndpointIsARefusal", WayIn::Inside, {}, Verdict::Reject, Reason::NoEndpoints},
        Case{"S3_ANodePortIsAWayInFromOutside",
             WayIn::NodePort,
             {1},
             Verdict::Forward,
             Reason::ReadyEndpoints},
        Case{"S4_ALoadBalancerIpIsAWayInFromOutside",
             WayIn::LoadBalancer,
             {1},
             Verdict::Forward,
             Reason::ReadyEndpoints},
        Case{"S5_AnExternalIpIsAWayInFromOutside",
             WayIn::ExternalIp,
             {1},
             Verdict::Forward,
             Reason::ReadyEndpoints},
        Case{"E9_NoEndpointIsARefusalToOutsideToo",
             WayIn::NodePort,
             {},
             Verdict::Reject,
             Reason::NoEndpoints}),
    [](const auto& row) { return row.param.name; });

TEST(Verdict, HasTheWordsThatTablesShow) {
  EXPECT_EQ(to_string(Verdict::Forward), "forward");
  EXPECT_EQ(to_string(Verdict::Reject), "reject");
  EXPECT_EQ(to_string(Verdict::Drop), "drop");
}

}  // namespace
}  // namespace wherry::balancer
