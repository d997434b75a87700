#include "balancer/reason.h"

#include <gtest/gtest.h>

namespace wherry::balancer {
namespace {

TEST(Reason, HasTheWordsThatTablesAndMetricsShow) {
  EXPECT_EQ(to_string(Reason::ReadyEndpoints), "ready_endpoints");
  EXPECT_EQ(to_string(Reason::NoEndpoints), "no_endpoints");
  EXPECT_EQ(to_string(Reason::TooManyEndpoints), "too_many_endpoints");
  EXPECT_EQ(to_string(Reason::NotReady), "not_ready");
  EXPECT_EQ(to_string(Reason::Terminating), "terminating");
}

}  // namespace
}  // namespace wherry::balancer
