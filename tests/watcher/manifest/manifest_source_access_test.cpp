#include "tests/watcher/manifest/source_fixture.h"
#include "tests/watcher/no_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace wherry::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// --- without permission

TEST_F(ManifestSourceTest, AFileThatMayNotBeReadKeepsItsLastGoodContent) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});
  {
    const test::NoAccess none(root_.path(), root_ / "a.yaml", fs::perms::none);
    pass(50ms);

    EXPECT_THAT(pods(), ElementsAre("p1"));
    EXPECT_THAT(broken(), ElementsAre((root_ / "a.yaml") + ": can't be read: Permission denied"));
  }
  pass(50ms);
  EXPECT_THAT(broken(), IsEmpty());
  EXPECT_THAT(pods(), ElementsAre("p1"));
}

struct LockCase {
  std::string name;
  std::string path;  ///< what is followed
  std::string locked;
  unsigned mode;
  std::string reason;
};

class LockedFolder : public ManifestSourceTest, public ::testing::WithParamInterface<LockCase> {};

TEST_P(LockedFolder, KeepsItsLastGoodContentAndIsNamed) {
  root_.write("up/in/a.yaml", pod_text("p1"));
  follow({root_ / GetParam().path});
  EXPECT_THAT(pods(), ElementsAre("p1"));
  {
    const test::NoAccess lock(root_.path(), root_ / GetParam().locked, fs::perms(GetParam().mode));
    pass(30s);

    EXPECT_THAT(pods(), ElementsAre("p1"));
    EXPECT_THAT(broken(), ElementsAre(root_.path().string() + GetParam().reason));
    EXPECT_EQ(log_.count("a manifest is broken"), 1u);
  }
  pass(50ms);

  EXPECT_THAT(broken(), IsEmpty());
  EXPECT_THAT(pods(), ElementsAre("p1"));
  root_.write("up/in/a.yaml", pod_text("p2"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, LockedFolder,
    ::testing::Values(LockCase{"NotToBeListed", "up/in", "up/in", 0111,
                               "/up/in: can't be listed: Permission denied"},
                      LockCase{"NotToBeEntered", "up/in", "up/in", 0444,
                               "/up/in/a.yaml: can't be read: Permission denied"},
                      LockCase{"NeitherNor", "up/in", "up/in", 0,
                               "/up/in: can't be listed: Permission denied"},
                      LockCase{"ParentNotToBeEntered", "up/in", "up", 0,
                               "/up/in: can't be listed: Permission denied"},
                      LockCase{"FolderOfAGivenFile", "up/in/a.yaml", "up/in", 0,
                               "/up/in/a.yaml: can't be listed: Permission denied"}),
    [](const auto& each) { return each.param.name; });

TEST_F(ManifestSourceTest, AFolderThatIsLockedAtFirstIsReadOnceItIsOpen) {
  root_.write("in/a.yaml", pod_text("p1"));
  {
    const test::NoAccess lock(root_.path(), root_ / "in", fs::perms(0));
    follow({root_ / "in"});
    EXPECT_TRUE(source_->has_synced());
    EXPECT_THAT(pods(), IsEmpty());
    EXPECT_THAT(broken(), ElementsAre((root_ / "in") + ": can't be listed: Permission denied"));
  }
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p1"));
  EXPECT_THAT(broken(), IsEmpty());
  root_.write("in/a.yaml", pod_text("p2"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, ALockedFolderThatGoesIsNotCalledWhole) {
  root_.write("in/a.yaml", pod_text("p1"));
  follow({root_ / "in"});
  {
    const test::NoAccess lock(root_.path(), root_ / "in", fs::perms(0));
    pass(50ms);
    EXPECT_THAT(broken(), SizeIs(1));
  }
  // The folder is unlocked and gone before anybody looks.
  fs::remove_all(root_ / "in");
  pass(1000ms);

  EXPECT_THAT(broken(), IsEmpty());
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_EQ(log_.count("whole again"), 0u);
}

// --- what inotify does not tell

TEST_F(ManifestSourceTest, LooksAtAllFilesEveryTenSeconds) {
  root_.write("in/a.yaml", pod_text("p1"));
  // Written under its other name, which stands in a folder that is not watched.
  fs::create_directory(root_ / "else");
  fs::create_hard_link(root_ / "in/a.yaml", root_ / "else/other-name");
  follow({root_ / "in"});
  root_.write("else/other-name", pod_text("p2"));

  pass(9s);
  EXPECT_THAT(pods(), ElementsAre("p1"));

  pass(1500ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, DoesNothingWhileNothingChanges) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});
  const std::size_t told = pods_.calls();

  pass(35s);

  EXPECT_EQ(pods_.calls(), told);
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(timers_.waiting(), 1u);
}

TEST_F(ManifestSourceTest, ReadsEverythingAgainAfterTheEventQueueOverflowed) {
  std::size_t limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  if (limit > 200'000) GTEST_SKIP() << "this machine's event queue holds " << limit << " events";
  root_.write("a.yaml", pod_text("p1"));
  // Bytes that are changed through a mapping that was written before change no time and tell
  // nobody.
  const int fd = ::open((root_ / "a.yaml").c_str(), O_RDWR | O_CLOEXEC);
  const std::size_t size = pod_text("p1").size();
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const std::string before = pod_text("p1");
  const std::string after = pod_text("p2");
  std::memcpy(mapped, before.data(), size);
  follow({root_.path()});
  ASSERT_THAT(pods(), ElementsAre("p1"));
  std::memcpy(mapped, after.data(), size);

  for (std::size_t i = 0; i <= limit / 3; ++i) {
    std::ofstream(root_ / "b.yaml") << "";
    fs::remove(root_ / "b.yaml");
  }
  pass(100ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
  EXPECT_EQ(log_.count("too many changes at once: all manifests are read again"), 1u);
  ::munmap(mapped, size);
  ::close(fd);
}

}  // namespace
}  // namespace wherry::manifest
