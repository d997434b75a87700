#include "watcher/api/api_failure.h"

#include <boost/asio/error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct AnswerCase {
  const char* name;
  int status;
  std::string body;
  ApiErrc code;
  std::string text;
};
std::ostream& operator<<(std::ostream& out, const AnswerCase& each) { return out << each.name; }

class FailureOfAnswer : public ::testing::TestWithParam<AnswerCase> {};

TEST_P(FailureOfAnswer, FollowsTheTable) {
  const ApiFailure failure = failure_of_answer(GetParam().status, GetParam().body, std::nullopt);

  EXPECT_EQ(to_string(failure.code), to_string(GetParam().code));
  EXPECT_THAT(failure.text, HasSubstr(GetParam().text));
  EXPECT_EQ(failure.status, GetParam().status);
}

std::string status(const std::string& rest) { return R"({"kind":"Status",)" + rest + "}"; }

INSTANTIATE_TEST_SUITE_P(
    Table, FailureOfAnswer,
    ::testing::Values(
        AnswerCase{"Unauthorized", 401, status(R"("message":"Unauthorized","code":401)"),
                   ApiErrc::Unauthorized, "Unauthorized"},
        AnswerCase{"Forbidden", 403,
                   status(R"("message":"services is forbidden","reason":"Forbidden","code":403)"),
                   ApiErrc::Forbidden, "services is forbidden"},
        AnswerCase{"NotFound", 404, "404 page not found", ApiErrc::NotFound, "404 page not found"},
        AnswerCase{"A3_NoWatchList", 422,
                   status(R"("message":"sendInitialEvents: Forbidden: sendInitialEvents is )"
                          R"(forbidden for watch","reason":"Invalid","code":422)"),
                   ApiErrc::BadRequest, "sendInitialEvents"},
        AnswerCase{"A10_Gone", 410, status(R"("reason":"Expired","code":410)"), ApiErrc::Gone,
                   "Expired"},
        AnswerCase{"A10_GoneWithoutABody", 410, "", ApiErrc::Gone, "410"},
        AnswerCase{"A11_VersionTooLarge", 504,
                   status(R"("message":"Timeout: Too large resource version: 9, current: 3",)"
                          R"("reason":"Timeout","details":{"causes":[{"reason":)"
                          R"("ResourceVersionTooLarge"}],"retryAfterSeconds":1},"code":504)"),
                   ApiErrc::VersionTooLarge, "Too large"},
        AnswerCase{"A11_VersionTooLargeInWords", 504,
                   status(R"("message":"Too large resource version: 9","code":504)"),
                   ApiErrc::VersionTooLarge, "Too large"},
        AnswerCase{"A12_TooManyRequests", 429, status(R"("reason":"TooManyRequests","code":429)"),
                   ApiErrc::TooManyRequests, "TooManyRequests"},
        AnswerCase{"ServerError", 500, "oops", ApiErrc::ServerError, "oops"},
        AnswerCase{"TimeoutThatIsNoVersion", 504, status(R"("reason":"Timeout","code":504)"),
                   ApiErrc::ServerError, "Timeout"},
        AnswerCase{"Redirect", 302, "", ApiErrc::UnexpectedAnswer, "302"},
        AnswerCase{"Html", 200, "<html>", ApiErrc::UnexpectedAnswer, "<html>"},
        AnswerCase{"StatusOfWrongTypes", 403,
                   status(R"("message":7,"reason":[],"details":"x","code":"y")"),
                   ApiErrc::Forbidden, ""},
        AnswerCase{"ALongBody", 500, std::string(100'000, 'x'), ApiErrc::ServerError, "xxx"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(FailureOfAnswerText, IsShort) {
  EXPECT_LT(failure_of_answer(500, std::string(100'000, 'x'), {}).text.size(), 300u);
}

TEST(FailureOfAnswerRetry, TheHeaderCountsBeforeTheBody) {
  const std::string body = status(R"("code":429,"details":{"retryAfterSeconds":7})");

  EXPECT_EQ(failure_of_answer(429, body, std::nullopt).retry_after, 7s);
  EXPECT_EQ(failure_of_answer(429, body, 2s).retry_after, 2s);
  EXPECT_EQ(failure_of_answer(429, "", std::nullopt).retry_after, std::nullopt);
}

TEST(RetryAfter, IsReadInSeconds) {
  EXPECT_EQ(parse_retry_after("5"), 5s);
  EXPECT_EQ(parse_retry_after("0"), 0s);
  EXPECT_EQ(parse_retry_after("999999"), 1h);
  for (const char* text : {"", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    EXPECT_EQ(parse_retry_after(text), std::nullopt) << text;
  }
}

TEST(FailureOfSystem, SaysWhatWasTriedAndWhatCameOfIt) {
  namespace error = boost::asio::error;

  EXPECT_EQ(failure_of_system(error::connection_refused, "connect").code, ApiErrc::Refused);
  EXPECT_EQ(failure_of_system(error::timed_out, "connect").code, ApiErrc::Timeout);
  EXPECT_EQ(failure_of_system(error::host_unreachable, "connect").code, ApiErrc::Unreachable);
  EXPECT_EQ(failure_of_system(error::host_not_found, "resolve").code, ApiErrc::Unreachable);
  EXPECT_EQ(failure_of_system(error::connection_reset, "read").code, ApiErrc::Reset);
  EXPECT_EQ(failure_of_system(error::eof, "read").code, ApiErrc::Reset);
  EXPECT_THAT(failure_of_system(error::connection_refused, "connect to 10.0.0.1:6443").text,
              HasSubstr("connect to 10.0.0.1:6443: Connection refused"));
}

}  // namespace
}  // namespace wherry::api
