#include "proxy/app/descriptor_limit.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace wherry::app {
namespace {

TEST(DescriptorLimit, FlowsGetAQuarterOfWhatListenersLeave) {
  // 96 for the process and 16 for the loops of two workers go first.
  EXPECT_EQ(flows_within(10'112, 2, 1'000, 1'000'000), 2'250u);
}

TEST(DescriptorLimit, FlowsLeaveHalfOfTheSourcePortsToOthers) {
  EXPECT_EQ(flows_within(1'000'000, 2, 0, 28'232), 14'116u);
}

TEST(DescriptorLimit, AFewFlowsFitIntoAnyLimit) {
  EXPECT_EQ(flows_within(64, 2, 40, 28'232), 4u);
  EXPECT_EQ(flows_within(0, 2, 0, 0), 4u);
}

TEST(DescriptorLimit, SessionsGetWhatFlowsLeave) {
  const std::uint64_t flows = flows_within(20'000, 2, 0, 28'232);

  EXPECT_EQ(sessions_within(20'000, 2, static_cast<std::size_t>(flows)),
            (20'000 - 96 - 16 - flows) / 2);
}

}  // namespace
}  // namespace wherry::app
