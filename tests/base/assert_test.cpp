#include "base/assert.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

TEST(AssertDeathTest, NamesTheConditionThatFailed) {
  const int sessions = 1;

  EXPECT_DEATH(WHERRY_ASSERT(sessions == 0), "assert_test.cpp:.*assertion failed: sessions == 0");
}

TEST(Assert, EvaluatesTheConditionOnce) {
  int evaluations = 0;

  WHERRY_ASSERT(++evaluations > 0);

  EXPECT_EQ(evaluations, 1);
}

}  // namespace
}  // namespace wherry
