#include "watcher/manifest/scan.h"

#include "tests/support/temp_folder.h"
#include "tests/watcher/no_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace wherry::manifest {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct NameCase {
  std::string name;
  std::string file;
  bool read;
};

class ManifestNames : public ::testing::TestWithParam<NameCase> {};

TEST_P(ManifestNames, FollowTheTable) {
  EXPECT_EQ(is_manifest_name(GetParam().file), GetParam().read);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ManifestNames,
    ::testing::Values(
        NameCase{"Yaml", "web.yaml", true}, NameCase{"Yml", "web.yml", true},
        NameCase{"Json", "web.json", true}, NameCase{"ManyDots", "web.v1.yaml", true},
        NameCase{"SpaceInName", "my web.yaml", true}, NameCase{"DotFile", ".web.yaml", false},
        NameCase{"SuffixAlone", ".yaml", false}, NameCase{"ConfigMapsOwn", "..data", false},
        NameCase{"NoSuffix", "web", false}, NameCase{"NoDot", "yaml", false},
        NameCase{"UpperCase", "web.YAML", false}, NameCase{"Backup", "web.yaml~", false},
        NameCase{"SwapFile", "web.yaml.swp", false}, NameCase{"Text", "README.md", false},
        NameCase{"Empty", "", false}),
    [](const auto& each) { return each.param.name; });

std::string pod_text(const std::string& name) {
  return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + "}}\n";
}

class ScanTest : public ::testing::Test {
 protected:
  /// What a scan finds in these paths.
  ScanResult scan_of(std::vector<std::string> paths) {
    ScanRequest request;
    request.paths = std::move(paths);
    return scan(request);
  }
  ScanResult scan_again(const ScanResult& before, ScanRequest request = {}) {
    request.paths = {root_.path()};
    for (const ScannedFile& file : before.files) request.known.emplace(file.path, file.identity);
    return scan(request);
  }
  static ScanRequest asking(std::set<std::string> forced, std::set<std::string> held,
                            bool force_all = false) {
    ScanRequest request;
    request.forced = std::move(forced);
    request.held = std::move(held);
    request.force_all = force_all;
    return request;
  }
  /// Paths below the temporary folder.
  std::vector<std::string> files(const ScanResult& result) const {
    std::vector<std::string> names;
    for (const ScannedFile& file : result.files) {
      names.push_back(file.path.substr(root_.path().string().size() + 1));
    }
    return names;
  }
  /// The same, of the files that were read.
  std::vector<std::string> read(const ScanResult& result) const {
    ScanResult kept;
    for (const ScannedFile& file : result.files) {
      if (file.text) kept.files.push_back(file);
    }
    return files(kept);
  }
  static std::vector<std::string> faults(const ScanResult& result) {
    std::vector<std::string> lines;
    for (const ScannedFile& file : result.files) {
      if (!file.text) continue;
      for (const Fault& fault : file.text->faults) lines.push_back(fault.to_string());
    }
    return lines;
  }

  test::TempFolder root_;
};

TEST_F(ScanTest, ReadsTheManifestsOfAFolder) {
  root_.write("a.yaml", pod_text("a"));
  root_.write("b.yml", pod_text("b"));
  root_.write("c.json", R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c"}})");
  root_.write("README.md", "x");
  root_.write(".d.yaml", "x");
  root_.write("e.yaml~", "x");

  const ScanResult result = scan_of({root_.path()});

  EXPECT_THAT(files(result), ElementsAre("a.yaml", "b.yml", "c.json"));
  ASSERT_TRUE(result.files[2].text);
  EXPECT_EQ(result.files[2].text->content.pods.at(0).meta.key.name, "c");
  ASSERT_THAT(result.paths, SizeIs(1));
  EXPECT_TRUE(result.paths[0].exists);
  EXPECT_EQ(result.paths[0].unreadable, "");
}

TEST_F(ScanTest, DoesNotGoIntoSubfolders) {
  root_.write("a.yaml", pod_text("a"));
  root_.write("more/b.yaml", pod_text("b"));
  root_.write("folder.yaml/c.yaml", pod_text("c"));

  EXPECT_THAT(files(scan_of({root_.path()})), ElementsAre("a.yaml"));
}

TEST_F(ScanTest, FollowsLinksToFiles) {
  root_.write("elsewhere/real.txt", pod_text("a"));
  fs::create_symlink("elsewhere/real.txt", root_ / "a.yaml");
  fs::create_symlink("a.yaml", root_ / "b.yaml");

  const ScanResult result = scan_of({root_.path()});

  EXPECT_THAT(read(result), ElementsAre("a.yaml", "b.yaml"));
  EXPECT_THAT(faults(result), IsEmpty());
}

TEST_F(ScanTest, PassesOverLinksThatLeadToNoFile) {
  fs::create_directory(root_ / "folder");
  fs::create_symlink("gone", root_ / "dangling.yaml");
  fs::create_symlink("loop.yaml", root_ / "loop.yaml");
  fs::create_symlink("folder", root_ / "folder.yaml");

  EXPECT_THAT(files(scan_of({root_.path()})), IsEmpty());
}

