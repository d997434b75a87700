// JSON's grammar; what holds for both grammars is in read_documents_test.cpp.
#include "base/document/read_documents.h"
#include "tests/base/case_name.h"
#include "tests/base/document/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wherry::document {
namespace {

using test::read;
using test::Reading;
using ::testing::HasSubstr;

struct ValueCase {
  const char* name;
  std::string_view text;
  std::string_view values;  ///< as JSON, one per line
};
std::ostream& operator<<(std::ostream& out, const ValueCase& each) { return out << each.text; }

class JsonValue : public ::testing::TestWithParam<ValueCase> {};

TEST_P(JsonValue, IsReadAsItStands) {
  EXPECT_EQ(read(GetParam().text, Expect::Json).to_string(), GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, JsonValue,
    ::testing::Values(
        ValueCase{"EveryType", R"({"a":[1,-2,1.5,true,false,null,"x",{},[]]})",
                  "{\"a\":[1,-2,1.5E0,true,false,null,\"x\",{},[]]}\n"},
        ValueCase{"SeveralValuesOnLines", "{\"a\":1}\n{\"b\":2}\n[3]\n",
                  "{\"a\":1}\n{\"b\":2}\n[3]\n"},
        ValueCase{"SeveralValuesWithoutSpace", R"({"a":1}{"b":2}[3])",
                  "{\"a\":1}\n{\"b\":2}\n[3]\n"},
        ValueCase{"NullBetween", "{\"a\":1} null {\"b\":2}", "{\"a\":1}\n{\"b\":2}\n"},
        ValueCase{"TabIndentation", "{\n\t\"a\": [\n\t\t1\n\t]\n}\n", "{\"a\":[1]}\n"},
        ValueCase{"WindowsLineEnds", "{\r\n  \"a\": 1\r\n}\r\n", "{\"a\":1}\n"},
        ValueCase{"LeadingSpace", " \r\n\t {\"a\":1}", "{\"a\":1}\n"},
        ValueCase{"ByteOrderMark", "\ufeff{\n\t\"a\": 1\n}", "{\"a\":1}\n"},
        ValueCase{"Escapes", R"({"a":"\"\\\/\n\u00fc"})", "{\"a\":\"\\\"\\\\/\\n\u00fc\"}\n"},
        ValueCase{"SurrogatePair", R"({"a":"\ud83d\ude00!"})", "{\"a\":\"\U0001F600!\"}\n"},
        ValueCase{"EscapedKey", R"({"\u0061\n":1})", "{\"a\\n\":1}\n"},
        ValueCase{"EscapedNul", R"({"a":"x\u0000y"})", "{\"a\":\"x\\u0000y\"}\n"},
        ValueCase{"LargeUnsigned", R"([18446744073709551615])", "[18446744073709551615]\n"},
        ValueCase{"DeletIsACharacter", "{\"a\":\"\x7f\"}", "{\"a\":\"\x7f\"}\n"},
        ValueCase{"WordsAreText", R"({"yes":"yes","a":"010"})",
                  "{\"yes\":\"yes\",\"a\":\"010\"}\n"},
        ValueCase{"MergeKeyIsOrdinary", R"({"<<":{"a":1},"b":{"<<":5}})",
                  "{\"<<\":{\"a\":1},\"b\":{\"<<\":5}}\n"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    YamlInBraces, JsonValue,
    ::testing::Values(
        ValueCase{"FlowMapping", "{a: b}", "{\"a\":\"b\"}\n"},
        ValueCase{"FlowList", "[a, 010]", "[\"a\",8]\n"},
        ValueCase{"TrailingComma", "{\"a\": 1,}", "{\"a\":1}\n"},
        ValueCase{"Comment", "{\"a\": 1} # one\n", "{\"a\":1}\n"},
        ValueCase{"JsonThenYaml", "{\"a\": 1}\n---\nb: 2\n", "{\"a\":1}\n{\"b\":2}\n"},
        ValueCase{"JsonDocuments", "{\"a\": 1}\n---\n{\"b\": 2}\n", "{\"a\":1}\n{\"b\":2}\n"}),
    test::CaseName{});

struct ErrorCase {
  const char* name;
  std::string_view text;
  Mark mark;
  std::string_view problem;
};
std::ostream& operator<<(std::ostream& out, const ErrorCase& each) { return out << each.text; }

class JsonError : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(JsonError, SaysWhatIsWrong) {
  const Reading reading = read(GetParam().text, Expect::Json);

  ASSERT_TRUE(reading.error) << reading.to_string();
  EXPECT_THAT(reading.error->text, HasSubstr(std::string(GetParam().problem)));
}

TEST_P(JsonError, SaysWhere) {
  const Reading reading = read(GetParam().text, Expect::Json);

  ASSERT_TRUE(reading.error) << reading.to_string();
  EXPECT_EQ(reading.error->mark, GetParam().mark) << reading.error->text;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, JsonError,
    ::testing::Values(
        ErrorCase{"MissingComma", "{\n  \"a\": 1\n  \"b\": 2\n}\n", {3, 3}, "is no JSON"},
        ErrorCase{"MissingColon", "{\n  \"a\" 1\n}\n", {2, 7}, "is no JSON"},
        ErrorCase{"WrongBracket", "{\n  \"a\": [1}\n}\n", {2, 10}, "is no JSON"},
        ErrorCase{"BadEscape", "{\n  \"a\": \"x\\q\"}\n", {2, 11}, "is no JSON"},
        ErrorCase{"LoneSurrogate", "{\"a\": \"\\ud800\"}", {1, 14}, "is no JSON"},
        ErrorCase{"InTheSecondValue", "{\"a\": 1}\n{\"b\" 2}\n", {2, 6}, "is no JSON"},
        ErrorCase{"AfterLongCharacters", "{\"\u00fc\u65e5\U0001f600\" 1}", {1, 8}, "is no JSON"},
        ErrorCase{"AfterAByteOrderMark", "\ufeff{\"a\" 1}", {1, 6}, "is no JSON"},
        ErrorCase{"InvalidUtf8", "{\n\"a\": \"x\xff\"}", {2, 8}, "is no JSON"},
        ErrorCase{"DuplicateKey",
                  "{\n  \"a\": 1,\n  \"a\": 2\n}\n",
                  {3, 3},
                  "the key \"a\" stands twice"},
        ErrorCase{"DuplicateKeyByEscape",
                  "{\"a\":1,\"\\u0061\":2}",
                  {1, 8},
                  "the key \"a\" stands twice"},
        ErrorCase{
            "DuplicateKeyOfEscapedQuotes", R"({"a\"\\b":1,"a\"\\b":2})", {1, 13}, "stands twice"},
        ErrorCase{"NumberThatNoDoubleHolds", "{\"a\":\n  1e400}", {2, 3}, "too large"}),
    test::CaseName{});

TEST(ReadJson, ReportsAnUnfinishedTextAtItsEnd) {
  EXPECT_EQ(read("{\n  \"a\": [1", Expect::Json).error->mark, (Mark{2, 10}));
}

TEST(ReadJson, ReportsTheYamlErrorOfAYamlFile) {
  EXPECT_THAT(read("{\n  \"a\": 1\n  \"b\": 2\n}\n", Expect::Yaml).error->text,
              HasSubstr("is no YAML"));
}

TEST(ReadJson, LeavesMarksToLocate) {
  EXPECT_EQ(read("\n\n  {\"a\":1}").documents.at(0).mark, (Mark{1, 1}));
}

}  // namespace
}  // namespace wherry::document
