#include "watcher/manifest/watch_points.h"

#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace wherry::manifest {

/// How gtest prints it.
void PrintTo(const WatchPoint& point, std::ostream* to) {
  *to << point.folder << " | " << point.name << " | " << point.file;
}

namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchPointsTest : public ::testing::Test {
 protected:
  /// The points below the temporary folder; those above it are the same for all.
  std::vector<WatchPoint> points(const std::string& path) const {
    std::vector<WatchPoint> all = watch_points_of(path, "FILE");
    std::erase_if(all, [this](const WatchPoint& point) {
      return point.folder.size() < root_.path().string().size();
    });
    return all;
  }
  WatchPoint at(const std::string& folder, const std::string& name) const {
    return {folder.empty() ? root_.path().string() : root_ / folder, name, ""};
  }
  WatchPoint last(const std::string& folder, const std::string& name) const {
    WatchPoint point = at(folder, name);
    point.file = "FILE";
    return point;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_symlink(target, root_ / name);
  }

  test::TempFolder root_;
};

TEST_F(WatchPointsTest, NameEachFolderOnTheWay) {
  root_.write("a/b/web.yaml", "");

  EXPECT_THAT(points(root_ / "a/b/web.yaml"),
              ElementsAre(at("", "a"), at("a", "b"), last("a/b", "web.yaml")));
}

TEST_F(WatchPointsTest, BeginAtTheRoot) {
  root_.write("web.yaml", "");

  const auto all = watch_points_of(root_ / "web.yaml", "FILE");

  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front().folder, "/");
  EXPECT_EQ(all.back(), last("", "web.yaml"));
}

TEST_F(WatchPointsTest, EndAtTheFirstMissingPart) {
  fs::create_directory(root_ / "a");

  EXPECT_THAT(points(root_ / "a/b/web.yaml"), ElementsAre(at("", "a"), last("a", "b")));
  EXPECT_THAT(points(root_ / "web.yaml"), ElementsAre(last("", "web.yaml")));
}

TEST_F(WatchPointsTest, EndAtAFileWhereAFolderShouldBe) {
  root_.write("a", "");

  EXPECT_THAT(points(root_ / "a/web.yaml"), ElementsAre(last("", "a")));
}

TEST_F(WatchPointsTest, FollowALinkToAFile) {
  root_.write("real/x.yaml", "");
  link("web.yaml", "real/x.yaml");

  EXPECT_THAT(points(root_ / "web.yaml"),
              ElementsAre(at("", "web.yaml"), at("", "real"), last("real", "x.yaml")));
}

TEST_F(WatchPointsTest, FollowALinkToAFolder) {
  root_.write("real/x.yaml", "");
  link("now", "real");

  EXPECT_THAT(points(root_ / "now/x.yaml"),
              ElementsAre(at("", "now"), at("", "real"), last("real", "x.yaml")));
}

TEST_F(WatchPointsTest, FollowAnAbsoluteLink) {
  root_.write("real/x.yaml", "");
  link("now", root_ / "real");

  EXPECT_THAT(points(root_ / "now/x.yaml"),
              ElementsAre(at("", "now"), at("", "real"), last("real", "x.yaml")));
}

TEST_F(WatchPointsTest, FollowAChainOfLinks) {
  root_.write("real/x.yaml", "");
  link("one", "two");
  link("two", "three");
  link("three", "real");

  EXPECT_THAT(points(root_ / "one/x.yaml"),
              ElementsAre(at("", "one"), at("", "two"), at("", "three"), at("", "real"),
                          last("real", "x.yaml")));
}

TEST_F(WatchPointsTest, FollowALinkThatGoesUp) {
  root_.write("real/x.yaml", "");
  fs::create_directory(root_ / "links");
  link("links/now", "../real/./x.yaml");

  EXPECT_THAT(points(root_ / "links/now"), ElementsAre(at("", "links"), at("links", "now"),
                                                       at("", "real"), last("real", "x.yaml")));
}

TEST_F(WatchPointsTest, GoUpFromWhereALinkLeadsAsTheKernelDoes) {
  root_.write("deep/er/y", "");
  root_.write("deep/x.yaml", "");
  link("now", "deep/er");

  EXPECT_THAT(points(root_ / "now/../x.yaml"),
              ElementsAre(at("", "now"), at("", "deep"), at("deep", "er"), last("deep", "x.yaml")));
}

TEST_F(WatchPointsTest, EndWhereALinkLeadsNowhere) {
  link("web.yaml", "gone/x.yaml");

  EXPECT_THAT(points(root_ / "web.yaml"), ElementsAre(at("", "web.yaml"), last("", "gone")));
}

TEST_F(WatchPointsTest, EndInALoop) {
  link("a", "b");
  link("b", "a");
  link("self", "self");

  const auto loop = points(root_ / "a/x.yaml");
  const auto self = points(root_ / "self");

  EXPECT_LE(loop.size(), 50u);
  EXPECT_NE(std::find(loop.begin(), loop.end(), at("", "b")), loop.end());
  EXPECT_LE(self.size(), 50u);
  EXPECT_EQ(self.back(), last("", "self"));
}

TEST_F(WatchPointsTest, FollowTheLinksOfAConfigMapMount) {
  root_.write("..2026_11_23/web.yaml", "");
  link("..data", "..2026_11_23");
  link("web.yaml", "..data/web.yaml");

  EXPECT_THAT(points(root_ / "web.yaml"),
              ElementsAre(at("", "web.yaml"), at("", "..data"), at("", "..2026_11_23"),
                          last("..2026_11_23", "web.yaml")));
}

TEST_F(WatchPointsTest, IgnoreSlashesAndDotsThatMeanNothing) {
  root_.write("a/web.yaml", "");

  EXPECT_THAT(points(root_ / "./a//web.yaml"), ElementsAre(at("", "a"), last("a", "web.yaml")));
  EXPECT_THAT(points(root_ / "a/"), ElementsAre(last("", "a")));
  EXPECT_THAT(points(root_ / "a/."), ElementsAre(last("", "a")));
}

TEST_F(WatchPointsTest, ReadRelativePathsFromTheWorkingFolder) {
  const auto all = watch_points_of("no-such-file.yaml", "FILE");

  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back(),
            (WatchPoint{fs::canonical(fs::current_path()).string(), "no-such-file.yaml", "FILE"}));
}

TEST(WatchPointsOfTheRoot, AreNone) { EXPECT_THAT(watch_points_of("/", "FILE"), IsEmpty()); }

}  // namespace
}  // namespace wherry::manifest
