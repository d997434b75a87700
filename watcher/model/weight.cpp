#include "watcher/model/weight.h"

#include <charconv>

namespace wherry::model {

std::optional<Weight> parse_weight(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  Weight weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return weight >= 1 && weight <= kMostWeight ? std::optional(weight) : std::nullopt;
}

}  // namespace wherry::model
