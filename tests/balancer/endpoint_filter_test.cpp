#include "balancer/endpoint_filter.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

struct Conditions {
  bool ready;
  bool serving;
  bool terminating;
};
constexpr Conditions kReady{true, true, false};
constexpr Conditions kNotReady{false, false, false};
constexpr Conditions kServingButNotReady{false, true, false};
constexpr Conditions kTerminating{false, true, true};
constexpr Conditions kTerminatingAndNotServing{false, false, true};
constexpr Conditions kReadyThoughTerminating{true, true, true};

std::vector<Backend> backends_with(const std::vector<Conditions>& conditions) {
  std::vector<Backend> backends;
  for (const Conditions& each : conditions) {
    model::Endpoint endpoint;
    endpoint.ready = each.ready;
    endpoint.serving = each.serving;
    endpoint.terminating = each.terminating;
    const auto port = static_cast<std::uint16_t>(backends.size() + 1);
    backends.push_back(
        {{test::ip("10.1.0.1"), port}, std::make_shared<const model::Endpoint>(endpoint), nullptr});
  }
  return backends;
}

struct Case {
  const char* name;
  std::vector<Conditions> endpoints;
  std::vector<std::uint32_t> cluster;
  std::vector<Excluded> excluded;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class FilterEndpoints : public ::testing::TestWithParam<Case> {};

TEST_P(FilterEndpoints, SortsThem) {
  const Eligible eligible = filter_endpoints(backends_with(GetParam().endpoints));

  EXPECT_EQ(eligible.cluster, GetParam().cluster);
  EXPECT_EQ(eligible.excluded, GetParam().excluded);
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, FilterEndpoints,
    ::testing::Values(
        Case{"NoneGiveNone", {}, {}, {}}, Case{"ReadyMayServe", {kReady}, {0}, {}},
        Case{"NotReadyMayNot", {kNotReady}, {}, {{0, Reason::NotReady}}},
        Case{"ServingButNotReadyMayNot", {kServingButNotReady}, {}, {{0, Reason::NotReady}}},
        Case{"TerminatingMayNot", {kTerminating}, {}, {{0, Reason::Terminating}}},
        Case{"TerminatingIsTheReasonEvenIfItDoesNotServe",
             {kTerminatingAndNotServing},
             {},
             {{0, Reason::Terminating}}},
        Case{"E5_ReadyIsReadyEvenIfItTerminates", {kReadyThoughTerminating}, {0}, {}},
        Case{"TheOrderIsKept",
             {kReady, kNotReady, kReady, kTerminating, kReady},
             {0, 2, 4},
             {{1, Reason::NotReady}, {3, Reason::Terminating}}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace wherry::balancer
