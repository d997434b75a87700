#include "proxy/steer/node_lock.h"

#include "proxy/steer/node_socket.h"
#include "tests/proxy/steer/in_namespace.h"
#include "tests/support/net_namespace.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace wherry::steer {
namespace {

using ::testing::HasSubstr;

constexpr NetworkNamespace kNode{4026531840, 1};
const NodeOwner kSelf{4711, "2026-01-02T03:04:05Z", "node-a"};

bool is_lock(const std::variant<NodeLock, NodeLockRefusal>& taken) { return taken.index() == 0; }

/// In a network namespace of the test's own: the lock takes a name there.
class NodeLockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    node_.emplace();
    inside_.emplace(*node_);
  }

  std::optional<test::NetNamespace> node_;
  std::optional<test::NetNamespace::Inside> inside_;
};

/// A socket with the lock's name; it listens with `backlog`, if there is one.
UniqueFd named_socket(std::optional<int> backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view name(kNodeSocketName);
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  if (backlog) {
    EXPECT_EQ(::listen(fd.get(), *backlog), 0);
  }
  return fd;
}

/// The same as another user, who is not root.
UniqueFd somebodys_socket(std::optional<int> backlog) {
  UniqueFd fd;
  std::thread thread([&] {
    // Of this thread alone, which setresuid(3) would not do.
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    fd = named_socket(backlog);
  });
  thread.join();
  return fd;
}

TEST_F(NodeLockTest, MakesItsFolder) {
  const test::TempFolder folder;

  EXPECT_TRUE(is_lock(NodeLock::take(folder / "run/wherry", kNode, kSelf)));
}

TEST_F(NodeLockTest, IsOneForANodeAndNamesItsOwner) {
  const test::TempFolder folder;
  const auto first = NodeLock::take(folder.path(), kNode, kSelf);
  ASSERT_TRUE(is_lock(first));

  const auto second = NodeLock::take(folder.path(), kNode, {5, "later", {}});

  ASSERT_FALSE(is_lock(second));
  const auto& refusal = std::get<NodeLockRefusal>(second);
  EXPECT_TRUE(refusal.is_taken);
  EXPECT_THAT(refusal.text, HasSubstr("pid 4711 on node-a, since 2026-01-02T03:04:05Z"));
  EXPECT_THAT(refusal.text, HasSubstr("--steering bind"));
}

TEST_F(NodeLockTest, IsAnotherForAnotherNode) {
  const test::TempFolder folder;
  const auto first = NodeLock::take(folder.path(), kNode, kSelf);

  const test::NetNamespace other;
  const test::NetNamespace::Inside inside(other);
  EXPECT_TRUE(is_lock(NodeLock::take(folder.path(), {kNode.inode + 1, 2}, kSelf)));
}

TEST_F(NodeLockTest, IsOneForANodeWhateverTheFolderIs) {
  const test::TempFolder folder;
  const test::TempFolder elsewhere;
  {
    const auto first = NodeLock::take(folder.path(), kNode, kSelf);
    ASSERT_TRUE(is_lock(first));

    const auto second = NodeLock::take(elsewhere.path(), kNode, {5, "later", {}});

    ASSERT_FALSE(is_lock(second));
    const auto& refusal = std::get<NodeLockRefusal>(second);
    EXPECT_TRUE(refusal.is_taken);
    EXPECT_THAT(refusal.text, HasSubstr("(pid " + std::to_string(::getpid()) + "; it holds"));
    EXPECT_THAT(refusal.text, HasSubstr("--steering bind"));
    EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path())) << "no file is left of the attempt";
  }
  EXPECT_TRUE(is_lock(NodeLock::take(elsewhere.path(), kNode, kSelf)));
}

TEST_F(NodeLockTest, IsFreeAsSoonAsItsOwnerIsKilled) {
  const test::TempFolder folder;
  const test::TempFolder elsewhere;
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const UniqueFd reading(ready[0]);
  UniqueFd writing(ready[1]);
  const pid_t owner = ::fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    const auto lock = NodeLock::take(folder.path(), kNode, kSelf);
    if (is_lock(lock) && ::write(writing.get(), "+", 1) == 1) ::pause();
    ::_exit(1);
  }
  writing.reset();
  char word = 0;
  EXPECT_EQ(::read(reading.get(), &word, 1), 1);
  const auto while_it_runs = NodeLock::take(elsewhere.path(), kNode, kSelf);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);

  ASSERT_FALSE(is_lock(while_it_runs));
  EXPECT_THAT(std::get<NodeLockRefusal>(while_it_runs).text,
              HasSubstr("pid " + std::to_string(owner)));
  EXPECT_TRUE(is_lock(NodeLock::take(elsewhere.path(), kNode, kSelf)));
}

TEST_F(NodeLockTest, IsHeldAlsoByOneWhoTakesNoConnectionAnyMore) {
  const test::TempFolder folder;
  const UniqueFd other = named_socket(0);

  // The first one stays in the queue, which has one place.
  for (int n = 0; n < 2; ++n) {
    const auto lock = NodeLock::take(folder.path(), kNode, kSelf);
    ASSERT_FALSE(is_lock(lock)) << n;
    EXPECT_TRUE(std::get<NodeLockRefusal>(lock).is_taken);
  }
}

TEST_F(NodeLockTest, CanNotBeKeptFromUsByAnotherUser) {
  const test::TempFolder folder;
  const UniqueFd other = somebodys_socket(0);

  for (int n = 0; n < 2; ++n) {
    const auto lock = NodeLock::take(folder.path(), kNode, kSelf);
    ASSERT_TRUE(is_lock(lock)) << n;
    const auto second = NodeLock::take(folder.path(), kNode, kSelf);
    EXPECT_FALSE(is_lock(second)) << "the file counts all the same";
  }
}

TEST_F(NodeLockTest, CanNotBeKeptFromUsByAnotherUserWhoDoesNotListen) {
  const test::TempFolder folder;
  const UniqueFd other = somebodys_socket(std::nullopt);

  EXPECT_TRUE(is_lock(NodeLock::take(folder.path(), kNode, kSelf)));
}

TEST_F(NodeLockTest, IsHeldByOneWhoHasNotBegunToListen) {
  const test::TempFolder folder;
  const UniqueFd other = named_socket(std::nullopt);

  const auto lock = NodeLock::take(folder.path(), kNode, kSelf);

  ASSERT_FALSE(is_lock(lock));
  EXPECT_TRUE(std::get<NodeLockRefusal>(lock).is_taken);
}

TEST_F(NodeLockTest, GoesWithItsOwnerAndLeavesNoFile) {
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

TEST_F(NodeLockTest, IsFreeWhereAKilledOneLeftItsFile) {
  const test::TempFolder folder;
  const std::string name = "netns-" + std::to_string(kNode.inode) + ".lock";
  folder.write(name, "pid 1234567890123, since a long time ago and before");

  const auto lock = NodeLock::take(folder.path(), kNode, kSelf);

  ASSERT_TRUE(is_lock(lock));
  const auto second = NodeLock::take(folder.path(), kNode, kSelf);
  EXPECT_THAT(std::get<NodeLockRefusal>(second).text,
              HasSubstr("(pid 4711 on node-a, since 2026-01-02"));
  EXPECT_THAT(std::get<NodeLockRefusal>(second).text, ::testing::Not(HasSubstr("before")));
}

TEST_F(NodeLockTest, NamesTheFlagWhereTheFolderCannotBeUsed) {
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
