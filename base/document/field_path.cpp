#include "base/document/field_path.h"

#include "base/quoted.h"

namespace wherry::document {

std::string FieldPath::to_string() const {
  std::string text;
  for (const PathStep& step : steps) {
    if (const auto* index = std::get_if<std::size_t>(&step)) {
      text += '[' + std::to_string(*index) + ']';
      continue;
    }
    const auto& key = std::get<std::string>(step);
    const std::string in_quotes = quoted(key);
    const bool is_escaped = in_quotes.size() != key.size() + 2;
    if (key.empty() || is_escaped || key.find_first_of(".[]/ ") != std::string::npos) {
      text += '[' + in_quotes + ']';
    } else {
      if (!text.empty()) text += '.';
      text += key;
    }
  }
  return text;
}

}  // namespace wherry::document
