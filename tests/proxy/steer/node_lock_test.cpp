#include "proxy/steer/node_lock.h"

#include "tests/proxy/steer/in_namespace.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>

#include <sys/wait.h>

namespace wherry::steer {
namespace {

using ::testing::HasSubstr;

constexpr NetworkNamespace kNode{4026531840, 1};
const NodeOwner kSelf{4711, "2026-01-02T03:04:05Z"};

bool is_lock(const std::variant<NodeLock, NodeLockRefusal>& taken) { return taken.index() == 0; }

TEST(NodeLock, MakesItsFolder) {
  const test::TempFolder folder;

  EXPECT_TRUE(is_lock(NodeLock::take(folder / "run/wherry", kNode, kSelf)));
}

TEST(NodeLock, IsOneForANodeAndNamesItsOwner) {
  const test::TempFolder folder;
  const auto first = NodeLock::take(folder.path(), kNode, kSelf);
  ASSERT_TRUE(is_lock(first));

  const auto second = NodeLock::take(folder.path(), kNode, {5, "later"});

  ASSERT_FALSE(is_lock(second));
  const auto& refusal = std::get<NodeLockRefusal>(second);
  EXPECT_TRUE(refusal.is_taken);
  EXPECT_THAT(refusal.text, HasSubstr("pid 4711, since 2026-01-02T03:04:05Z"));
  EXPECT_THAT(refusal.text, HasSubstr("--steering bind"));
}

TEST(NodeLock, IsAnotherForAnotherNode) {
  const test::TempFolder folder;
  const auto first = NodeLock::take(folder.path(), kNode, kSelf);

  EXPECT_TRUE(is_lock(NodeLock::take(folder.path(), {kNode.inode + 1, 2}, kSelf)));
}

TEST(NodeLock, GoesWithItsOwnerAndLeavesNoFile) {
  const test::TempFolder folder;
  std::string path;
  {
    const auto first = NodeLock::take(folder.path(), kNode, kSelf);
    path = std::get<NodeLock>(first).path();
    EXPECT_TRUE(std::filesystem::exists(path));
  }

  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(is_lock(NodeLock::take(folder.path(), kNode, kSelf)));
}

TEST(NodeLock, IsFreeWhereAKilledOneLeftItsFile) {
  const test::TempFolder folder;
  const std::string name = "netns-" + std::to_string(kNode.inode) + ".lock";
  folder.write(name, "pid 1234567890123, since a long time ago and before");

  const auto lock = NodeLock::take(folder.path(), kNode, kSelf);

  ASSERT_TRUE(is_lock(lock));
  const auto second = NodeLock::take(folder.path(), kNode, kSelf);
  EXPECT_THAT(std::get<NodeLockRefusal>(second).text, HasSubstr("(pid 4711, since 2026-01-02"));
  EXPECT_THAT(std::get<NodeLockRefusal>(second).text, ::testing::Not(HasSubstr("before")));
}

TEST(NodeLock, NamesTheFlagWhereTheFolderCannotBeUsed) {
  const test::TempFolder folder;
  folder.write("file", "");

  const auto lock = NodeLock::take(folder / "file", kNode, kSelf);

  ASSERT_FALSE(is_lock(lock));
  EXPECT_FALSE(std::get<NodeLockRefusal>(lock).is_taken);
  EXPECT_THAT(std::get<NodeLockRefusal>(lock).text, HasSubstr("--run-dir"));
}

TEST(NetworkNamespace, IsTheThreadsOwn) {
  const auto outside = own_network_namespace();
  ASSERT_TRUE(outside);
  in_new_network([&outside] {
    const auto inside = own_network_namespace();
    ASSERT_TRUE(inside);

    EXPECT_NE(inside->inode, outside->inode);
    EXPECT_NE(inside->cookie, outside->cookie);
    EXPECT_EQ(*own_network_namespace(), *inside);
  });
}

}  // namespace
}  // namespace wherry::steer