TEST_F(ScanTest, PassesOverWhatIsNoFile) {
  ASSERT_EQ(::mkfifo((root_ / "pipe.yaml").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", root_ / "device.yaml");

  EXPECT_THAT(files(scan_of({root_.path()})), IsEmpty());
}

TEST_F(ScanTest, TakesAFileThatIsGivenWhateverItsName) {
  root_.write(".hidden", pod_text("a"));
  root_.write("web.txt", pod_text("b"));

  EXPECT_THAT(read(scan_of({root_ / ".hidden", root_ / "web.txt"})),
              ElementsAre(".hidden", "web.txt"));
}

TEST_F(ScanTest, TakesNoPipeThatIsGiven) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);

  const ScanResult result = scan_of({root_ / "pipe"});

  EXPECT_THAT(files(result), IsEmpty());
}

TEST_F(ScanTest, OrdersFilesByPathThenName) {
  root_.write("one/b.yaml", pod_text("b"));
  root_.write("one/a.yaml", pod_text("a"));
  root_.write("two/B.yaml", pod_text("c"));

  const ScanResult result = scan_of({root_ / "two", root_ / "one"});

  EXPECT_THAT(files(result), ElementsAre("two/B.yaml", "one/a.yaml", "one/b.yaml"));
  EXPECT_EQ(result.files[0].order, FileOrder(0, "B.yaml"));
  EXPECT_EQ(result.files[1].order, FileOrder(1, "a.yaml"));
  EXPECT_EQ(result.files[2].order, FileOrder(1, "b.yaml"));
}

TEST_F(ScanTest, TakesAFileOnceWhereItIsGivenTwice) {
  root_.write("a.yaml", pod_text("a"));

  EXPECT_THAT(files(scan_of({root_ / "a.yaml", root_.path(), root_ / "a.yaml"})),
              ElementsAre("a.yaml"));
}

TEST_F(ScanTest, SaysWhichPathsExist) {
  root_.write("a.yaml", pod_text("a"));
  fs::create_symlink("gone", root_ / "dangling");

  const ScanResult result = scan_of({root_ / "gone", root_ / "a.yaml", root_ / "dangling"});

  ASSERT_THAT(result.paths, SizeIs(3));
  EXPECT_FALSE(result.paths[0].exists);
  EXPECT_TRUE(result.paths[1].exists);
  EXPECT_FALSE(result.paths[2].exists);
}

TEST_F(ScanTest, RefusesAFileLargerThan32MiBWithoutReadingIt) {
  root_.write("big.yaml", "");
  fs::resize_file(root_ / "big.yaml", (32u << 20) + 1);

  EXPECT_THAT(
      faults(scan_of({root_.path()})),
      ElementsAre((root_ / "big.yaml") + ": is larger than 32 MiB; split it into several files"));
}

TEST_F(ScanTest, ReadsAFileOf32MiB) {
  root_.write("big.yaml", "# " + std::string((32u << 20) - 3, 'x') + "\n");

  EXPECT_THAT(faults(scan_of({root_.path()})), IsEmpty());
}

TEST_F(ScanTest, FaultsCarryTheFilesPath) {
  root_.write("bad.yaml", "kind: Pod\n");

  EXPECT_THAT(faults(scan_of({root_.path()})),
              ElementsAre(StartsWith((root_ / "bad.yaml") + ":1:1: ")));
}

TEST_F(ScanTest, DoesNotReadAgainWhatLooksUnchanged) {
  root_.write("a.yaml", pod_text("a"));
  root_.write("b.yaml", pod_text("b"));
  const ScanResult before = scan_of({root_.path()});
  root_.replace("b.yaml", pod_text("c"));

  const ScanResult after = scan_again(before);

  EXPECT_THAT(files(after), ElementsAre("a.yaml", "b.yaml"));
  EXPECT_THAT(read(after), ElementsAre("b.yaml"));
}

TEST_F(ScanTest, SeesAChangeThatKeepsSizeAndTime) {
  root_.write("a.yaml", pod_text("a"));
  const fs::path file = root_ / "a.yaml";
  const auto time = fs::last_write_time(file);
  const ScanResult before = scan_of({root_.path()});
  root_.replace("a.yaml", pod_text("b"));
  fs::last_write_time(file, time);

  EXPECT_THAT(read(scan_again(before)), ElementsAre("a.yaml"));
}

TEST_F(ScanTest, SeesALinkThatLeadsElsewhere) {
  root_.write("v1/web.yaml", pod_text("a"));
  root_.write("v2/web.yaml", pod_text("a"));
  fs::create_symlink("v1/web.yaml", root_ / "web.yaml");
  const ScanResult before = scan_of({root_.path()});
  fs::remove(root_ / "web.yaml");
  fs::create_symlink("v2/web.yaml", root_ / "web.yaml");

  EXPECT_THAT(read(scan_again(before)), ElementsAre("web.yaml"));
}

