#include "base/document/field_path.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

namespace wherry::document {
namespace {

struct Case {
  const char* name;
  FieldPath path;
  std::string_view text;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.text; }

class FieldPathText : public ::testing::TestWithParam<Case> {};

TEST_P(FieldPathText, NamesTheField) { EXPECT_EQ(GetParam().path.to_string(), GetParam().text); }

INSTANTIATE_TEST_SUITE_P(
    Paths, FieldPathText,
    ::testing::Values(
        Case{"Root", {}, ""}, Case{"Key", {{"spec"}}, "spec"},
        Case{"Nested", {{"spec", "ports", std::size_t{0}, "port"}}, "spec.ports[0].port"},
        Case{"IndexFirst", {{std::size_t{2}, "a"}}, "[2].a"},
        Case{"ListInAList", {{"a", std::size_t{1}, std::size_t{0}}}, "a[1][0]"},
        Case{"KeyWithDots",
             {{"metadata", "annotations", "wherry.io/balance"}},
             "metadata.annotations[\"wherry.io/balance\"]"},
        Case{"KeyWithSpace", {{"a b", "c"}}, "[\"a b\"].c"},
        Case{"EmptyKey", {{"a", ""}}, "a[\"\"]"}, Case{"KeyLikeAnIndex", {{"a", "0"}}, "a.0"},
        Case{"KeyWithBracket", {{"[0]"}}, "[\"[0]\"]"},
        Case{"KeyWithQuote", {{"a\"b"}}, "[\"a\\\"b\"]"},
        Case{"KeyWithBackslash", {{"a\\b"}}, "[\"a\\\\b\"]"},
        Case{"KeyWithControlCharacters", {{"\x1b[2J\n"}}, "[\"\\u001b[2J\\n\"]"},
        Case{"KeyWithNewlineOnly", {{"a\nb"}}, "[\"a\\nb\"]"},
        Case{"UnicodeKey", {{"\u00fc"}}, "\u00fc"}),
    test::CaseName{});

}  // namespace
}  // namespace wherry::document
