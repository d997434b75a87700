#include "base/document/write_yaml.h"

#include "tests/base/case_name.h"
#include "tests/base/document/reading.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace wherry::document {
namespace {

namespace json = boost::json;
using namespace std::string_literals;

struct TextCase {
  const char* name;
  std::string text;
};
std::ostream& operator<<(std::ostream& out, const TextCase& each) {
  return out << json::serialize(test::string_value(each.text));
}

class TrickyString : public ::testing::TestWithParam<TextCase> {};

TEST_P(TrickyString, IsReadBackAsAValue) {
  const json::value text = test::string_value(GetParam().text);
  const json::value value = json::object{{"k", text}};
  const std::string yaml = write_yaml(value);

  EXPECT_EQ(test::read_one(yaml), value) << yaml;
}

TEST_P(TrickyString, IsReadBackAsAKey) {
  const json::value value = json::object{{"m", json::object{{GetParam().text, 1}, {"after", 2}}}};
  const std::string yaml = write_yaml(value);

  EXPECT_EQ(test::read_one(yaml), value) << yaml;
}

TEST_P(TrickyString, IsReadBackAsAnElement) {
  const json::value text = test::string_value(GetParam().text);
  const json::value value = json::array{text, json::array{text}, "after"};
  const std::string yaml = write_yaml(value);

  EXPECT_EQ(test::read_one(yaml), value) << yaml;
}

INSTANTIATE_TEST_SUITE_P(
    Strings, TrickyString,
    ::testing::Values(
        TextCase{"Empty", ""}, TextCase{"Yes", "yes"}, TextCase{"y", "y"}, TextCase{"Off", "Off"},
        TextCase{"True", "true"}, TextCase{"Null", "null"}, TextCase{"Tilde", "~"},
        TextCase{"Zero", "0"}, TextCase{"Hex", "0x10"}, TextCase{"Octal", "010"},
        TextCase{"Underscores", "1_000"}, TextCase{"Float", "1e3"}, TextCase{"Infinity", ".inf"},
        TextCase{"Date", "2026-01-01"}, TextCase{"Merge", "<<"}, TextCase{"Equals", "="},
        TextCase{"ColonSpace", "a: b"}, TextCase{"ColonAtTheEnd", "a:"}, TextCase{"Colon", ":"},
        TextCase{"Hash", "#"}, TextCase{"SpaceHash", "a #b"}, TextCase{"Dash", "-"},
        TextCase{"DashSpace", "- a"}, TextCase{"Question", "? a"}, TextCase{"Document", "---"},
        TextCase{"DocumentAndMore", "--- a"}, TextCase{"DocumentEnd", "..."},
        TextCase{"Anchor", "&a"}, TextCase{"Alias", "*a"}, TextCase{"Tag", "!a"},
        TextCase{"Directive", "%a"}, TextCase{"Reserved", "@a"}, TextCase{"Backtick", "`a"},
        TextCase{"Pipe", "|"}, TextCase{"Fold", ">"}, TextCase{"Flow", "[a, {b}]"},
        TextCase{"Comma", ","}, TextCase{"Quotes", "\"a\" 'b'"}, TextCase{"OneQuote", "'"},
        TextCase{"Backslash", "a\\nb"}, TextCase{"Space", " "}, TextCase{"LeadingSpace", " a"},
        TextCase{"TrailingSpace", "a "}, TextCase{"Tab", "\t"}, TextCase{"InnerTab", "a\tb"},
        TextCase{"Newline", "\n"}, TextCase{"Lines", "a\nb"}, TextCase{"TrailingNewline", "a\n"},
        TextCase{"TrailingNewlines", "a\n\n\n"}, TextCase{"LeadingNewline", "\na"},
        TextCase{"IndentedLines", "  a\n b\n\n   c"}, TextCase{"SpacesBeforeNewline", "a  \nb"},
        TextCase{"NewlineThenSpace", "a\n "}, TextCase{"NewlineThenTab", "a\n\tb"},
        TextCase{"CarriageReturn", "a\rb"}, TextCase{"CrLf", "a\r\nb"},
        TextCase{"NextLine", "a\u0085b"}, TextCase{"LineSeparator", "a\u2028b"},
        TextCase{"ParagraphSeparators", "\u2029\u2028 a\n\u2029"},
        TextCase{"LineSeparatorAtTheEnd", "a\u2028"}, TextCase{"Nul", "a\0b"s},
        TextCase{"Escape", "\x1b[2J"}, TextCase{"Delete", "\x7f"},
        TextCase{"Unicode", "J\u00fcrgen \u65e5\u672c"}, TextCase{"Emoji", "\U0001f600"},
        TextCase{"ByteOrderMark", "\ufeff"}, TextCase{"NoCharacter", "\uffff"},
        TextCase{"Long", std::string(2000, 'x')},
        TextCase{"LongWords", test::repeated("word ", 400)},
        TextCase{"LongLines", test::repeated("word word\n", 200)}),
    test::CaseName{});

struct ValueCase {
  const char* name;
  json::value value;
};
std::ostream& operator<<(std::ostream& out, const ValueCase& each) {
  return out << json::serialize(each.value);
}

class AnyValue : public ::testing::TestWithParam<ValueCase> {};

TEST_P(AnyValue, IsReadBack) {
  const std::string yaml = write_yaml(json::object{{"v", GetParam().value}});

  EXPECT_EQ(test::read_one(yaml), json::value(json::object{{"v", GetParam().value}})) << yaml;
}

INSTANTIATE_TEST_SUITE_P(
    Values, AnyValue,
    ::testing::Values(
        ValueCase{"Null", nullptr}, ValueCase{"True", true}, ValueCase{"False", false},
        ValueCase{"Integer", -5}, ValueCase{"Largest", std::numeric_limits<std::uint64_t>::max()},
        ValueCase{"Smallest", std::numeric_limits<std::int64_t>::min()}, ValueCase{"Double", 0.1},
        ValueCase{"WholeDouble", 1.0}, ValueCase{"SmallDouble", 5e-324},
        ValueCase{"LargeDouble", 1.7976931348623157e308}, ValueCase{"EmptyList", json::array{}},
        ValueCase{"EmptyMapping", json::object{}},
        ValueCase{"ListOfLists", json::parse("[[1,[2]],[],[{}],{\"a\":[]}]")},
        ValueCase{"MappingInAList", json::parse(R"([{"a":1,"b":{"c":[1,2]}},{"a":null}])")}),
    test::CaseName{});

TEST(WriteYaml, LooksAsPeopleWriteIt) {
  EXPECT_EQ(write_yaml(json::parse(R"({"a":{"b":[1,"x"],"c":"yes"},"d":[],"e":"10.0.0.1:80"})")),
            "a:\n  b:\n  - 1\n  - x\n  c: \"yes\"\nd: []\ne: 10.0.0.1:80\n");
}

TEST(WriteYaml, WritesAScalarDocument) { EXPECT_EQ(test::read_one(write_yaml("a: b")), "a: b"); }

TEST(WriteYaml, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(test::read_one(write_yaml(json::object{{"k\xff", "a\xc3"}})),
            json::value(json::object{{"k\ufffd", "a\ufffd"}}));
}

TEST(WriteYaml, QuotesTimesForReadersThatKnowThem) {
  EXPECT_EQ(write_yaml({{"since", "2026-11-24T10:00:00Z"}, {"version", "2026-x"}}),
            "since: \"2026-11-24T10:00:00Z\"\nversion: 2026-x\n");
}

}  // namespace
}  // namespace wherry::document
