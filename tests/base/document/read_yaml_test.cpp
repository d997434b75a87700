// YAML's grammar; what holds for both grammars is in read_documents_test.cpp.
#include "base/document/read_documents.h"
#include "tests/base/case_name.h"
#include "tests/base/document/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wherry::document {
namespace {

using namespace std::string_view_literals;
using test::read;
using test::Reading;
using ::testing::HasSubstr;

struct ValueCase {
  const char* name;
  std::string_view text;
  std::string_view values;  ///< as JSON, one per line
};
std::ostream& operator<<(std::ostream& out, const ValueCase& each) { return out << each.text; }

class YamlValue : public ::testing::TestWithParam<ValueCase> {};

TEST_P(YamlValue, IsReadAsKubectlReadsIt) {
  EXPECT_EQ(read(GetParam().text).to_string(), GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(
    Documents, YamlValue,
    ::testing::Values(
        ValueCase{"NothingAtAll", "", ""}, ValueCase{"OnlySpace", " \n\n", ""},
        ValueCase{"OnlyComments", "# a\n  # b\n", ""},
        ValueCase{"OnlySeparators", "---\n---\n---\n", ""},
        ValueCase{"NullDocument", "---\nnull\n---\n~\n", ""},
        ValueCase{"ScalarDocument", "web", "\"web\"\n"},
        ValueCase{"ManyDocuments", "a: 1\n---\nb: 2\n---\nc: 3\n",
                  "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n"},
        ValueCase{"EmptyDocumentsBetween", "---\n---\na: 1\n---\n---\n# x\n---\nb: 2\n---\n",
                  "{\"a\":1}\n{\"b\":2}\n"},
        ValueCase{"DocumentEndMarker", "a: 1\n...\n---\nb: 2\n...\n", "{\"a\":1}\n{\"b\":2}\n"},
        ValueCase{"VersionDirective", "%YAML 1.1\n---\na: 1\n", "{\"a\":1}\n"},
        ValueCase{"NoNewlineAtTheEnd", "a: 1", "{\"a\":1}\n"},
        ValueCase{"CommentAfterAValue", "a: 1 # one\n", "{\"a\":1}\n"},
        ValueCase{"WindowsLineEnds", "a: 1\r\nb:\r\n  - x\r\n---\r\nc: z\r\n",
                  "{\"a\":1,\"b\":[\"x\"]}\n{\"c\":\"z\"}\n"},
        ValueCase{"ByteOrderMark", "\ufeffa: 1\nb: 2\n", "{\"a\":1,\"b\":2}\n"},
        ValueCase{"ByteOrderMarkBeforeASeparator", "\ufeff---\na: 1\nb: 2\n",
                  "{\"a\":1,\"b\":2}\n"},
        ValueCase{"ByteOrderMarkAlone", "\ufeff", ""}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Scalars, YamlValue,
    ::testing::Values(
        ValueCase{"PlainIsResolved", "[yes, 010, 1.5, ~, x]", "[true,8,1.5E0,null,\"x\"]\n"},
        ValueCase{"QuotedIsText", "[\"yes\", '010', \"~\", '']", "[\"yes\",\"010\",\"~\",\"\"]\n"},
        ValueCase{"BlockIsText", "a: |\n  5\nb: >-\n  6\n", "{\"a\":\"5\\n\",\"b\":\"6\"}\n"},
        ValueCase{"LiteralKeepsLines", "a: |\n  x\n   y\n\n  z\n",
                  "{\"a\":\"x\\n y\\n\\nz\\n\"}\n"},
        ValueCase{"FoldedJoinsLines", "a: >\n  x\n  y\n", "{\"a\":\"x y\\n\"}\n"},
        ValueCase{"TagForcesText", "a: !!str 5", "{\"a\":\"5\"}\n"},
        ValueCase{"TagForcesANumber", "a: !!int \"5\"", "{\"a\":5}\n"},
        ValueCase{"UnknownTagIsText", "a: !mine 5", "{\"a\":\"5\"}\n"},
        ValueCase{"KeysAreText", "5: a\nyes: b\n~: c\n",
                  "{\"5\":\"a\",\"yes\":\"b\",\"~\":\"c\"}\n"},
        ValueCase{"MissingValueIsNull", "a:\nb: 1\n", "{\"a\":null,\"b\":1}\n"},
        ValueCase{"ExplicitKey", "? a\n: 1\n", "{\"a\":1}\n"},
        ValueCase{"EscapedSurrogatePairIsTwoCharacters", "a: \"\\U0001F600\"",
                  "{\"a\":\"\U0001F600\"}\n"},
        ValueCase{"EscapedNul", "a: \"\\0\"", "{\"a\":\"\\u0000\"}\n"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Anchors, YamlValue,
    ::testing::Values(ValueCase{"AliasOfAScalar", "a: &x 1\nb: *x\n", "{\"a\":1,\"b\":1}\n"},
                      ValueCase{"AliasOfAMapping", "a: &x {k: [1]}\nb: *x\n",
                                "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]}}\n"},
                      ValueCase{"AliasOfAList", "a: &x [1, 2]\nb: [*x]\n",
                                "{\"a\":[1,2],\"b\":[[1,2]]}\n"},
                      ValueCase{"AnchorInsideAnAnchor", "a: &x {k: &y 1}\nb: *y\nc: *x\n",
                                "{\"a\":{\"k\":1},\"b\":1,\"c\":{\"k\":1}}\n"},
                      ValueCase{"LaterAnchorOfTheSameName", "a: &x 1\nb: &x 2\nc: *x\n",
                                "{\"a\":1,\"b\":2,\"c\":2}\n"},
                      ValueCase{"AnchorOfTheWholeDocument", "&x\na: 1\n", "{\"a\":1}\n"},
                      ValueCase{"AnchorOnAKey", "&x a: 1\n", "{\"a\":1}\n"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    MergeKeys, YamlValue,
    ::testing::Values(
        ValueCase{"TakesMissingKeys", "x: &x {a: 1, b: 2}\ny: {<<: *x, c: 3}\n",
                  "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"c\":3,\"a\":1,\"b\":2}}\n"},
        ValueCase{"ExplicitKeyBeforeWins", "x: &x {a: 1}\ny: {a: 9, <<: *x}\n",
                  "{\"x\":{\"a\":1},\"y\":{\"a\":9}}\n"},
        ValueCase{"ExplicitKeyAfterWins", "x: &x {a: 1}\ny: {<<: *x, a: 9}\n",
                  "{\"x\":{\"a\":1},\"y\":{\"a\":9}}\n"},
        ValueCase{"EarlierOfAListWins", "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n",
                  "{\"x\":{\"a\":1},\"y\":{\"a\":2,\"b\":2},\"z\":{\"a\":1,\"b\":2}}\n"},
        ValueCase{"InlineMapping", "y: {<<: {a: 1}, b: 2}\n", "{\"y\":{\"b\":2,\"a\":1}}\n"},
        ValueCase{"InsideAnAnchor", "x: &x {a: 1}\ny: &y {<<: *x}\nz: *y\n",
                  "{\"x\":{\"a\":1},\"y\":{\"a\":1},\"z\":{\"a\":1}}\n"},
        ValueCase{"QuotedIsAnOrdinaryKey", "y: {\"<<\": {a: 1}}\n",
                  "{\"y\":{\"<<\":{\"a\":1}}}\n"}),
    test::CaseName{});

struct ErrorCase {
  const char* name;
  std::string text;
  Mark mark;
  std::string_view problem;  ///< a part of the error's text
};
std::ostream& operator<<(std::ostream& out, const ErrorCase& each) { return out << each.text; }

class YamlError : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(YamlError, SaysWhatIsWrong) {
  const Reading reading = read(GetParam().text);

  ASSERT_TRUE(reading.error) << reading.to_string();
  EXPECT_THAT(reading.error->text, HasSubstr(std::string(GetParam().problem)));
}

TEST_P(YamlError, SaysWhere) {
  const Reading reading = read(GetParam().text);

  ASSERT_TRUE(reading.error) << reading.to_string();
  EXPECT_EQ(reading.error->mark, GetParam().mark) << reading.error->text;
}

INSTANTIATE_TEST_SUITE_P(
    Grammar, YamlError,
    ::testing::Values(
        ErrorCase{"UnfinishedDoubleQuote", "x: 1\na: \"abc", {2, 4}, "quoted scalar"},
        ErrorCase{
            "UnfinishedDoubleQuoteAndNewline", "x: 1\na: \"abc\nb: 2\n", {2, 4}, "quoted scalar"},
        ErrorCase{"UnfinishedSingleQuote", "x: 1\na: 'abc", {2, 4}, "quoted scalar"},
        ErrorCase{"UnfinishedSingleQuoteAndNewline", "x: 1\na: 'abc\n", {2, 4}, "quoted scalar"},
        ErrorCase{"UnfinishedQuotedKey", "x: 1\n\"a: 1\n", {2, 1}, "quoted scalar"},
        ErrorCase{"MissingColon", "a: 1\nb\nc: 2\n", {3, 1}, "could not find expected ':'"},
        ErrorCase{"TabAsIndentation", "a:\n\tb: 1\n", {2, 1}, "cannot start any token"},
        ErrorCase{"BadIndentation", "a: 1\n  b: 2\n", {2, 4}, "mapping values are not allowed"},
        ErrorCase{"TwoValuesOnALine", "a: b: c\n", {1, 5}, "mapping values are not allowed"},
        ErrorCase{"UnclosedFlow", "a: [1, 2\nb: 3\n", {2, 2}, "flow sequence"},
        ErrorCase{"ReservedIndicator", "a: @x\n", {1, 4}, "cannot start any token"},
        ErrorCase{"BadEscape", "a: \"\\q\"\n", {1, 5}, "unknown escape"},
        ErrorCase{
            "WindowsLineEnds", "a: 1\r\nb\r\nc: 2\r\n", {3, 1}, "could not find expected ':'"},
        ErrorCase{
            "AfterAByteOrderMark", "\ufeffa: b: c\n", {1, 5}, "mapping values are not allowed"},
        ErrorCase{"InTheSecondDocument", "a: 1\n---\nb: c: d\n", {3, 5}, "mapping values"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Characters, YamlError,
    ::testing::Values(
        ErrorCase{"ControlCharacter", "a: 1\nb: x\x01\n", {2, 5}, "control characters"},
        ErrorCase{"Nul", std::string("a: 1\nb: \0\n", 10), {2, 4}, "control characters"},
        ErrorCase{"Delete", "a: \x7f\n", {1, 4}, "control characters"},
        ErrorCase{"InvalidUtf8", "a: 1\nb: x\xff\n", {2, 5}, "UTF-8"},
        ErrorCase{
            "InvalidUtf8AfterLongCharacters", "a: \u00fc\u65e5\U0001f600\xff\n", {1, 7}, "UTF-8"},
        ErrorCase{"Latin1", "a: 1\nb: J\xfcrgen\n", {2, 5}, "UTF-8"},
        ErrorCase{"CutOffUtf8", "a: 1\nb: x\xe6\x97", {2, 5}, "UTF-8"},
        ErrorCase{"OverlongUtf8", "a: \xc0\x80\n", {1, 4}, "UTF-8"},
        ErrorCase{"SurrogateInUtf8", "a: \xed\xa0\x80\n", {1, 4}, "Unicode"},
        ErrorCase{"InvalidUtf8AfterAByteOrderMark", "\ufeffa: \xff\n", {1, 4}, "UTF-8"},
        ErrorCase{"EscapedSurrogate", "a: \"\\ud800\"\n", {1, 7}, "invalid Unicode"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    BeyondGrammar, YamlError,
    ::testing::Values(
        ErrorCase{"DuplicateKey", "a: 1\nb: 2\na: 3\n", {3, 1}, "the key \"a\" stands twice"},
        ErrorCase{
            "DuplicateNestedKey", "m:\n  a: 1\n  \"a\": 3\n", {3, 3}, "the key \"a\" stands twice"},
        ErrorCase{"DuplicateKeyInFlow", "m: {a: 1, a: 2}\n", {1, 11}, "the key \"a\" stands twice"},
        ErrorCase{"DuplicateKeyWithControlCharacters",
                  "\"\\e\": 1\n\"\\e\": 2\n",
                  {2, 1},
                  "the key \"\\u001b\""},
        ErrorCase{"MappingAsKey", "x: 1\n? {a: 1}\n: 2\n", {2, 3}, "a key must be"},
        ErrorCase{"ListAsKey", "? [a]\n: 2\n", {1, 3}, "a key must be"},
        ErrorCase{"AliasAsKey", "x: &x a\n*x : 2\n", {2, 1}, "a key must be"},
        ErrorCase{"UndefinedAlias", "a: 1\nb: *x\n", {2, 4}, "*x refers to no anchor"},
        ErrorCase{"AliasBeforeItsAnchor", "b: *x\na: &x 1\n", {1, 4}, "*x refers to no anchor"},
        ErrorCase{
            "AliasOfAnotherDocument", "a: &x 1\n---\nb: *x\n", {3, 4}, "*x refers to no anchor"},
        ErrorCase{"AliasOfItself", "a: &x [*x]\n", {1, 8}, "*x refers to no anchor"},
        ErrorCase{"MergeOfAScalar", "x: 1\na: {<<: 5}\n", {2, 10}, "<< takes a mapping"},
        ErrorCase{"MergeOfAListOfScalars", "a: {<<: [5]}\n", {1, 12}, "<< takes a mapping"}),
    test::CaseName{});

TEST(ReadYaml, OfAKeyThatStandsTwiceTheLastCountsWhereThatIsAskedFor) {
  std::vector<document::SyntaxError> repeated;
  Reading reading;
  reading.error = document::read_documents(
      "m: {a: 1, b: 2}\nx: 1\nm: {a: 3}\nx: [1]\n", document::Expect::Yaml, {},
      [&](document::Document&& each) { reading.documents.push_back(std::move(each)); }, &repeated);

  EXPECT_EQ(reading.to_string(), "{\"m\":{\"a\":3},\"x\":[1]}\n");
  ASSERT_EQ(repeated.size(), 2u);
  EXPECT_EQ(repeated[0].mark, (Mark{3, 1}));
  EXPECT_EQ(repeated[0].text, "the key \"m\" stands twice in one mapping");
  EXPECT_EQ(repeated[1].mark, (Mark{4, 1}));
}

TEST(ReadYaml, HandsOverWhatCameBeforeAnError) {
  EXPECT_EQ(read("a: 1\n---\nb: *x\n").documents.size(), 1u);
}

TEST(ReadYaml, MarksWhereADocumentStarts) {
  const Reading reading = read("# x\na: 1\n---\n\n  b: 2\n");

  ASSERT_EQ(reading.documents.size(), 2u);
  EXPECT_EQ(reading.documents[0].mark, (Mark{2, 1}));
  EXPECT_EQ(reading.documents[1].mark, (Mark{5, 3}));
}

// Alias bombs. Each would take gigabytes or hours; a test that hangs has failed.

TEST(ReadYaml, RefusesABillionLaughs) {
  std::string bomb = "l0: &l0 lol\n";
  for (int i = 1; i <= 9; ++i) {
    const std::string below = "*l" + std::to_string(i - 1);
    bomb += "l" + std::to_string(i) + ": &l" + std::to_string(i) + " [" +
            test::repeated(below + ", ", 9) + below + "]\n";
  }

  EXPECT_THAT(read(bomb).error->text, HasSubstr("more than 250000 values"));
}

TEST(ReadYaml, RefusesAliasesOfALongText) {
  const std::string bomb =
      "a: &a " + std::string(1 << 20, 'x') + "\nb: [" + test::repeated("*a, ", 1000) + "*a]\n";

  EXPECT_THAT(read(bomb).error->text, HasSubstr("more than 40 MiB"));
}

std::string big_anchor() { return "big: &big [" + test::repeated("1, ", 10'000) + "1]\n"; }

TEST(ReadYaml, RefusesABombSpreadOverListItems) {
  const std::string bomb = big_anchor() + "items:\n" + test::repeated("- *big\n", 1'000'000);

  EXPECT_THAT(read(bomb).error->text, HasSubstr("aliases"));
}

TEST(ReadYaml, RefusesABombSpreadOverDocuments) {
  const std::string each = "a: &a [" + test::repeated("1, ", 100) + "1]\nb: &b [" +
                           test::repeated("*a, ", 100) + "*a]\nc: [" + test::repeated("*b, ", 20) +
                           "*b]\n---\n";

  EXPECT_THAT(read(test::repeated(each, 10'000)).error->text, HasSubstr("aliases"));
}

TEST(ReadYaml, RefusesToRememberTooMuchForAliasesThatMayCome) {
  std::string bomb = big_anchor() + "items:\n";
  for (int i = 0; i < 100'000; ++i) bomb += "- &a" + std::to_string(i) + " [*big]\n";

  EXPECT_THAT(read(bomb).error->text, HasSubstr("aliases"));
}

TEST(ReadYaml, CountsTheDepthThatAliasesAdd) {
  std::string chain = "items:\n- &a0 []\n";
  for (int i = 1; i < 10; ++i) {
    chain += "- &a" + std::to_string(i) + " " + std::string(20, '[') + "*a" +
             std::to_string(i - 1) + std::string(20, ']') + "\n";
  }

  EXPECT_THAT(read(chain).error->text, HasSubstr("more than 64 levels"));
}

TEST(ReadYaml, RefusesMoreTagDirectivesThanAnybodyNeeds) {
  // libyaml compares each with all before it.
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "%TAG !" + std::to_string(i) + "! x\n";

  EXPECT_THAT(read(text + "---\na: 1\n").error->text, HasSubstr("%TAG"));
}

TEST(ReadYaml, LetsEveryDocumentAnchorItsLabels) {
  const std::string each = "labels: &labels {app: web}\nselector: *labels\n---\n";

  const Reading reading = read(test::repeated(each, 20'000));

  EXPECT_FALSE(reading.error) << reading.error->text;
  EXPECT_EQ(reading.documents.size(), 20'000u);
}

TEST(ReadYaml, LetsADocumentOfHalfItsBudgetHaveAnAnchor) {
  const Limits limits{.nodes = 100};
  const std::string text = "&all\na: &list [" + test::repeated("1, ", 59) + "1]\n";

  EXPECT_FALSE(read(text, Expect::Yaml, limits).error);
}

}  // namespace
}  // namespace wherry::document
