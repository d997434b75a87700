#include "proxy/steer/attachment_keeper.h"

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::steer {
namespace {

using bpf::Attachment;
using ::testing::HasSubstr;
namespace errc = boost::system::errc;

class FakeKernel final : public bpf::KernelSteering {
 public:
  error_code apply(const bpf::SteerChange&) override { return {}; }
  error_code set_socket(Protocol, IpFamily, bpf::Group, int) override { return {}; }
  Result<Attachment> attachment() override { return state; }
  error_code attach() override {
    ++attached;
    if (attach_fails) return make_error_code(errc::permission_denied);
    state = pin_fails ? Attachment::Unpinned : Attachment::Whole;
    return {};
  }
  void close(Pins) override {}

  Attachment state = Attachment::Detached;
  bool attach_fails = false;
  bool pin_fails = false;
  int attached = 0;
};

class AttachmentKeeperTest : public ::testing::Test {
 protected:
  FakeKernel kernel_;
  AttachmentKeeper keeper_{kernel_};
};

TEST_F(AttachmentKeeperTest, AttachesOnceAndThenLooksOnly) {
  EXPECT_EQ(keeper_.check(), Repairs{}) << "the first time is no repair";
  EXPECT_TRUE(keeper_.is_attached());
  EXPECT_EQ(keeper_.check(), Repairs{});
  EXPECT_EQ(kernel_.attached, 1);
}

TEST_F(AttachmentKeeperTest, R7_WhatSomebodyTookAwayIsBackAndSaid) {
  (void)keeper_.check();
  kernel_.state = Attachment::Detached;
  EXPECT_EQ(keeper_.check(),
            (Repairs{{"the program that leads clients here, which was detached", 1}}));
  kernel_.state = Attachment::Unpinned;
  EXPECT_EQ(keeper_.check(), (Repairs{{"what is pinned, and outlives the process", 1}}));
  EXPECT_EQ(keeper_.check(), Repairs{});
}

TEST_F(AttachmentKeeperTest, R7_PinsThatAreNotBackAreAProblemAndNoRepairAndAreTriedAgain) {
  (void)keeper_.check();
  kernel_.state = Attachment::Unpinned;
  kernel_.pin_fails = true;

  EXPECT_EQ(keeper_.check(), Repairs{});
  EXPECT_THAT(keeper_.why_not_pinned(), HasSubstr("can't be pinned"));
  EXPECT_TRUE(keeper_.is_attached()) << "clients come here all the same";
  EXPECT_EQ(keeper_.why_not_attached(), "");

  kernel_.pin_fails = false;
  EXPECT_EQ(keeper_.check(), (Repairs{{"what is pinned, and outlives the process", 1}}));
  EXPECT_EQ(keeper_.why_not_pinned(), "");
}

TEST_F(AttachmentKeeperTest, WhatCouldNotBePinnedAtTheStartWasTakenAwayByNobody) {
  kernel_.pin_fails = true;
  (void)keeper_.check();
  EXPECT_THAT(keeper_.why_not_pinned(), HasSubstr("can't be pinned"));

  kernel_.pin_fails = false;
  EXPECT_EQ(keeper_.check(), Repairs{});
  EXPECT_EQ(keeper_.why_not_pinned(), "");
}

TEST_F(AttachmentKeeperTest, WhatCanNotBeAttachedIsNamedAndTriedAgain) {
  (void)keeper_.check();
  kernel_.state = Attachment::Detached;
  kernel_.attach_fails = true;
  EXPECT_EQ(keeper_.check(), Repairs{});
  EXPECT_FALSE(keeper_.is_attached());
  EXPECT_THAT(keeper_.why_not_attached(), HasSubstr("can't be attached: Permission denied"));

  kernel_.attach_fails = false;
  (void)keeper_.check();
  EXPECT_TRUE(keeper_.is_attached());
  EXPECT_EQ(keeper_.why_not_attached(), "");
}

}  // namespace
}  // namespace wherry::steer
