#include "config/setting_values.h"

#include <chrono>

namespace wherry::config {

std::string quote(const std::string& text) { return '"' + text + '"'; }

Wrong whole_number_in(unsigned long long& into, const std::string& text, unsigned long long least,
                      unsigned long long most) {
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return quote(text) + " is no whole number; write one from " + range;
  }
  if (error != std::errc() || number < 0 || static_cast<unsigned long long>(number) < least ||
      static_cast<unsigned long long>(number) > most) {
    return text + " is out of range; write a whole number from " + range;
  }
  into = static_cast<unsigned long long>(number);
  return std::nullopt;
}

/// Far from what the clock can add up to.
constexpr Duration kLongestDuration = std::chrono::hours(8760);

Wrong duration(Duration& into, const std::string& text, bool may_be_zero) {
  const auto parsed = parse_duration(text);
  if (!parsed) {
    const bool lacks_unit =
        text.find_first_not_of("0123456789.") == std::string::npos && parse_duration(text + 's');
    return quote(text) + (lacks_unit
                              ? " has no unit; write " + text + "s, " + text + "ms or " + text + "m"
                              : " is no duration; write one such as 3s, 500ms or 1m30s");
  }
  if (!may_be_zero && *parsed == Duration::zero()) {
    return "must be longer than 0; write for example 3s";
  }
  if (*parsed > kLongestDuration)
    return text + " is too long; write at most 8760h, which is a year";
  into = *parsed;
  return std::nullopt;
}

}  // namespace wherry::config
