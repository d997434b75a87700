#include "tests/watcher/manifest/source_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace wherry::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- links

TEST_F(ManifestSourceTest, FollowsAConfigMapMount) {
  root_.write("..v1/web.yaml", pod_text("p1"));
  fs::create_symlink("..v1", root_ / "..data");
  fs::create_symlink("..data/web.yaml", root_ / "web.yaml");
  follow({root_.path()});
  EXPECT_THAT(pods(), ElementsAre("p1"));

  for (const char* version : {"2", "3", "4"}) {
    root_.write(std::string("..v") + version + "/web.yaml", pod_text(std::string("p") + version));
    relink("..data", std::string("..v") + version);
    pass(50ms);

    EXPECT_THAT(pods(), ElementsAre(std::string("p") + version));
    fs::remove_all(root_ / ("..v" + std::to_string(version[0] - '1')));
    pass(50ms);
  }
  EXPECT_THAT(broken(), IsEmpty());
}

TEST_F(ManifestSourceTest, FollowsAFileOfAConfigMapThatIsGivenItself) {
  root_.write("..v1/web.yaml", pod_text("p1"));
  root_.write("..v2/web.yaml", pod_text("p2"));
  fs::create_symlink("..v1", root_ / "..data");
  fs::create_symlink("..data/web.yaml", root_ / "web.yaml");
  follow({root_ / "web.yaml"});
  EXPECT_THAT(pods(), ElementsAre("p1"));

  relink("..data", "..v2");
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, FollowsAConfigMapThatGainsAndLosesKeys) {
  root_.write("..v1/a.yaml", pod_text("p1"));
  fs::create_symlink("..v1", root_ / "..data");
  fs::create_symlink("..data/a.yaml", root_ / "a.yaml");
  follow({root_.path()});

  root_.write("..v2/b.yaml", pod_text("p2"));
  relink("..data", "..v2");
  fs::create_symlink("..data/b.yaml", root_ / "b.yaml");
  fs::remove(root_ / "a.yaml");
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, FollowsAFolderThatIsGivenByALink) {
  root_.write("v1/a.yaml", pod_text("p1"));
  root_.write("v2/a.yaml", pod_text("p2"));
  fs::create_symlink("v1", root_ / "now");
  follow({root_ / "now"});
  EXPECT_THAT(pods(), ElementsAre("p1"));

  relink("now", "v2");
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));

  root_.write("v2/a.yaml", pod_text("p3"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p3"));
}

TEST_F(ManifestSourceTest, FollowsALinkOnTheWayToTheFolder) {
  root_.write("v1/manifests/a.yaml", pod_text("p1"));
  root_.write("v2/manifests/a.yaml", pod_text("p2"));
  fs::create_symlink("v1", root_ / "now");
  follow({root_ / "now/manifests"});

  relink("now", "v2");
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, FollowsALinkThatIsRemovedAndMadeAgain) {
  root_.write("v1/a.yaml", pod_text("p1"));
  root_.write("v2/a.yaml", pod_text("p2"));
  fs::create_symlink("v1", root_ / "now");
  follow({root_ / "now"});

  fs::remove(root_ / "now");
  pass(100ms);
  fs::create_symlink("v2", root_ / "now");
  pass(600ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, FollowsTheFileBehindALink) {
  root_.write("in/other.yaml", pod_text("q"));
  root_.write("else/real.txt", pod_text("p1"));
  fs::create_symlink("../else/real.txt", root_ / "in/a.yaml");
  follow({root_ / "in"});
  EXPECT_THAT(pods(), ElementsAre("p1", "q"));

  root_.write("else/real.txt", pod_text("p2"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2", "q"));

  root_.remove("else/real.txt");
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("q"));

  root_.write("else/real.txt", pod_text("p3"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p3", "q"));
}

// --- folders that go and come back

TEST_F(ManifestSourceTest, AFolderThatComesBackAtOnceWasNeverGone) {
  root_.write("in/a.yaml", pod_text("p1"));
  follow({root_ / "in"});

  fs::rename(root_ / "in", root_ / "old");
  pass(400ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));
  root_.write("new/a.yaml", pod_text("p1"));
  root_.write("new/b.yaml", pod_text("p2"));
  fs::rename(root_ / "new", root_ / "in");
  pass(1000ms);

  EXPECT_THAT(pods(), ElementsAre("p1", "p2"));
  EXPECT_EQ(pods_.erased(), 0u);
  EXPECT_EQ(log_.count("a path of manifests is gone"), 1u);
}

TEST_F(ManifestSourceTest, AFolderThatStaysAwayIsForgottenAfterHalfASecond) {
  root_.write("in/a.yaml", pod_text("p1"));
  follow({root_ / "in"});

  fs::remove_all(root_ / "in");
  pass(480ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));

  pass(80ms);
  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_EQ(log_.count("a path of manifests is gone"), 1u);
}

TEST_F(ManifestSourceTest, AFolderThatComesBackLateIsReadAgain) {
  root_.write("up/in/a.yaml", pod_text("p1"));
  follow({root_ / "up/in"});
  fs::remove_all(root_ / "up");
  pass(1000ms);
  EXPECT_THAT(pods(), IsEmpty());

  root_.write("up/in/a.yaml", pod_text("p2"));
  pass(100ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));

  root_.write("up/in/a.yaml", pod_text("p3"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p3"));
}

TEST_F(ManifestSourceTest, AFolderThatIsEmptiedIsEmptyAtOnce) {
  root_.write("in/a.yaml", pod_text("p1"));
  follow({root_ / "in"});

  fs::remove(root_ / "in/a.yaml");
  pass(50ms);

  EXPECT_THAT(pods(), IsEmpty());
}

TEST_F(ManifestSourceTest, AFolderInWhosePlaceAFileStandsIsThatFile) {
  root_.write("in/a.yaml", pod_text("p1"));
  follow({root_ / "in"});

  fs::remove_all(root_ / "in");
  root_.write("in", pod_text("p2"));
  pass(100ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
}

// --- files that are given themselves

TEST_F(ManifestSourceTest, FollowsAFileThatIsGiven) {
  root_.write("web.txt", pod_text("p1"));
  root_.write("neighbour.yaml", pod_text("q"));
  follow({root_ / "web.txt"});
  EXPECT_THAT(pods(), ElementsAre("p1"));

  root_.write("web.txt", pod_text("p2"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));

  root_.replace("web.txt", pod_text("p3"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p3"));
}

TEST_F(ManifestSourceTest, DoesNotTakeAGivenFileBeforeItIsClosed) {
  root_.write("web.txt", pod_text("p1"));
  follow({root_ / "web.txt"});

  std::ofstream file(root_ / "web.txt", std::ios::trunc);
  file << "{apiVersion" << std::flush;
  pass(400ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));

  file.seekp(0);
  file << pod_text("p2");
  file.close();
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
  EXPECT_THAT(broken(), IsEmpty());
}

TEST_F(ManifestSourceTest, AGivenFileThatIsRemovedIsForgottenAfterHalfASecond) {
  root_.write("web.txt", pod_text("p1"));
  follow({root_ / "web.txt"});

  root_.remove("web.txt");
  pass(480ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));
  pass(80ms);
  EXPECT_THAT(pods(), IsEmpty());

  root_.write("web.txt", pod_text("p2"));
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

}  // namespace
}  // namespace wherry::manifest
