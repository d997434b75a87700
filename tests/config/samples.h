#pragma once

#include "config/options.h"
#include "config/setting.h"

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::config {

/// Two values of one setting, neither its default, and how an option shows which one it holds.
/// A new setting needs a sample here, or the tests that go through all settings fail.
struct Sample {
  std::string_view flag;
  std::vector<std::string> texts;  ///< as flags take them
  std::string yaml;                ///< the same, as a file says it
  std::string value;               ///< what `seen` gives then
  std::string other_yaml;
  std::string other_value;
  std::function<std::string(const Options&)> seen;
};

/// nullptr if the setting has none.
[[nodiscard]] const Sample* sample_of(std::string_view flag);

/// The flag of every setting: what tests go through.
[[nodiscard]] std::vector<std::string> all_flags();

/// A flag as a test's name: "listen-address" is listen_address.
[[nodiscard]] std::string test_name(std::string flag);

}  // namespace wherry::config
