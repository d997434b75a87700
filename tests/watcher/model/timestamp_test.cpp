#include "watcher/model/timestamp.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace wherry::model {
namespace {

using namespace std::chrono_literals;

struct ParseCase {
  std::string name;
  std::string text;
  std::chrono::nanoseconds since_1970;
};

class ParseTimestamp : public ::testing::TestWithParam<ParseCase> {};

TEST_P(ParseTimestamp, ReadsRfc3339) {
  const auto time = parse_timestamp(GetParam().text);

  ASSERT_TRUE(time);
  EXPECT_EQ(time->time_since_epoch(), GetParam().since_1970);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseTimestamp,
    ::testing::Values(ParseCase{"Epoch", "1970-01-01T00:00:00Z", 0s},
                      // date -u -d 2026-11-23T10:00:00Z +%s
                      ParseCase{"AsKubernetesWritesIt", "2026-11-23T10:00:00Z", 1795428000s},
                      ParseCase{"LowerCaseLetters", "2026-11-23t10:00:00z", 1795428000s},
                      ParseCase{"SpaceBetween", "2026-11-23 10:00:00Z", 1795428000s},
                      ParseCase{"EastOfGreenwich", "2026-11-23T12:00:00+02:00", 1795428000s},
                      ParseCase{"WestOfGreenwich", "2026-11-23T04:30:00-05:30", 1795428000s},
                      ParseCase{"OffsetOverMidnight", "2026-11-24T00:00:00+14:00", 1795428000s},
                      ParseCase{"ZeroOffset", "2026-11-23T10:00:00+00:00", 1795428000s},
                      ParseCase{"UnknownOffset", "2026-11-23T10:00:00-00:00", 1795428000s},
                      ParseCase{"Tenths", "1970-01-01T00:00:01.5Z", 1500ms},
                      ParseCase{"MicroTime", "1970-01-01T00:00:00.000001Z", 1us},
                      ParseCase{"Nanoseconds", "1970-01-01T00:00:00.123456789Z", 123456789ns},
                      ParseCase{"FinerThanNanoseconds", "1970-01-01T00:00:00.1234567899999Z",
                                123456789ns},
                      ParseCase{"FractionAndOffset", "1970-01-01T01:00:00.25+01:00", 250ms},
                      ParseCase{"LeapSecond", "2016-12-31T23:59:60Z", 1483228800s},
                      ParseCase{"LeapDay", "2024-02-29T00:00:00Z", 1709164800s},
                      ParseCase{"BeforeTheEpoch", "1969-12-31T23:59:59Z", -1s},
                      ParseCase{"Earliest", "1678-01-01T00:00:00Z", -9214560000s},
                      ParseCase{"Latest", "2261-12-31T23:59:59.999999999-23:59",
                                9214646399s + 23h + 59min + 999999999ns}),
    [](const auto& each) { return each.param.name; });

class MalformedTimestamp : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MalformedTimestamp, IsNone) { EXPECT_EQ(parse_timestamp(GetParam().second), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(
    Table, MalformedTimestamp,
    ::testing::Values(
        std::pair("Empty", ""), std::pair("Word", "yesterday"), std::pair("DateOnly", "2026-11-23"),
        std::pair("NoSeconds", "2026-11-23T10:00Z"), std::pair("NoZone", "2026-11-23T10:00:00"),
        std::pair("TextAfterIt", "2026-11-23T10:00:00Z "),
        std::pair("TextBeforeIt", " 2026-11-23T10:00:00Z"),
        std::pair("OneDigitMonth", "2026-1-23T10:00:00Z"),
        std::pair("SignedMonth", "2026--1-23T10:00:00Z"),
        std::pair("PlusInADay", "2026-11-+3T10:00:00Z"),
        std::pair("NegativeYear", "-026-11-23T10:00:00Z"),
        std::pair("FiveDigitYear", "12026-11-23T10:00:00Z"),
        std::pair("Month0", "2026-00-23T10:00:00Z"), std::pair("Month13", "2026-13-23T10:00:00Z"),
        std::pair("Day0", "2026-11-00T10:00:00Z"),
        std::pair("Day31InNovember", "2026-11-31T10:00:00Z"),
        std::pair("NoLeapYear", "2025-02-29T10:00:00Z"),
        std::pair("Hour24", "2026-11-23T24:00:00Z"), std::pair("Minute60", "2026-11-23T10:60:00Z"),
        std::pair("Second61", "2026-11-23T10:00:61Z"),
        std::pair("DotWithoutDigits", "2026-11-23T10:00:00.Z"),
        std::pair("CommaFraction", "2026-11-23T10:00:00,5Z"),
        std::pair("OffsetWithoutColon", "2026-11-23T10:00:00+0200"),
        std::pair("OffsetHour24", "2026-11-23T10:00:00+24:00"),
        std::pair("OffsetMinute60", "2026-11-23T10:00:00+01:60"),
        std::pair("OffsetWithoutMinutes", "2026-11-23T10:00:00+02"),
        std::pair("ZoneName", "2026-11-23T10:00:00UTC"),
        std::pair("YearThatOverflows", "9999-11-23T10:00:00Z"),
        std::pair("YearThatUnderflows", "0001-01-01T00:00:00Z")),
    [](const auto& each) { return std::string(each.param.first); });

TEST(FormatTimestamp, CutsFractionsOffTowardsThePast) {
  EXPECT_EQ(format_timestamp(WallTime(1795428000s + 999ms)), "2026-11-23T10:00:00Z");
  EXPECT_EQ(format_timestamp(WallTime(-1ms)), "1969-12-31T23:59:59Z");
}

class TimestampRoundTrip : public ::testing::TestWithParam<const char*> {};

TEST_P(TimestampRoundTrip, GivesTheSameTextBack) {
  EXPECT_EQ(format_timestamp(parse_timestamp(GetParam()).value()), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Table, TimestampRoundTrip,
                         ::testing::Values("1970-01-01T00:00:00Z", "2026-11-23T10:00:00Z",
                                           "2024-02-29T23:59:59Z", "1678-01-01T00:00:00Z",
                                           "2261-12-31T23:59:59Z", "2000-12-31T00:00:01Z"));

TEST(FormatTimestampNanos, HasAsManyDigitsAsSaySomething) {
  const WallTime whole(1795428000s);

  EXPECT_EQ(format_timestamp_nanos(whole), "2026-11-23T10:00:00Z");
  EXPECT_EQ(format_timestamp_nanos(whole + 500ms), "2026-11-23T10:00:00.5Z");
  EXPECT_EQ(format_timestamp_nanos(whole + 120us), "2026-11-23T10:00:00.00012Z");
  EXPECT_EQ(format_timestamp_nanos(whole + 123456789ns), "2026-11-23T10:00:00.123456789Z");
  EXPECT_EQ(format_timestamp_nanos(WallTime(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, AMicroTimeHasSixDigitsOfASecond) {
  const WallTime second{std::chrono::seconds(1767225600)};
  EXPECT_EQ(format_micro_time(second), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_micro_time(second + std::chrono::microseconds(7)),
            "2026-01-01T00:00:00.000007Z");
  EXPECT_EQ(format_micro_time(second + std::chrono::nanoseconds(999'999'999)),
            "2026-01-01T00:00:00.999999Z");
}

}  // namespace
}  // namespace wherry::model
