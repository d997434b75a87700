#include "base/unique_fd.h"

#include <gtest/gtest.h>

#include <fcntl.h>

namespace wherry {
namespace {

int open_fd() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, IsEmptyByDefault) { EXPECT_FALSE(UniqueFd()); }

TEST(UniqueFd, OwnsDescriptorZeroToo) {
  UniqueFd fd(0);

  EXPECT_TRUE(fd);

  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFd, ClosesAtTheEndOfItsScope) {
  const int number = open_fd();
  {
    const UniqueFd fd(number);
  }

  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, LeavesAReleasedDescriptorOpen) {
  const int number = open_fd();
  {
    UniqueFd fd(number);
    EXPECT_EQ(fd.release(), number);
  }

  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(UniqueFd, MovesTheDescriptorAlong) {
  const int number = open_fd();
  UniqueFd from(number);

  const UniqueFd to(std::move(from));

  EXPECT_EQ(to.get(), number);
  EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, ClosesWhatAnAssignmentReplaces) {
  const int first = open_fd();
  const int second = open_fd();
  UniqueFd fd(first);

  fd = UniqueFd(second);

  EXPECT_FALSE(is_open(first));
  EXPECT_TRUE(is_open(second));
}

TEST(UniqueFd, SurvivesAssignmentToItself) {
  const int number = open_fd();
  UniqueFd fd(number);
  UniqueFd& same = fd;

  fd = std::move(same);

  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, ClosesOnReset) {
  const int number = open_fd();
  UniqueFd fd(number);

  fd.reset();

  EXPECT_FALSE(fd);
  EXPECT_FALSE(is_open(number));
}

}  // namespace
}  // namespace wherry