TEST_F(ScanTest, ReadsWhatIsForced) {
  root_.write("a.yaml", pod_text("a"));
  root_.write("b.yaml", pod_text("b"));
  const ScanResult before = scan_of({root_.path()});

  EXPECT_THAT(read(scan_again(before, asking({root_ / "a.yaml"}, {}))), ElementsAre("a.yaml"));
  EXPECT_THAT(read(scan_again(before, asking({}, {}, true))), ElementsAre("a.yaml", "b.yaml"));
}

TEST_F(ScanTest, DoesNotReadWhatIsHeld) {
  root_.write("a.yaml", pod_text("a"));
  const ScanResult before = scan_of({root_.path()});
  root_.replace("a.yaml", pod_text("b"));
  root_.write("new.yaml", pod_text("c"));
  const std::set<std::string> held = {root_ / "a.yaml", root_ / "new.yaml"};

  const ScanResult during = scan_again(before, asking({}, held));
  const ScanResult forced = scan_again(before, asking(held, held, true));

  EXPECT_THAT(files(during), ElementsAre("a.yaml", "new.yaml"));
  EXPECT_THAT(read(during), IsEmpty());
  EXPECT_THAT(read(forced), IsEmpty());
}

TEST_F(ScanTest, ReadsWhatWasHeldOnceItIsReleased) {
  root_.write("a.yaml", pod_text("a"));
  const ScanResult before = scan_of({root_.path()});
  root_.replace("a.yaml", pod_text("b"));
  root_.write("new.yaml", pod_text("c"));

  const ScanResult during = scan_again(before, asking({}, {root_ / "a.yaml", root_ / "new.yaml"}));

  EXPECT_THAT(read(scan_again(during)), ElementsAre("a.yaml", "new.yaml"));
}

TEST_F(ScanTest, WatchesTheFolderAndTheWayToItsLinks) {
  root_.write("in/a.yaml", pod_text("a"));
  root_.write("else/real.txt", pod_text("b"));
  fs::create_symlink("../else/real.txt", root_ / "in/b.yaml");

  const auto points = scan_of({root_ / "in"}).watch_points;

  const auto has = [&points](const WatchPoint& point) {
    return std::find(points.begin(), points.end(), point) != points.end();
  };
  EXPECT_TRUE(has({root_ / "in", "", root_ / "in"}));
  EXPECT_TRUE(has({root_.path(), "in", root_ / "in"}));
  EXPECT_TRUE(has({root_ / "else", "real.txt", root_ / "in/b.yaml"}));
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end()));
  EXPECT_EQ(std::adjacent_find(points.begin(), points.end()), points.end());
}

// --- without permission

TEST_F(ScanTest, NamesAFileThatItMayNotRead) {
  root_.write("a.yaml", pod_text("a"));
  root_.write("secret.yaml", pod_text("b"));
  const test::NoAccess none(root_.path(), root_ / "secret.yaml", fs::perms::none);

  const ScanResult result = scan_of({root_.path()});

  EXPECT_THAT(files(result), ElementsAre("a.yaml", "secret.yaml"));
  EXPECT_THAT(faults(result),
              ElementsAre((root_ / "secret.yaml") + ": can't be read: Permission denied"));
}

TEST_F(ScanTest, SaysThatAFolderCannotBeListed) {
  root_.write("in/a.yaml", pod_text("a"));
  const test::NoAccess enter_only(root_.path(), root_ / "in", fs::perms(0111));

  const ScanResult result = scan_of({root_ / "in"});

  ASSERT_THAT(result.paths, SizeIs(1));
  EXPECT_TRUE(result.paths[0].exists);
  EXPECT_EQ(result.paths[0].unreadable, "Permission denied");
}

TEST_F(ScanTest, NamesTheFilesOfAFolderThatItMayListButNotEnter) {
  root_.write("in/a.yaml", pod_text("a"));
  root_.write("in/README.md", "");
  const test::NoAccess list_only(root_.path(), root_ / "in", fs::perms(0444));

  const ScanResult result = scan_of({root_ / "in"});

  EXPECT_THAT(files(result), ElementsAre("in/a.yaml"));
  EXPECT_THAT(faults(result),
              ElementsAre((root_ / "in/a.yaml") + ": can't be read: Permission denied"));
}

TEST_F(ScanTest, DoesNotTakeAPathForGoneThatItMayNotLookAt) {
  root_.write("locked/in/a.yaml", pod_text("a"));
  const test::NoAccess none(root_.path(), root_ / "locked", fs::perms::none);

  const ScanResult result = scan_of({root_ / "locked/in"});

  ASSERT_THAT(result.paths, SizeIs(1));
  EXPECT_TRUE(result.paths[0].exists);
  EXPECT_EQ(result.paths[0].unreadable, "Permission denied");
}

TEST_F(ScanTest, ReadsAgainWhatItMayReadAgain) {
  root_.write("a.yaml", pod_text("a"));
  ScanResult before;
  {
    const test::NoAccess none(root_.path(), root_ / "a.yaml", fs::perms::none);
    before = scan_of({root_.path()});
  }

  const ScanResult after = scan_again(before);

  EXPECT_THAT(read(after), ElementsAre("a.yaml"));
  EXPECT_THAT(faults(after), IsEmpty());
}

}  // namespace
}  // namespace wherry::manifest
