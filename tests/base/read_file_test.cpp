#include "base/read_file.h"

#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sys/stat.h>

namespace wherry {
namespace {

namespace errc = boost::system::errc;

class ReadFileTest : public ::testing::Test {
 protected:
  test::TempFolder folder_;
};

TEST_F(ReadFileTest, ReadsEveryByte) {
  const std::string content("a\0b\r\n\xff", 6);
  folder_.write("file", content);

  EXPECT_EQ(read_file(folder_ / "file", 100), content);
}

TEST_F(ReadFileTest, ReadsAnEmptyFile) {
  folder_.write("file", "");

  EXPECT_EQ(read_file(folder_ / "file", 0), "");
}

TEST_F(ReadFileTest, ReadsAFileOfExactlyTheLimit) {
  folder_.write("file", std::string(1000, 'x'));

  EXPECT_EQ(read_file(folder_ / "file", 1000).value().size(), 1000u);
}

TEST_F(ReadFileTest, RefusesOneByteMoreThanTheLimit) {
  folder_.write("file", std::string(1001, 'x'));

  EXPECT_EQ(read_file(folder_ / "file", 1000).error(), errc::file_too_large);
}

TEST_F(ReadFileTest, ReadsAFileThatHidesItsSize) {
  // fstat() says 0 bytes for files of /proc, which is also what a file looks like that is growing.
  EXPECT_GT(read_file("/proc/self/status", 100'000).value().size(), 100u);
}

TEST_F(ReadFileTest, LimitsAFileThatHidesItsSize) {
  EXPECT_EQ(read_file("/proc/self/status", 100).error(), errc::file_too_large);
}

TEST_F(ReadFileTest, FollowsSymbolicLinks) {
  folder_.write("file", "x");
  std::filesystem::create_symlink("file", folder_ / "link");

  EXPECT_EQ(read_file(folder_ / "link", 100), "x");
}

TEST_F(ReadFileTest, SaysThatAFileIsMissing) {
  EXPECT_EQ(read_file(folder_ / "none", 100).error(), errc::no_such_file_or_directory);
}

TEST_F(ReadFileTest, SaysThatAPathGoesThroughAFile) {
  folder_.write("file", "x");

  EXPECT_EQ(read_file(folder_ / "file/x", 100).error(), errc::not_a_directory);
}

TEST_F(ReadFileTest, RefusesAFolder) {
  EXPECT_EQ(read_file(folder_.path(), 100).error(), errc::is_a_directory);
}

TEST_F(ReadFileTest, RefusesAFifoWithoutWaitingForAWriter) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);

  EXPECT_EQ(read_file(folder_ / "fifo", 100).error(), errc::no_such_device);
}

TEST_F(ReadFileTest, RefusesADevice) {
  EXPECT_EQ(read_file("/dev/zero", 100).error(), errc::no_such_device);
}

}  // namespace
}  // namespace wherry
