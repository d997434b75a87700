#include "watcher/api/gunzip.h"

#include "tests/watcher/api/gzip_of.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace wherry::api {
namespace {

class GunzipTest : public ::testing::Test {
 protected:
  [[nodiscard]] bool feed(std::string_view bytes) {
    return !gunzip_.feed(bytes, [this](std::string_view piece) {
      largest_ = std::max(largest_, piece.size());
      text_ += piece;
    });
  }
  Gunzip gunzip_;
  std::string text_;
  std::size_t largest_ = 0;
};

TEST_F(GunzipTest, A22_UnpacksWhateverTheCuts) {
  const std::string packed = test::gzip_of("a text, and a text, and a text");
  for (const char byte : packed) ASSERT_TRUE(feed({&byte, 1}));
  EXPECT_EQ(text_, "a text, and a text, and a text");
  EXPECT_TRUE(gunzip_.is_complete());
}

TEST_F(GunzipTest, A22_HandsOverPiecesOfAtMost64KiB) {
  ASSERT_TRUE(feed(test::gzip_of(std::string(5u << 20, 'x'))));
  EXPECT_EQ(text_.size(), 5u << 20);
  EXPECT_LE(largest_, 64u << 10);
}

TEST_F(GunzipTest, A22_ReadsOneMemberAfterAnother) {
  ASSERT_TRUE(feed(test::gzip_of("one ") + test::gzip_of("two")));
  EXPECT_EQ(text_, "one two");
  EXPECT_TRUE(gunzip_.is_complete());
}

TEST_F(GunzipTest, A22_KnowsThatItIsNotComplete) {
  const std::string packed = test::gzip_of("a text");
  for (std::size_t size = 1; size < packed.size(); ++size) {
    Gunzip gunzip;
    EXPECT_FALSE(gunzip.feed(packed.substr(0, size), [](std::string_view) {}));
    EXPECT_FALSE(gunzip.is_complete()) << size;
  }
}

TEST_F(GunzipTest, A22_RefusesAWrongChecksum) {
  std::string packed = test::gzip_of("a text");
  packed[packed.size() - 8] = static_cast<char>(packed[packed.size() - 8] ^ 1);
  EXPECT_FALSE(feed(packed));
}

TEST_F(GunzipTest, A22_RefusesWhatIsNoGzip) { EXPECT_FALSE(feed("{\"kind\":\"PodList\"}")); }

}  // namespace
}  // namespace wherry::api
