#include "watcher/manifest/inotify.h"

#include "tests/support/temp_folder.h"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wherry::manifest {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class InotifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    watch_ = inotify_->add(folder_.path(), Inotify::Interest::NamesAndContents);
    ASSERT_GE(watch_, 0);
    inotify_->start();
  }
  void TearDown() override {
    if (inotify_) inotify_->stop();
    loop_.poll();
  }

  std::string describe(int watch, FileEvent event, std::string_view name) const {
    std::string text = watch == watch_ ? "" : "other ";
    switch (event) {
      case FileEvent::Written:
        text += "written ";
        break;
      case FileEvent::Changing:
        text += "changing ";
        break;
      case FileEvent::Gone:
        text += "gone ";
        break;
      case FileEvent::Folder:
        text += "folder ";
        break;
    }
    return text + std::string(name);
  }
  /// What was told since the last call. The kernel queues events before the system call returns
  /// that caused them, so that nothing has to be waited for.
  std::vector<std::string> events() {
    loop_.restart();
    while (loop_.poll() > 0) {
    }
    return std::exchange(events_, {});
  }

  test::TempFolder folder_;
  asio::io_context loop_;
  std::vector<std::string> events_;
  int watch_ = -1;
  std::unique_ptr<Inotify> inotify_ = std::make_unique<Inotify>(
      loop_, Inotify::Callbacks{
                 [this](int watch, FileEvent event, std::string_view name) {
                   events_.push_back(describe(watch, event, name));
                 },
                 [this](int watch) { events_.push_back(watch == watch_ ? "lost" : "lost other"); },
                 [this] { events_.push_back("overflow"); }});
};

TEST_F(InotifyTest, AFileIsChangingUntilItsWriterClosesIt) {
  std::ofstream file(folder_ / "a.yaml");
  file << "half" << std::flush;
  EXPECT_THAT(events(), AllOf(Not(IsEmpty()), Each("changing a.yaml")));

  file << "whole" << std::flush;
  EXPECT_THAT(events(), ElementsAre("changing a.yaml"));

  file.close();
  EXPECT_THAT(events(), ElementsAre("written a.yaml"));
}

TEST_F(InotifyTest, AFileThatIsMovedIntoPlaceIsWritten) {
  test::TempFolder elsewhere;
  elsewhere.write("b", "x");

  fs::rename(elsewhere / "b", folder_ / "a.yaml");

  EXPECT_THAT(events(), ElementsAre("written a.yaml"));
}

TEST_F(InotifyTest, AFileThatIsRemovedOrMovedAwayIsGone) {
  folder_.write("a.yaml", "x");
  folder_.write("b.yaml", "x");
  test::TempFolder elsewhere;
  (void)events();

  fs::remove(folder_ / "a.yaml");
  fs::rename(folder_ / "b.yaml", elsewhere / "b.yaml");

  EXPECT_THAT(events(), ElementsAre("gone a.yaml", "gone b.yaml"));
}

TEST_F(InotifyTest, WhatHappensToFoldersIsToldAsSuch) {
  fs::create_directory(folder_ / "a.yaml");
  fs::rename(folder_ / "a.yaml", folder_ / "b.yaml");
  fs::remove(folder_ / "b.yaml");

  EXPECT_THAT(events(),
              ElementsAre("folder a.yaml", "folder a.yaml", "folder b.yaml", "folder b.yaml"));
}

TEST_F(InotifyTest, ChangedPermissionsAreAHintToLookAgain) {
  folder_.write("a.yaml", "x");
  (void)events();

  fs::permissions(folder_ / "a.yaml", fs::perms::none);

  EXPECT_THAT(events(), ElementsAre("folder a.yaml"));
}

TEST_F(InotifyTest, AFolderThatIsRemovedIsLost) {
  fs::remove(folder_.path());

  EXPECT_THAT(events(), Contains("lost"));
}

TEST_F(InotifyTest, AFolderThatIsMovedIsLost) {
  test::TempFolder elsewhere;

  fs::rename(folder_.path(), elsewhere / "moved");

  EXPECT_THAT(events(), Contains("lost"));
}

TEST_F(InotifyTest, WatchesNoFilesAndNothingThatIsMissing) {
  folder_.write("a.yaml", "x");

  EXPECT_EQ(inotify_->add(folder_ / "a.yaml", Inotify::Interest::Names), -1);
  EXPECT_EQ(inotify_->add(folder_ / "missing", Inotify::Interest::Names), -1);
}

TEST_F(InotifyTest, SaysNothingOfAFolderThatIsNotWatchedAnyMore) {
  inotify_->remove(watch_);
  (void)events();

  folder_.write("a.yaml", "x");

  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(InotifyTest, TellsWhatIsPendingWhenAsked) {
  folder_.write("a.yaml", "x");

  inotify_->read_pending();

  EXPECT_THAT(std::exchange(events_, {}), Contains("written a.yaml"));
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(InotifyTest, GoesOnAfterItWasAsked) {
  inotify_->read_pending();
  (void)events();
  folder_.write("a.yaml", "x");
  inotify_->read_pending();
  (void)events();

  folder_.write("b.yaml", "x");

  EXPECT_THAT(events(), Contains("written b.yaml"));
}

TEST_F(InotifyTest, TellsNobodyAfterItStopped) {
  folder_.write("a.yaml", "x");
  inotify_->stop();

  EXPECT_THAT(events(), IsEmpty());
  inotify_->read_pending();
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(InotifyTest, MayBeDestroyedWhileAWakeIsOnItsWay) {
  // The first step of the loop finds the descriptor readable and queues the handler behind this
  // one.
  folder_.write("a.yaml", "x");
  bool destroyed = false;
  asio::post(loop_, [] {});
  asio::post(loop_, [&] {
    inotify_->stop();
    inotify_.reset();
    destroyed = true;
  });
  while (loop_.poll_one() > 0) {
  }

  EXPECT_TRUE(destroyed);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(InotifyTest, TellsOfAnOverflow) {
  // Each file costs three events; the queue holds max_queued_events.
  std::size_t limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  if (limit > 200'000) GTEST_SKIP() << "this machine's event queue holds " << limit << " events";

  for (std::size_t i = 0; i <= limit / 3; ++i) {
    std::ofstream(folder_ / "a.yaml") << "";
    fs::remove(folder_ / "a.yaml");
  }

  EXPECT_THAT(events(), Contains("overflow").Times(1));
}

}  // namespace
}  // namespace wherry::manifest
