#pragma once

// Where this repository's files are, for tests that read documentation or test data. Any thread.

#include <string>
#include <string_view>

namespace wherry::test {

/// Absolute path of `file`, which is named as seen from the repository's root.
std::string repository_path(std::string_view file);

}  // namespace wherry::test
