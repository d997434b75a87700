#include "proxy/steer/ingress_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

namespace wherry::steer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NetlinkFailure failure(int number) { return {{number, boost::system::system_category()}, ""}; }

class FakeTrafficControl final : public TrafficControl {
 public:
  [[nodiscard]] Result<std::set<unsigned>> hooked() override {
    if (no_look != 0) return error_code(no_look, boost::system::system_category());
    std::set<unsigned> all;
    for (const auto& [interface, filters] : hooks) all.insert(interface);
    return all;
  }
  [[nodiscard]] Result<HookFilters> filters(unsigned interface) override {
    return hooks[interface];
  }
  [[nodiscard]] NetlinkFailure add_hook(unsigned interface) override {
    if (refused.contains(interface)) return failure(EPERM);
    if (!hooks.try_emplace(interface).second) return failure(EEXIST);
    calls.push_back("add " + std::to_string(interface));
    return {};
  }
  [[nodiscard]] NetlinkFailure remove_hook(unsigned interface) override {
    calls.push_back("remove " + std::to_string(interface));
    hooks.erase(interface);
    return {};
  }
  [[nodiscard]] NetlinkFailure put(unsigned interface, int program) override {
    if (refused.contains(interface)) return failure(EINVAL);
    calls.push_back("put " + std::to_string(interface));
    hooks[interface].ours = static_cast<std::uint32_t>(program) + 1000;
    return {};
  }
  [[nodiscard]] NetlinkFailure take(unsigned interface) override {
    if (refused.contains(interface)) return failure(EPERM);
    calls.push_back("take " + std::to_string(interface));
    if (hooks.contains(interface)) hooks[interface].ours.reset();
    return {};
  }

  [[nodiscard]] std::vector<std::string> said() { return std::exchange(calls, {}); }

  std::map<unsigned, HookFilters> hooks;
  std::set<unsigned> refused;
  std::vector<std::string> calls;
  int no_look = 0;  ///< why nothing can be looked at
};

class FakeProgram final : public bpf::ReturnProgram {
 public:
  [[nodiscard]] int fd() const override { return 7; }
  [[nodiscard]] std::uint32_t id() const override { return 1007; }
  error_code apply(const bpf::ReturnScope& scope) override {
    told = scope;
    return {};
  }
  bpf::ReturnScope told;
};

Interface interface(unsigned index, const char* name) {
  Interface made;
  made.index = index;
  made.name = name;
  made.is_loopback = index == 1;
  return made;
}

class IngressKeeperTest : public ::testing::Test {
 protected:
  NetworkState now_{{interface(1, "lo"), interface(2, "eth0"), interface(3, "veth3")}, {}, {}};
  FakeTrafficControl tc_;
  FakeProgram program_;
};

TEST_F(IngressKeeperTest, EveryInterfaceButLoGetsTheProgram) {
  IngressKeeper keeper(tc_, program_);

  EXPECT_EQ(keeper.check(now_).value(), 0u);

  EXPECT_THAT(tc_.said(), ElementsAre("add 2", "put 2", "add 3", "put 3"));
  EXPECT_EQ(keeper.size(), 2u);
  EXPECT_EQ(keeper.check(now_).value(), 0u);
  EXPECT_THAT(tc_.said(), IsEmpty());
}

TEST_F(IngressKeeperTest, R7_WhatSomebodyTookAwayIsPutBackAndCounted) {
  IngressKeeper keeper(tc_, program_);
  (void)keeper.check(now_);
  (void)tc_.said();
  tc_.hooks.erase(2);
  tc_.hooks[3].ours.reset();

  EXPECT_EQ(keeper.check(now_).value(), 2u);

  EXPECT_THAT(tc_.said(), ElementsAre("add 2", "put 2", "put 3"));
}

TEST_F(IngressKeeperTest, AProgramOfAnotherProcessUnderOurHandleIsReplaced) {
  tc_.hooks[2].ours = 5;
  IngressKeeper keeper(tc_, program_);

  (void)keeper.check(now_);

  EXPECT_EQ(tc_.hooks[2].ours, 1007u);
}

TEST_F(IngressKeeperTest, AHookGoesOnlyIfItWasMadeHereAndNobodyElseUsesIt) {
  now_.interfaces.push_back(interface(4, "veth4"));
  tc_.hooks[2] = {};
  IngressKeeper keeper(tc_, program_);
  (void)keeper.check(now_);
  (void)tc_.said();
  tc_.hooks[3].others = true;

  EXPECT_FALSE(keeper.remove_all());

  EXPECT_THAT(tc_.said(), ElementsAre("take 2", "take 3", "take 4", "remove 4"));
  EXPECT_THAT(keeper.links(), IsEmpty());
}

