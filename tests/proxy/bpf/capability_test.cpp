#include "proxy/bpf/capability.h"

#include "tests/proxy/bpf/kernel_fixture.h"
#include "tests/support/lowered_capabilities.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/capability.h>

namespace wherry::bpf {
namespace {

using test::LoweredCapabilities;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CapabilityTest : public KernelTest {};

TEST_F(CapabilityTest, RootMayEverything) {
  const Capability found = find_capability();

  EXPECT_TRUE(found.can_steer()) << found.why_not();
  EXPECT_THAT(found.why_not(), IsEmpty());
}

TEST_F(CapabilityTest, TheTwoCapabilitiesOfNodeModeAreEnough) {
  const LoweredCapabilities lowered{CAP_BPF, CAP_NET_ADMIN};

  EXPECT_TRUE(find_capability().can_steer()) << find_capability().why_not();

  auto steering = LibbpfSteering::open({"", 1024});
  ASSERT_TRUE(steering);
  EXPECT_FALSE((*steering)->apply({.set = {}, .erase = {}, .scope = SteerScope{}}));
  give_sockets(**steering);
  EXPECT_FALSE((*steering)->attach());
  EXPECT_EQ((*steering)->attachment().value(), Attachment::Whole);
}

TEST_F(CapabilityTest, WithoutBpfItSaysWhichCapabilityLacks) {
  const LoweredCapabilities lowered{CAP_NET_ADMIN};

  const Capability found = find_capability();

  EXPECT_FALSE(found.can_steer());
  EXPECT_THAT(found.why_not(), HasSubstr("give the process CAP_BPF"));
}

TEST_F(CapabilityTest, WithoutNetAdminItSaysWhichCapabilityLacks) {
  const LoweredCapabilities lowered{CAP_BPF};

  const Capability found = find_capability();

  EXPECT_FALSE(found.can_steer());
  EXPECT_THAT(found.why_not(), HasSubstr("give the process CAP_NET_ADMIN"));
}

TEST(CanPin, AFolderOnNoBpffsIsNamedWithTheRemedy) {
  const test::TempFolder folder;

  const Ability ability = can_pin(folder / "a/b");

  EXPECT_FALSE(ability);
  EXPECT_THAT(ability.lacks, HasSubstr("a/b is on no bpffs: mount one"));
}

}  // namespace
}  // namespace wherry::bpf
