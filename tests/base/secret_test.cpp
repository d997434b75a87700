#include "base/secret.h"

#include "base/read_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>

namespace wherry {
namespace {

/// The flags of the mapping that holds this address, out of /proc/self/smaps.
std::string flags_at(const void* address) {
  const std::string smaps = read_file("/proc/self/smaps", 64u << 20).value();
  std::istringstream lines(smaps);
  bool is_there = false;
  for (std::string line; std::getline(lines, line);) {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2) {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      is_there = at >= first && at < last;
    }
    if (is_there && line.starts_with("VmFlags:")) return line;
  }
  return "";
}

TEST(Secret, HoldsItsText) {
  const Secret secret("abc");
  const Secret copy = secret;

  EXPECT_EQ(secret.view(), "abc");
  EXPECT_EQ(copy, secret);
  EXPECT_FALSE(copy == Secret("abd"));
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret("") == Secret());
}

TEST(Secret, IsLeftOutOfCoreDumps) {
  const Secret secret("a token that nobody else may have");
  const std::string flags = flags_at(secret.view().data());
  if (flags.empty()) GTEST_SKIP() << "SKIPPED: this kernel shows no VmFlags in /proc/self/smaps";

  EXPECT_THAT(flags, ::testing::HasSubstr(" dd"));
}

TEST(Secret, WipesCopies) {
  std::string copy = "a token";
  wipe(copy);

  EXPECT_EQ(copy, std::string(7, '\0'));
}

}  // namespace
}  // namespace wherry
