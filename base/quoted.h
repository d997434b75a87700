#pragma once

#include <string>
#include <string_view>

namespace wherry {

/// A text as a JSON string literal. Control characters, also those beyond ASCII, are escaped, so
/// that a stranger's text cannot steer the terminal that shows it; what is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string quoted(std::string_view text);

/// The same without quotes around it and without escaping quotes and backslashes: for a line that
/// is the program's own, but for some of its words.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace wherry
