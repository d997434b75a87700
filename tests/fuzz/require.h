#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace wherry::fuzz {

/// Ends the process, which is how a fuzz target says that a property does not hold.
inline void require(bool holds, std::string_view claim, const std::string& details = "") {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n%s\n", static_cast<int>(claim.size()), claim.data(),
               details.c_str());
  std::abort();
}

}  // namespace wherry::fuzz
