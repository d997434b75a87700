#include "watcher/model/names.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::model {
namespace {

struct NameCase {
  std::string name;
  std::string text;
  bool label;
  bool subdomain;
  bool port_name;
};

class Names : public ::testing::TestWithParam<NameCase> {};

TEST_P(Names, FollowTheRulesOfTheApiServer) {
  const NameCase& test = GetParam();

  EXPECT_EQ(is_dns_label(test.text), test.label);
  EXPECT_EQ(is_dns_subdomain(test.text), test.subdomain);
  EXPECT_EQ(is_port_name(test.text), test.port_name);
}

std::string letters(std::size_t count) { return std::string(count, 'a'); }

INSTANTIATE_TEST_SUITE_P(
    Table, Names,
    ::testing::Values(NameCase{"OneWord", "web", true, true, true},
                      NameCase{"OneLetter", "w", true, true, true},
                      NameCase{"LettersDigitsDashes", "web-2-a", true, true, true},
                      NameCase{"BeginsWithADigit", "9web", true, true, true},
                      NameCase{"DigitsOnly", "80", true, true, false},
                      NameCase{"Empty", "", false, false, false},
                      NameCase{"UpperCase", "Web", false, false, false},
                      NameCase{"BeginsWithADash", "-web", false, false, false},
                      NameCase{"EndsWithADash", "web-", false, false, false},
                      NameCase{"TwoDashesInARow", "a--b", true, true, false},
                      NameCase{"Underscore", "my_web", false, false, false},
                      NameCase{"Slash", "a/b", false, false, false},
                      NameCase{"Space", "a b", false, false, false},
                      NameCase{"LineBreak", "a\nb", false, false, false},
                      NameCase{"Nul", std::string("a\0b", 3), false, false, false},
                      NameCase{"NotAscii",
                               "w\xc3\xa9"
                               "b",
                               false, false, false},
                      NameCase{"Dotted", "web.example.com", false, true, false},
                      NameCase{"DotAtTheEnd", "web.", false, false, false},
                      NameCase{"DotAtTheStart", ".web", false, false, false},
                      NameCase{"TwoDotsInARow", "a..b", false, false, false},
                      NameCase{"DashBesideADot", "a-.b", false, false, false},
                      NameCase{"Longest15", letters(15), true, true, true},
                      NameCase{"Longer16", letters(16), true, true, false},
                      NameCase{"Longest63", letters(63), true, true, false},
                      NameCase{"Longer64", letters(64), false, true, false},
                      NameCase{"Longest253", letters(253), false, true, false},
                      NameCase{"Longer254", letters(254), false, false, false}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace wherry::model
