#include "base/environment.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

TEST(Environment, IsWhatTheProcessHas) {
  // Whoever starts tests has these two.
  EXPECT_FALSE(Environment::of_process().get("PATH").empty());
  EXPECT_EQ(Environment::of_process().get("WHERRY_NO_SUCH_VARIABLE"), "");
}

TEST(Environment, IsWhatItIsGiven) {
  const Environment environment({{"A", "1"}, {"B", ""}});

  EXPECT_EQ(environment.get("A"), "1");
  EXPECT_EQ(environment.get("B"), "");
  EXPECT_EQ(environment.get("C"), "");
}

}  // namespace
}  // namespace wherry
