#include "base/utf8.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

struct Case {
  const char* name;
  std::string_view text;
  std::size_t size;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Utf8CharacterSize : public ::testing::TestWithParam<Case> {};

TEST_P(Utf8CharacterSize, CountsTheBytesOfTheFirstCharacter) {
  EXPECT_EQ(utf8_character_size(GetParam().text), GetParam().size);
}

// The borders of table 3-7 of the Unicode standard.
INSTANTIATE_TEST_SUITE_P(
    Texts, Utf8CharacterSize,
    ::testing::Values(
        Case{"Nothing", "", 0}, Case{"Ascii", "ab", 1}, Case{"LastOfOne", "\x7f", 1},
        Case{"Continuation", "\x80", 0}, Case{"OverlongTwo", "\xc1\xbf", 0},
        Case{"FirstOfTwo", "\xc2\x80", 2}, Case{"LastOfTwo", "\xdf\xbfx", 2},
        Case{"CutOffTwo", "\xc2", 0}, Case{"TwoAndNoContinuation", "\xc2x", 0},
        Case{"OverlongThree", "\xe0\x9f\xbf", 0}, Case{"FirstOfThree", "\xe0\xa0\x80", 3},
        Case{"BeforeSurrogates", "\xed\x9f\xbf", 3}, Case{"Surrogate", "\xed\xa0\x80", 0},
        Case{"AfterSurrogates", "\xee\x80\x80", 3}, Case{"LastOfThree", "\xef\xbf\xbf", 3},
        Case{"CutOffThree", "\xe6\x97", 0}, Case{"OverlongFour", "\xf0\x8f\xbf\xbf", 0},
        Case{"FirstOfFour", "\xf0\x90\x80\x80", 4}, Case{"Last", "\xf4\x8f\xbf\xbf", 4},
        Case{"AfterTheLast", "\xf4\x90\x80\x80", 0}, Case{"NoLeadByte", "\xf5\x80\x80\x80", 0},
        Case{"NeverUsed", "\xff", 0}),
    test::CaseName{});

TEST(Utf8Prefix, LeavesAShortTextWhole) { EXPECT_EQ(utf8_prefix("\u00fc", 2), "\u00fc"); }

TEST(Utf8Prefix, CutsBetweenCharacters) {
  EXPECT_EQ(utf8_prefix("a\u65e5b", 3), "a");
  EXPECT_EQ(utf8_prefix("a\u65e5b", 4), "a\u65e5");
  EXPECT_EQ(utf8_prefix("\u65e5", 2), "");
}

TEST(ValidUtf8, KeepsWhatIsValid) {
  EXPECT_EQ(valid_utf8("a\u00fc\u65e5\U0001f600"), "a\u00fc\u65e5\U0001f600");
}

TEST(ValidUtf8, ReplacesEachByteThatIsNot) {
  EXPECT_EQ(valid_utf8("a\xff\xfe"
                       "b\xc3"),
            "a\ufffd\ufffdb\ufffd");
}

}  // namespace
}  // namespace wherry
