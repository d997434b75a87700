#include "base/log.h"

#include "tests/base/case_name.h"
#include "tests/support/log_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::log {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  void use(Format format) { configure(Level::Debug, format); }
  std::string line() {
    const auto lines = capture_.lines();
    return lines.empty() ? "(nothing was logged)" : lines.back();
  }

  test::LogCapture capture_{Level::Debug};
};

TEST_F(LogTest, WritesMessageAndFieldsAsText) {
  info("table published", {{"generation", 7}, {"service", "default/web"}});

  EXPECT_EQ(line(), "table published generation=7 service=default/web");
}

TEST_F(LogTest, WritesMessageAndFieldsAsJson) {
  use(Format::Json);

  warn("table published", {{"generation", -7}, {"service", "default/web"}});

  EXPECT_EQ(
      line(),
      R"({"level":"warn","message":"table published","generation":-7,"service":"default/web"})");
}

struct QuoteCase {
  const char* name;
  std::string_view value;
  std::string_view text;
  std::string_view json;
};
std::ostream& operator<<(std::ostream& out, const QuoteCase& each) { return out << each.text; }

class LogQuoting : public LogTest, public ::testing::WithParamInterface<QuoteCase> {};

TEST_P(LogQuoting, KeepsATextFieldInOnePiece) {
  info("m", {{"k", std::string(GetParam().value)}});

  EXPECT_EQ(line(), "m k=" + std::string(GetParam().text));
}

TEST_P(LogQuoting, KeepsJsonValid) {
  use(Format::Json);

  info("m", {{"k", std::string(GetParam().value)}});

  EXPECT_EQ(line(), R"({"level":"info","message":"m","k":)" + std::string(GetParam().json) + "}");
}

INSTANTIATE_TEST_SUITE_P(
    Values, LogQuoting,
    ::testing::Values(QuoteCase{"Plain", "web-0.a/b:80", "web-0.a/b:80", R"("web-0.a/b:80")"},
                      QuoteCase{"Empty", "", R"("")", R"("")"},
                      QuoteCase{"Space", "a b", R"("a b")", R"("a b")"},
                      QuoteCase{"Quote", "a\"b", R"("a\"b")", R"("a\"b")"},
                      QuoteCase{"Backslash", "a\\b", R"("a\\b")", R"("a\\b")"},
                      QuoteCase{"EqualsSign", "a=b", R"("a=b")", R"("a=b")"},
                      QuoteCase{"Newline", "a\nb", R"("a\nb")", R"("a\nb")"},
                      QuoteCase{"CarriageReturn", "a\rb", R"("a\u000db")", R"("a\u000db")"},
                      QuoteCase{"Tab", "a\tb", R"("a\u0009b")", R"("a\u0009b")"},
                      QuoteCase{"Nul", "a\0b"sv, R"("a\u0000b")", R"("a\u0000b")"},
                      QuoteCase{"Escape", "\x1b[2J", R"("\u001b[2J")", R"("\u001b[2J")"},
                      QuoteCase{"Delete", "a\x7f", R"("a\u007f")", R"("a\u007f")"},
                      QuoteCase{"C1ControlSequenceIntroducer", "\u009b2J", R"("\u009b2J")",
                                R"("\u009b2J")"},
                      QuoteCase{"Unicode", "\u00fc\u65e5\U0001f600", "\u00fc\u65e5\U0001f600",
                                "\"\u00fc\u65e5\U0001f600\""},
                      QuoteCase{"NoUtf8",
                                "a\xff"
                                "b\xc3",
                                R"("a\ufffdb\ufffd")", R"("a\ufffdb\ufffd")"}),
    test::CaseName{});

TEST_F(LogTest, KeepsControlCharactersOfAMessageFromTheTerminal) {
  info("bad name \x1b[2J\n\"x\" \\ \u009b");

  EXPECT_EQ(line(), R"(bad name \u001b[2J\n"x" \ \u009b)");
}

TEST_F(LogTest, QuotesAMessageInJson) {
  use(Format::Json);

  info("say \"x\"\n");

  EXPECT_EQ(line(), R"({"level":"info","message":"say \"x\"\n"})");
}

TEST_F(LogTest, LeavesOutWhatIsBelowTheLevel) {
  configure(Level::Warn, Format::Text);

  debug("1");
  info("2");
  warn("3");
  error("4");

  EXPECT_THAT(capture_.lines(), ElementsAre("3", "4"));
}

TEST_F(LogTest, SaysWhichLevelsAreEnabled) {
  configure(Level::Warn, Format::Text);

  EXPECT_FALSE(enabled(Level::Info));
  EXPECT_TRUE(enabled(Level::Warn));
  EXPECT_TRUE(enabled(Level::Error));
}

TEST(LogNames, AreReadAsTheyAreWritten) {
  for (const Level level : {Level::Debug, Level::Info, Level::Warn, Level::Error}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  for (const Format format : {Format::Text, Format::Json}) {
    EXPECT_EQ(parse_format(to_string(format)), format);
  }
}

TEST(LogNames, RefuseOthers) {
  EXPECT_EQ(parse_level("INFO"), std::nullopt);
  EXPECT_EQ(parse_format(""), std::nullopt);
}

TEST(LogStderr, BeginsATextLineWithTimeAndLevel) {
  testing::internal::CaptureStderr();

  warn("hello", {{"n", 1}});

  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z warn  hello n=1\n"));
}

TEST(LogStderr, BeginsAJsonLineWithTime) {
  configure(Level::Info, Format::Json);
  testing::internal::CaptureStderr();

  warn("hello");

  configure(Level::Info, Format::Text);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              MatchesRegex(
                  "\\{\"time\":\"[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z\",\"level\":\"warn\",\"message\":"
                  "\"hello\"\\}\n"));
}

TEST(Log, KlogsVerbosityIsALevel) {
  EXPECT_EQ(level_of_verbosity("0"), Level::Info);
  EXPECT_EQ(level_of_verbosity("3"), Level::Info);
  EXPECT_EQ(level_of_verbosity("4"), Level::Debug);
  EXPECT_EQ(level_of_verbosity("10"), Level::Debug);
  EXPECT_EQ(level_of_verbosity("-1"), Level::Info);
  for (const char* none : {"", "x", "4x", " 4", "4.0", "4294967296"}) {
    EXPECT_EQ(level_of_verbosity(none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace wherry::log
