#include "base/duration.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace wherry {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
// "ms" stands before "m" so that the longer name is tried first. Both signs that look like a Greek
// mu are in use: U+00B5 and U+03BC.
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\u00b5s", 1'000},
                                         {"\u03bcs", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};
constexpr std::uint64_t kLongest = INT64_MAX;  // nanoseconds: 292 years

std::string_view take_digits(std::string_view& text) noexcept {
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  text.remove_prefix(digits.size());
  return digits;
}

/// The nanoseconds in ".digits" of a unit, rounded down. Digits that 63 bits cannot hold are left
/// out, as Go does.
std::uint64_t fraction_of(std::string_view digits, const Unit& unit) noexcept {
  std::uint64_t fraction = 0;
  double scale = 1;
  for (const char digit : digits) {
    const auto value = static_cast<std::uint64_t>(digit - '0');
    if (fraction > (kLongest - value) / 10) break;
    fraction = fraction * 10 + value;
    scale *= 10;
  }
  return static_cast<std::uint64_t>(static_cast<double>(fraction) *
                                    (static_cast<double>(unit.nanoseconds) / scale));
}

const Unit* take_unit(std::string_view& text) noexcept {
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

/// Takes one number with its unit off the text.
std::optional<std::uint64_t> take_part(std::string_view& text) noexcept {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;

  std::uint64_t number = 0;
  if (!whole.empty() &&
      std::from_chars(whole.data(), whole.data() + whole.size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  const Unit* unit = take_unit(text);
  if (unit == nullptr || number > kLongest / unit->nanoseconds) return std::nullopt;
  return number * unit->nanoseconds + fraction_of(fraction, *unit);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;

  std::uint64_t total = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part) return std::nullopt;
    total += *part;  // no overflow: both are below 2^63 + one unit
    if (total > kLongest) return std::nullopt;
  }
  return Duration(static_cast<Duration::rep>(total));
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  struct Step {
    std::string_view name;
    long long nanoseconds;
  };
  constexpr std::array<Step, 6> kSteps = {{{"h", 3'600'000'000'000},
                                           {"m", 60'000'000'000},
                                           {"s", 1'000'000'000},
                                           {"ms", 1'000'000},
                                           {"us", 1'000},
                                           {"ns", 1}}};
  std::string text;
  long long rest = duration.count();
  for (const Step& step : kSteps) {
    const long long whole = rest / step.nanoseconds;
    if (whole == 0) continue;
    text += std::to_string(whole);
    text += step.name;
    rest -= whole * step.nanoseconds;
  }
  return text;
}

}  // namespace wherry
