#include "base/duration.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace wherry {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  std::string_view text;
  Duration duration;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.text; }

class ParseDuration : public ::testing::TestWithParam<Case> {};

TEST_P(ParseDuration, ReadsWhatGoReads) {
  EXPECT_EQ(parse_duration(GetParam().text), GetParam().duration);
}

// From the table of Go's own test (src/time/time_test.go, parseDurationTests).
INSTANTIATE_TEST_SUITE_P(
    Accepted, ParseDuration,
    ::testing::Values(Case{"Zero", "0", 0s}, Case{"PlusZero", "+0", 0s},
                      Case{"ZeroSeconds", "0s", 0s}, Case{"Seconds", "5s", 5s},
                      Case{"ManySeconds", "1478s", 1478s}, Case{"Plus", "+5s", 5s},
                      Case{"Fraction", "5.6s", 5600ms}, Case{"TrailingDot", "5.s", 5s},
                      Case{"LeadingDot", ".5s", 500ms}, Case{"TrailingZeros", "1.0040s", 1004ms},
                      Case{"Nanoseconds", "10ns", 10ns}, Case{"Microseconds", "11us", 11us},
                      Case{"MicroSign", "12\u00b5s", 12us}, Case{"GreekMu", "12\u03bcs", 12us},
                      Case{"Milliseconds", "13ms", 13ms}, Case{"Minutes", "15m", 15min},
                      Case{"Hours", "16h", 16h}, Case{"HoursAndMinutes", "3h30m", 3h + 30min},
                      Case{"AnyOrder", "10.5s4m", 4min + 10500ms}, Case{"AUnitTwice", "1s1s", 2s},
                      Case{"AllUnits", "1h2m3s4ms5us6ns", 1h + 2min + 3s + 4ms + 5us + 6ns},
                      Case{"FractionOfAnHour", "39h9m14.425s", 39h + 9min + 14425ms},
                      Case{"LongFraction", "0.3333333333333333333h", 20min},
                      Case{"FractionLongerThan64Bits", "0.100000000000000000000h", 6min},
                      Case{"FractionRoundsDown", "1.9ns", 1ns},
                      Case{"MoreThanADoubleHolds", "9007199254740993ns", 9007199254740993ns},
                      Case{"ExactFarFromZero", "5000h1ns", 5000h + 1ns},
                      Case{"Longest", "9223372036854775807ns", Duration::max()},
                      Case{"LongestInParts", "9223372036s854ms775us807ns", Duration::max()}),
    test::CaseName{});

class ParseDurationRefusal : public ::testing::TestWithParam<Case> {};

TEST_P(ParseDurationRefusal, IsNoDuration) {
  EXPECT_EQ(parse_duration(GetParam().text), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Refused, ParseDurationRefusal,
    ::testing::Values(
        Case{"Empty", "", {}}, Case{"NoUnit", "3", {}}, Case{"ZeroWithoutUnitAtTheEnd", "1s0", {}},
        Case{"Minus", "-5s", {}}, Case{"MinusZero", "-0", {}}, Case{"PlusOnly", "+", {}},
        Case{"TwoPluses", "++5s", {}}, Case{"PlusMinus", "+-5s", {}},
        Case{"MinusInside", "1m-5s", {}}, Case{"UnitOnly", "s", {}}, Case{"Dot", ".", {}},
        Case{"DotUnit", ".s", {}}, Case{"TwoDots", "1.2.3s", {}}, Case{"Days", "1d", {}},
        Case{"UpperCase", "5S", {}}, Case{"LeadingSpace", " 5s", {}},
        Case{"TrailingSpace", "5s ", {}}, Case{"InnerSpace", "1m 5s", {}},
        Case{"Exponent", "1e3s", {}}, Case{"Hex", "0x10s", {}}, Case{"Infinite", "infs", {}},
        Case{"NotANumber", "nans", {}}, Case{"BadBytes", "\x85\x85", {}},
        Case{"OneTooMany", "9223372036854775808ns", {}},
        Case{"OneTooManyInParts", "9223372036s854ms775us808ns", {}},
        Case{"TooManyHours", "3000000h", {}},
        Case{"TooManyDigits", "99999999999999999999999ns", {}}),
    test::CaseName{});

class FormatDuration : public ::testing::TestWithParam<Case> {};

TEST_P(FormatDuration, WritesWholeUnits) {
  EXPECT_EQ(format_duration(GetParam().duration), GetParam().text);
}

TEST_P(FormatDuration, IsReadBack) {
  EXPECT_EQ(parse_duration(GetParam().text), GetParam().duration);
}

INSTANTIATE_TEST_SUITE_P(
    Durations, FormatDuration,
    ::testing::Values(Case{"Zero", "0s", 0s}, Case{"Nanosecond", "1ns", 1ns},
                      Case{"HalfASecond", "500ms", 500ms}, Case{"Second", "1s", 1s},
                      Case{"MinuteAndAHalf", "1m30s", 90s}, Case{"Hour", "1h", 60min},
                      Case{"ManyHours", "36h", 36h}, Case{"SecondAndAHalf", "1s500ms", 1500ms},
                      Case{"EveryUnit", "1h2m3s4ms5us6ns", 1h + 2min + 3s + 4ms + 5us + 6ns},
                      Case{"Longest", "2562047h47m16s854ms775us807ns", Duration::max()}),
    test::CaseName{});

}  // namespace
}  // namespace wherry
