#include "base/quoted.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

using namespace std::string_view_literals;

struct Case {
  const char* name;
  std::string_view text;
  std::string_view literal;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.literal; }

class Quoted : public ::testing::TestWithParam<Case> {};

TEST_P(Quoted, IsAJsonLiteralThatATerminalMayShow) {
  EXPECT_EQ(quoted(GetParam().text), GetParam().literal);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Quoted,
    ::testing::Values(
        Case{"Empty", "", R"("")"}, Case{"Plain", "web-0.a/b:80", R"("web-0.a/b:80")"},
        Case{"Quote", "a\"b", R"("a\"b")"}, Case{"Backslash", "a\\b", R"("a\\b")"},
        Case{"Newline", "a\nb", R"("a\nb")"}, Case{"CarriageReturn", "a\rb", R"("a\u000db")"},
        Case{"Tab", "a\tb", R"("a\u0009b")"}, Case{"Nul", "a\0b"sv, R"("a\u0000b")"},
        Case{"Escape", "\x1b[2J", R"("\u001b[2J")"}, Case{"Delete", "a\x7f", R"("a\u007f")"},
        Case{"FirstOfC1", "\u0080", R"("\u0080")"},
        Case{"ControlSequenceIntroducer", "\u009b2J", R"("\u009b2J")"},
        Case{"AfterC1", "\u00a0", "\"\u00a0\""},
        Case{"Unicode", "\u00fc\u65e5\U0001f600", "\"\u00fc\u65e5\U0001f600\""},
        Case{"NoUtf8", "a\xff", R"("a\ufffd")"}, Case{"CutOffUtf8", "a\xc3", R"("a\ufffd")"},
        Case{"CutOffC1", "a\xc2", R"("a\ufffd")"}),
    test::CaseName{});

TEST(Printable, KeepsQuotesAndBackslashesAndNothingThatSteersATerminal) {
  EXPECT_EQ(printable("a.yaml:1:2: \"x\\y\" \x1b[31m\n\u009b2J\xff"),
            "a.yaml:1:2: \"x\\y\" \\u001b[31m\\n\\u009b2J\\ufffd");
}

}  // namespace
}  // namespace wherry
