#include "watcher/model/timestamp.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace wherry::model {
namespace {

/// Takes pieces off the front of a text; every function is false where the piece is not there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool literal(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool digits(std::size_t count, int& into) {
    if (text_.size() < count) return false;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + count, into);
    if (error != std::errc() || end != text_.data() + count || text_[0] == '-') return false;
    text_.remove_prefix(count);
    return true;
  }
  /// ".123456789" as nanoseconds; nothing at all is fine too.
  bool fraction(long long& nanoseconds) {
    nanoseconds = 0;
    if (!literal('.')) return true;
    long long unit = 100'000'000;
    std::size_t count = 0;
    while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      nanoseconds += (text_[0] - '0') * unit;
      unit /= 10;
      text_.remove_prefix(1);
      ++count;
    }
    return count > 0;
  }
  [[nodiscard]] bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<WallTime> parse_timestamp(std::string_view text) noexcept {
  namespace chrono = std::chrono;
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  long long nanoseconds = 0;
  const bool date = scan.digits(4, year) && scan.literal('-') && scan.digits(2, month) &&
                    scan.literal('-') && scan.digits(2, day);
  const bool time = date && (scan.literal('T') || scan.literal('t') || scan.literal(' ')) &&
                    scan.digits(2, hour) && scan.literal(':') && scan.digits(2, minute) &&
                    scan.literal(':') && scan.digits(2, second) && scan.fraction(nanoseconds);
  if (!time) return std::nullopt;

  int offset_hour = 0, offset_minute = 0, sign = 0;
  if (!scan.literal('Z') && !scan.literal('z')) {
    if (scan.literal('+')) {
      sign = -1;
    } else if (scan.literal('-')) {
      sign = 1;
    }
    if (sign == 0 || !scan.digits(2, offset_hour) || !scan.literal(':') ||
        !scan.digits(2, offset_minute)) {
      return std::nullopt;
    }
  }
  const chrono::year_month_day calendar{chrono::year(year),
                                        chrono::month(static_cast<unsigned>(month)),
                                        chrono::day(static_cast<unsigned>(day))};
  // 2262 is where a 64-bit count of nanoseconds ends.
  if (!scan.done() || !calendar.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 ||
      second > 60 || offset_hour > 23 || offset_minute > 59) {
    return std::nullopt;
  }
  return WallTime(chrono::duration_cast<WallTime::duration>(
      chrono::sys_days(calendar).time_since_epoch() + chrono::hours(hour + sign * offset_hour) +
      chrono::minutes(minute + sign * offset_minute) + chrono::seconds(second) +
      chrono::nanoseconds(nanoseconds)));
}

std::string format_timestamp(WallTime time) {
  namespace chrono = std::chrono;
  const auto seconds = chrono::floor<chrono::seconds>(time);
  const auto day = chrono::floor<chrono::days>(seconds);
  const chrono::year_month_day calendar(day);
  const chrono::hh_mm_ss clock(seconds - day);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(calendar.year()), static_cast<unsigned>(calendar.month()),
                static_cast<unsigned>(calendar.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::string format_timestamp_nanos(WallTime time) {
  namespace chrono = std::chrono;
  std::string text = format_timestamp(time);
  const auto part =
      chrono::duration_cast<chrono::nanoseconds>(time - chrono::floor<chrono::seconds>(time));
  if (part.count() == 0) return text;
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), ".%09lld", static_cast<long long>(part.count()));
  std::string fraction = digits.data();
  while (fraction.ends_with('0')) fraction.pop_back();
  text.insert(text.size() - 1, fraction);
  return text;
}

std::string format_micro_time(WallTime time) {
  namespace chrono = std::chrono;
  const auto within =
      chrono::floor<chrono::microseconds>(time - chrono::floor<chrono::seconds>(time));
  std::string digits = std::to_string(within.count());
  digits.insert(0, 6 - digits.size(), '0');
  std::string text = format_timestamp(time);
  text.insert(text.size() - 1, '.' + digits);
  return text;
}

}  // namespace wherry::model
