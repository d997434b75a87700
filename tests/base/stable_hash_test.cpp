#include "base/stable_hash.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

// Vectors of the reference implementation (draft-eastlake-fnv).
TEST(StableHash, IsFnv1a) {
  EXPECT_EQ(stable_hash(""), 0xcbf29ce484222325u);
  EXPECT_EQ(stable_hash("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(stable_hash("foobar"), 0x85944171f73967e8u);
}

TEST(StableHash, TakesBytesAsUnsigned) { EXPECT_EQ(stable_hash("\xff"), 0xaf64724c8602eb6eu); }

TEST(StableHash, DependsOnTheSeed) { EXPECT_NE(stable_hash("a", 1), stable_hash("a", 2)); }

}  // namespace
}  // namespace wherry