TEST_F(IngressKeeperTest, APredecessorsRecordIsTakenOver) {
  std::vector<LinkChange> record;
  {
    IngressKeeper killed(tc_, program_);
    (void)killed.check(now_);
    record = killed.links();
  }
  (void)tc_.said();
  IngressKeeper keeper(tc_, program_, record);
  (void)keeper.check(now_);
  EXPECT_EQ(keeper.links(), record);

  EXPECT_FALSE(keeper.remove_all());

  EXPECT_THAT(tc_.said(), ElementsAre("take 2", "remove 2", "take 3", "remove 3"));
}

TEST_F(IngressKeeperTest, WhatNoRecordListsIsFound) {
  tc_.hooks[2].ours = 5;
  tc_.hooks[3].others = true;
  tc_.hooks[4] = {5, true};
  std::vector<LinkChange> links;

  EXPECT_FALSE(add_unlisted(tc_, links));

  EXPECT_FALSE(IngressKeeper(tc_, program_, links).remove_all());
  EXPECT_THAT(tc_.said(), ElementsAre("take 2", "remove 2", "take 4"));
}

TEST_F(IngressKeeperTest, WhatARecordListsIsAsItSays) {
  tc_.hooks[2].ours = 5;
  tc_.hooks[3].ours = 5;
  // The qdisc of 2 was somebody's before.
  std::vector<LinkChange> links{{2, "eth0", "tc ingress filter"}};

  EXPECT_FALSE(add_unlisted(tc_, links));

  EXPECT_FALSE(IngressKeeper(tc_, program_, links).remove_all());
  EXPECT_THAT(tc_.said(), ElementsAre("take 2", "take 3", "remove 3"));
}

TEST_F(IngressKeeperTest, WhatCanNotBeLookedForIsSaid) {
  tc_.no_look = EPERM;
  std::vector<LinkChange> links;

  EXPECT_TRUE(add_unlisted(tc_, links));
}

TEST_F(IngressKeeperTest, AnIndexThatIsUsedAgainIsAnotherInterface) {
  tc_.hooks[3] = {};
  IngressKeeper keeper(tc_, program_, {{3, "gone", "clsact qdisc"}});
  (void)keeper.check(now_);
  (void)tc_.said();

  EXPECT_FALSE(keeper.remove_all());

  EXPECT_THAT(tc_.said(), ElementsAre("take 2", "remove 2", "take 3"));
}

TEST_F(IngressKeeperTest, WhatFailsIsNamedAndTriedAgain) {
  tc_.refused = {3};
  IngressKeeper keeper(tc_, program_);
  (void)keeper.check(now_);
  EXPECT_EQ(keeper.size(), 1u);
  ASSERT_EQ(keeper.problems().size(), 1u);
  EXPECT_THAT(keeper.problems().front(), HasSubstr("interface veth3: "));

  tc_.refused.clear();
  EXPECT_EQ(keeper.check(now_).value(), 0u);

  EXPECT_THAT(keeper.problems(), IsEmpty());
  EXPECT_EQ(keeper.size(), 2u);
}

TEST_F(IngressKeeperTest, WhatCanNotBeRemovedStaysListed) {
  IngressKeeper keeper(tc_, program_);
  (void)keeper.check(now_);
  tc_.refused = {3};

  EXPECT_TRUE(keeper.remove_all());

  ASSERT_EQ(keeper.links().size(), 2u);
  EXPECT_EQ(keeper.links().front().name, "veth3");
}

TEST_F(IngressKeeperTest, AKernelWithoutTrafficControlHasNothingUnlisted) {
  std::vector<LinkChange> links;
  tc_.no_look = EOPNOTSUPP;
  EXPECT_FALSE(add_unlisted(tc_, links));

  tc_.no_look = EPERM;
  EXPECT_TRUE(add_unlisted(tc_, links));
  EXPECT_THAT(links, IsEmpty());
}

TEST_F(IngressKeeperTest, WithoutALookNothingIsDone) {
  tc_.no_look = EPERM;
  IngressKeeper keeper(tc_, program_);

  EXPECT_FALSE(keeper.check(now_));

  EXPECT_THAT(tc_.said(), IsEmpty());
}

}  // namespace
}  // namespace wherry::steer
