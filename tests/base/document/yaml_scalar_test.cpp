#include "base/document/yaml_scalar.h"

#include "tests/base/case_name.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace wherry::document {
namespace {

namespace json = boost::json;

struct Case {
  const char* name;
  std::string_view text;
  json::value value;
};
std::ostream& operator<<(std::ostream& out, const Case& each) {
  return out << each.text << " -> " << json::serialize(each.value);
}

class PlainScalar : public ::testing::TestWithParam<Case> {};

TEST_P(PlainScalar, MeansWhatGoYamlSays) {
  const json::value value = resolve_plain_scalar(GetParam().text);

  EXPECT_EQ(value, GetParam().value) << json::serialize(value);
}

TEST_P(PlainScalar, HasTheKindThatGoYamlSays) {
  EXPECT_EQ(resolve_plain_scalar(GetParam().text).kind(), GetParam().value.kind());
}

INSTANTIATE_TEST_SUITE_P(Null, PlainScalar,
                         ::testing::Values(Case{"Empty", "", nullptr}, Case{"Tilde", "~", nullptr},
                                           Case{"Lower", "null", nullptr},
                                           Case{"Capitalized", "Null", nullptr},
                                           Case{"Upper", "NULL", nullptr},
                                           Case{"OtherCaseIsText", "nULL", "nULL"},
                                           Case{"NilIsText", "nil", "nil"}),
                         test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Boolean, PlainScalar,
    ::testing::Values(Case{"y", "y", true}, Case{"Y", "Y", true}, Case{"yes", "yes", true},
                      Case{"Yes", "Yes", true}, Case{"YES", "YES", true}, Case{"on", "on", true},
                      Case{"On", "On", true}, Case{"ON", "ON", true}, Case{"true_", "true", true},
                      Case{"True", "True", true}, Case{"TRUE_", "TRUE", true},
                      Case{"n", "n", false}, Case{"N", "N", false}, Case{"no", "no", false},
                      Case{"No", "No", false}, Case{"NO", "NO", false}, Case{"off", "off", false},
                      Case{"Off", "Off", false}, Case{"OFF", "OFF", false},
                      Case{"false_", "false", false}, Case{"False", "False", false},
                      Case{"FALSE_", "FALSE", false}, Case{"OtherCaseIsText", "yEs", "yEs"},
                      Case{"tIsText", "t", "t"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Integer, PlainScalar,
    ::testing::Values(
        Case{"Zero", "0", 0}, Case{"Decimal", "685", 685}, Case{"Plus", "+685", 685},
        Case{"Minus", "-685", -685}, Case{"MinusZero", "-0", 0}, Case{"Hex", "0x1F", 31},
        Case{"HexUpper", "0X1f", 31}, Case{"MinusHex", "-0x10", -16}, Case{"OldOctal", "010", 8},
        Case{"Octal", "0o10", 8}, Case{"OctalUpper", "0O17", 15}, Case{"Binary", "0b101", 5},
        Case{"MinusBinary", "-0b101", -5}, Case{"Underscores", "1_000_000", 1000000},
        Case{"UnderscoreAfterPrefix", "0x_ff", 255}, Case{"TrailingUnderscore", "1_", 1},
        Case{"Largest", "9223372036854775807", std::numeric_limits<std::int64_t>::max()},
        Case{"Smallest", "-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
        Case{"LargestUnsigned", "18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
        Case{"LargestHex", "0xFFFFFFFFFFFFFFFF", std::numeric_limits<std::uint64_t>::max()},
        Case{"HexTooLargeIsText", "0x1FFFFFFFFFFFFFFFF", "0x1FFFFFFFFFFFFFFFF"},
        Case{"PrefixOnlyIsText", "0x", "0x"}, Case{"BadBinaryIsText", "0b102", "0b102"},
        Case{"BadOctalIsText", "0o8", "0o8"}, Case{"LeadingUnderscoreIsText", "_1", "_1"},
        Case{"TwoSignsAreText", "+-5", "+-5"}, Case{"TwoMinusesAreText", "--5", "--5"},
        Case{"MinusPlusIsText", "-+5", "-+5"}, Case{"SignAloneIsText", "-", "-"},
        Case{"SignAndPrefixIsText", "0x-1", "0x-1"}, Case{"UnitIsText", "5s", "5s"},
        Case{"AddressIsText", "10.0.0.1", "10.0.0.1"},
        Case{"CidrIsText", "10.0.0.0/8", "10.0.0.0/8"},
        Case{"DateIsText", "2026-01-01", "2026-01-01"},
        Case{"TimeIsText", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
        Case{"SexagesimalIsText", "1:30", "1:30"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Float, PlainScalar,
    ::testing::Values(
        Case{"Fraction", "0.5", 0.5}, Case{"LeadingDot", ".5", 0.5}, Case{"TrailingDot", "5.", 5.0},
        Case{"MinusLeadingDot", "-.5", -0.5}, Case{"PlusLeadingDot", "+.5", 0.5},
        Case{"Exponent", "1e3", 1000.0}, Case{"ExponentWithSign", "1.5E+3", 1500.0},
        Case{"NegativeExponent", "25e-1", 2.5}, Case{"BadOctalIsDecimal", "08", 8.0},
        Case{"Underscore", "1_0.5", 10.5},
        Case{"TooLargeInteger", "18446744073709551616", 18446744073709551616.0},
        Case{"TooSmallInteger", "-9223372036854775809", -9223372036854775809.0},
        Case{"OverflowIsText", "1e400", "1e400"}, Case{"TwoSignsAreText", "+-5.5", "+-5.5"},
        Case{"DotIsText", ".", "."}, Case{"ExponentOnlyIsText", "1e", "1e"},
        Case{"TwoDotsAreText", "1.2.3", "1.2.3"}, Case{"HexFloatIsText", "0x1p4", "0x1p4"},
        Case{"InfinityWordIsText", "-inf", "-inf"}, Case{"NanWordIsText", "nan", "nan"},
        // go-yaml reads these as numbers that JSON does not have, so kubectl refuses them.
        Case{"InfinityIsText", ".inf", ".inf"}, Case{"MinusInfinityIsText", "-.inf", "-.inf"},
        Case{"NotANumberIsText", ".nan", ".nan"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Text, PlainScalar,
    ::testing::Values(Case{"Word", "web", "web"}, Case{"Sentence", "a b c", "a b c"},
                      Case{"Unicode", "\u65e5\u672c", "\u65e5\u672c"}, Case{"MergeKey", "<<", "<<"},
                      Case{"LeadingSpace", " 5", " 5"}, Case{"TrailingSpace", "5 ", "5 "}),
    test::CaseName{});

struct TaggedCase {
  const char* name;
  std::string_view tag;
  std::string_view text;
  json::value value;
};
std::ostream& operator<<(std::ostream& out, const TaggedCase& each) {
  return out << each.tag << ' ' << each.text;
}

class TaggedScalar : public ::testing::TestWithParam<TaggedCase> {};

TEST_P(TaggedScalar, FollowsTheTag) {
  const json::value value = resolve_tagged_scalar(GetParam().tag, GetParam().text);

  EXPECT_EQ(value, GetParam().value) << json::serialize(value);
}

INSTANTIATE_TEST_SUITE_P(
    Tags, TaggedScalar,
    ::testing::Values(TaggedCase{"StrKeepsDigits", "tag:yaml.org,2002:str", "5", "5"},
                      TaggedCase{"StrKeepsNull", "tag:yaml.org,2002:str", "null", "null"},
                      TaggedCase{"Int", "tag:yaml.org,2002:int", "0x10", 16},
                      TaggedCase{"Bool", "tag:yaml.org,2002:bool", "yes", true},
                      TaggedCase{"Float", "tag:yaml.org,2002:float", "1.5", 1.5},
                      TaggedCase{"Null", "tag:yaml.org,2002:null", "anything", nullptr},
                      TaggedCase{"UnknownCoreTag", "tag:yaml.org,2002:binary", "5", "5"},
                      TaggedCase{"OwnTag", "!mine", "5", "5"}),
    test::CaseName{});

}  // namespace
}  // namespace wherry::document
