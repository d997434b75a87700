#include "base/document/locate.h"

#include "tests/base/case_name.h"
#include "tests/base/document/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wherry::document {
namespace {

using ::testing::ElementsAre;

using Steps = std::vector<PathStep>;
PathStep at(std::size_t index) { return index; }

struct Case {
  const char* name;
  std::string_view text;
  Where where;
  Mark mark;
};
std::ostream& operator<<(std::ostream& out, const Case& each) {
  return out << each.where.path.to_string() << " in " << each.text;
}

class Locate : public ::testing::TestWithParam<Case> {};

TEST_P(Locate, FindsTheValue) {
  ASSERT_FALSE(test::read(GetParam().text).error);

  EXPECT_EQ(locate(GetParam().text, {GetParam().where}).at(0), GetParam().mark);
}

constexpr std::string_view kYaml =
    "# a service\n"
    "metadata:\n"
    "  annotations:\n"
    "    wherry.io/balance: maglev\n"
    "    \"quoted: key\":   x\n"
    "spec:\n"
    "  ports:\n"
    "  - name: http\n"
    "    port: 80\n"
    "  -   port: 81\n"
    "      name: \u65e5\u672c\n"
    "  flow: [a, {b: c, d: [1,   2]}]\n"
    "status:\n"
    "  foo: 1\n"
    "---\n"
    "spec:\n"
    "  port: 90\n";

INSTANTIATE_TEST_SUITE_P(
    Yaml, Locate,
    ::testing::Values(
        Case{"Root", kYaml, {0, {}}, {2, 1}},
        Case{"Scalar", kYaml, {0, {Steps{"spec", "ports", at(0), "port"}}}, {9, 11}},
        Case{"Mapping", kYaml, {0, {Steps{"spec"}}}, {7, 3}},
        Case{"List", kYaml, {0, {Steps{"spec", "ports"}}}, {8, 3}},
        Case{"ListItem", kYaml, {0, {Steps{"spec", "ports", at(1)}}}, {10, 7}},
        Case{"InAListItem", kYaml, {0, {Steps{"spec", "ports", at(1), "name"}}}, {11, 13}},
        Case{"InFlow", kYaml, {0, {Steps{"spec", "flow", at(1), "d", at(1)}}}, {12, 29}},
        Case{"KeyWithDots",
             kYaml,
             {0, {Steps{"metadata", "annotations", "wherry.io/balance"}}},
             {4, 24}},
        Case{"QuotedKey", kYaml, {0, {Steps{"metadata", "annotations", "quoted: key"}}}, {5, 22}},
        Case{"SecondDocument", kYaml, {1, {Steps{"spec", "port"}}}, {17, 9}},
        Case{"MissingKey", kYaml, {0, {Steps{"spec", "none"}}}, {7, 3}},
        Case{"MissingKeyThatStandsLaterElsewhere", kYaml, {0, {Steps{"spec", "foo"}}}, {7, 3}},
        Case{"MissingKeyOfAListItem",
             kYaml,
             {0, {Steps{"spec", "ports", at(0), "none", "x"}}},
             {8, 5}},
        Case{"MissingIndex", kYaml, {0, {Steps{"spec", "ports", at(2)}}}, {8, 3}},
        Case{"BelowAScalar", kYaml, {0, {Steps{"status", "foo", "bar"}}}, {14, 8}},
        Case{"BelowAScalarThatIsFollowedByAMapping",
             "a: 1\nb: {c: 2}\n",
             {0, {Steps{"a", "c"}}},
             {1, 4}},
        Case{"IndexOfAMapping", kYaml, {0, {Steps{"spec", at(0)}}}, {7, 3}},
        Case{"KeyOfAList", kYaml, {0, {Steps{"spec", "ports", "port"}}}, {8, 3}},
        Case{"MissingEverything", kYaml, {0, {Steps{"x", "y"}}}, {2, 1}},
        Case{"MissingDocument", kYaml, {7, {Steps{"spec"}}}, {1, 1}},
        Case{"EmptyDocumentsCount", "---\n---\na: 1\n", {1, {Steps{"a"}}}, {3, 4}},
        Case{"Alias", "a: &x {b: 1}\nc: *x\n", {0, {Steps{"c"}}}, {2, 4}},
        Case{"BelowAnAlias", "a: &x {b: 1}\nc: *x\n", {0, {Steps{"c", "b"}}}, {2, 4}},
        Case{"ByMerge", "a: &x {b: 1}\nc:\n  <<: *x\n", {0, {Steps{"c", "b"}}}, {3, 3}},
        Case{"BelowAMissingParent",
             "a:\n  x: 1\nb:\n  c:\n    d: 1\n",
             {0, {Steps{"a", "c", "d"}}},
             {2, 3}},
        Case{"WindowsLineEnds", "a: 1\r\nb:\r\n  c: 2\r\n", {0, {Steps{"b", "c"}}}, {3, 6}},
        Case{"ByteOrderMark", "\ufeffa: 1\nb: 2\n", {0, {Steps{"a"}}}, {1, 4}},
        Case{"Items", "items:\n- a: 1\n- a: 2\n", {0, {Steps{"items", at(1), "a"}}}, {3, 6}},
        Case{"EmptyText", "", {0, {Steps{"a"}}}, {1, 1}}),
    test::CaseName{});

constexpr std::string_view kJson =
    "{\n"
    "\t\"metadata\": {\"annotations\": {\"wherry.io/balance\": \"maglev\"}},\n"
    "  \"braces\": \"}]\\\"{[,:\",\n"
    "  \"k\\\"}\": {\"a\": 1},\n"
    "  \"spec\": {\n"
    "    \"ports\": [ {\"port\":80} , {\"port\" : 81, \"\u65e5\": true} ],\n"
    "    \"esc\\u0061ped\": 5,\n"
    "    \"last\": null\n"
    "  },\n"
    "  \"status\": {\"foo\": 1}\n"
    "}\n"
    "{\"spec\": {\"port\": 90}} 17 [1, [2, 3]]\n";

INSTANTIATE_TEST_SUITE_P(
    Json, Locate,
    ::testing::Values(
        Case{"Root", kJson, {0, {}}, {1, 1}},
        Case{"Scalar", kJson, {0, {Steps{"spec", "ports", at(0), "port"}}}, {6, 24}},
        Case{"Mapping", kJson, {0, {Steps{"spec"}}}, {5, 11}},
        Case{"List", kJson, {0, {Steps{"spec", "ports"}}}, {6, 14}},
        Case{"ListItem", kJson, {0, {Steps{"spec", "ports", at(1)}}}, {6, 30}},
        Case{"SpaceBeforeTheColon", kJson, {0, {Steps{"spec", "ports", at(1), "port"}}}, {6, 40}},
        Case{"AfterLongCharacters", kJson, {0, {Steps{"spec", "ports", at(1), "\u65e5"}}}, {6, 49}},
        Case{"KeyWithDots",
             kJson,
             {0, {Steps{"metadata", "annotations", "wherry.io/balance"}}},
             {2, 52}},
        Case{"StringOfBracesAndQuotes", kJson, {0, {Steps{"braces"}}}, {3, 13}},
        Case{"KeyWithEscapedQuote", kJson, {0, {Steps{"k\"}", "a"}}}, {4, 17}},
        Case{"EscapedKey", kJson, {0, {Steps{"spec", "escaped"}}}, {7, 21}},
        Case{"Null", kJson, {0, {Steps{"spec", "last"}}}, {8, 13}},
        Case{"SecondValue", kJson, {1, {Steps{"spec", "port"}}}, {12, 19}},
        Case{"ScalarValue", kJson, {2, {}}, {12, 24}},
        Case{"AfterAScalarValue", kJson, {3, {Steps{at(1), at(1)}}}, {12, 35}},
        Case{"MissingKey", kJson, {0, {Steps{"spec", "none"}}}, {5, 11}},
        Case{"MissingKeyThatStandsLaterElsewhere", kJson, {0, {Steps{"spec", "foo"}}}, {5, 11}},
        Case{"MissingIndex", kJson, {0, {Steps{"spec", "ports", at(2)}}}, {6, 14}},
        Case{"BelowAScalar", kJson, {0, {Steps{"status", "foo", "bar"}}}, {10, 21}},
        Case{"IndexOfAMapping", kJson, {0, {Steps{"spec", at(0)}}}, {5, 11}},
        Case{"KeyOfAList", kJson, {0, {Steps{"spec", "ports", "port"}}}, {6, 14}},
        Case{
            "WithoutSpaceBetweenValues", R"({"a":1}{"a":2}[1]{"a":3})", {3, {Steps{"a"}}}, {1, 23}},
        Case{"ByteOrderMark", "\ufeff{\n\t\"a\": 1}", {0, {Steps{"a"}}}, {2, 7}},
        Case{"LeadingSpace", "\n  {\"a\": 1}", {0, {}}, {2, 3}},
        Case{"YamlInBraces", "{a: 1,\n b: 2}", {0, {Steps{"b"}}}, {2, 5}}),
    test::CaseName{});

TEST(LocateMany, KeepsTheOrderOfTheQuestion) {
  EXPECT_THAT(locate("a: 1\nb: 2\n", {{0, {Steps{"b"}}}, {0, {Steps{"a"}}}, {0, {Steps{"b"}}}}),
              ElementsAre(Mark{2, 4}, Mark{1, 4}, Mark{2, 4}));
}

TEST(LocateMany, AnswersNothingToNothing) { EXPECT_TRUE(locate("a: 1", {}).empty()); }

// As many questions about as large a text as read_manifest() asks; a test that hangs has failed.
TEST(LocateMany, FindsTheLastValuesOfALargeText) {
  const std::string text = '[' + test::repeated("{\"port\": 80},\n", 20'000) + "{\"port\": 80}]";
  std::vector<Where> values;
  for (std::size_t i = 0; i < 100; ++i) values.push_back({0, {Steps{at(19'901 + i), "port"}}});

  const std::vector<Mark> marks = locate(text, values);

  EXPECT_EQ(marks.front(), (Mark{19'902, 10}));
  EXPECT_EQ(marks.back(), (Mark{20'001, 10}));
}

}  // namespace
}  // namespace wherry::document
