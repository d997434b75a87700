#include "watcher/api/retry_policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace wherry::api {

// Where googletest looks for it: beside the type.
static std::ostream& operator<<(std::ostream& out, const RetryPlan& plan) {
  constexpr const char* kSteps[] = {"Rewatch", "Relist", "RelistFresh", "ListPlainly"};
  return out << kSteps[static_cast<int>(plan.next)] << (plan.wait ? ", later" : ", now");
}

namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  Phase phase;
  ApiErrc code;
  RetryPlan plan;
  bool had_version = true;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class PlanRetry : public ::testing::TestWithParam<Case> {};

TEST_P(PlanRetry, FollowsTheTable) {
  EXPECT_EQ(plan_retry(GetParam().phase, GetParam().code, GetParam().had_version), GetParam().plan);
}

constexpr RetryPlan kRewatchNow{NextStep::Rewatch, false};
constexpr RetryPlan kRewatchLater{NextStep::Rewatch, true};
constexpr RetryPlan kRelistNow{NextStep::Relist, false};
constexpr RetryPlan kRelistLater{NextStep::Relist, true};
constexpr RetryPlan kFreshNow{NextStep::RelistFresh, false};
constexpr RetryPlan kFreshLater{NextStep::RelistFresh, true};
constexpr RetryPlan kListPlainly{NextStep::ListPlainly, false};

INSTANTIATE_TEST_SUITE_P(
    Watch, PlanRetry,
    ::testing::Values(
        Case{"A15_EndedInGoodOrder", Phase::Watch, ApiErrc::Ended, kRewatchNow},
        Case{"A15_VeryShort", Phase::Watch, ApiErrc::VeryShortWatch, kRewatchLater},
        Case{"A10_Gone", Phase::Watch, ApiErrc::Gone, kRelistNow},
        Case{"A11_VersionTooLarge", Phase::Watch, ApiErrc::VersionTooLarge, kFreshLater},
        Case{"A12_TooManyRequests", Phase::Watch, ApiErrc::TooManyRequests, kRewatchLater},
        Case{"A16_ServerError", Phase::Watch, ApiErrc::ServerError, kRewatchLater},
        Case{"A17_Silent", Phase::Watch, ApiErrc::Silent, kRewatchNow},
        Case{"Refused", Phase::Watch, ApiErrc::Refused, kRewatchLater},
        Case{"Unreachable", Phase::Watch, ApiErrc::Unreachable, kRewatchLater},
        Case{"Timeout", Phase::Watch, ApiErrc::Timeout, kRewatchLater},
        Case{"Reset", Phase::Watch, ApiErrc::Reset, kRewatchLater},
        Case{"Tls", Phase::Watch, ApiErrc::Tls, kRewatchLater},
        Case{"Proxy", Phase::Watch, ApiErrc::Proxy, kRewatchLater},
        Case{"Unauthorized", Phase::Watch, ApiErrc::Unauthorized, kRewatchLater},
        Case{"Forbidden", Phase::Watch, ApiErrc::Forbidden, kRewatchLater},
        Case{"NotFound", Phase::Watch, ApiErrc::NotFound, kRewatchLater},
        Case{"BadRequest", Phase::Watch, ApiErrc::BadRequest, kFreshLater},
        Case{"A23_UnexpectedAnswer", Phase::Watch, ApiErrc::UnexpectedAnswer, kRewatchLater},
        Case{"Malformed", Phase::Watch, ApiErrc::Malformed, kRewatchLater},
        Case{"TooLarge", Phase::Watch, ApiErrc::TooLarge, kRewatchLater},
        Case{"Credentials", Phase::Watch, ApiErrc::Credentials, kRewatchLater}),
    [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    List, PlanRetry,
    ::testing::Values(Case{"A5_Gone", Phase::List, ApiErrc::Gone, kFreshNow},
                      Case{"A5_GoneAlthoughFresh", Phase::List, ApiErrc::Gone, kFreshLater, false},
                      Case{"A11_VersionTooLarge", Phase::List, ApiErrc::VersionTooLarge, kFreshNow},
                      Case{"A11_VersionTooLargeAlthoughFresh", Phase::List,
                           ApiErrc::VersionTooLarge, kFreshLater, false},
                      Case{"TooManyRequests", Phase::List, ApiErrc::TooManyRequests, kRelistLater},
                      Case{"ServerError", Phase::List, ApiErrc::ServerError, kRelistLater},
                      Case{"Refused", Phase::List, ApiErrc::Refused, kRelistLater},
                      Case{"Reset", Phase::List, ApiErrc::Reset, kRelistLater},
                      Case{"Forbidden", Phase::List, ApiErrc::Forbidden, kRelistLater},
                      Case{"A23_Table", Phase::List, ApiErrc::UnexpectedAnswer, kRelistLater},
                      Case{"TooLarge", Phase::List, ApiErrc::TooLarge, kRelistLater}),
    [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    WatchList, PlanRetry,
    ::testing::Values(
        Case{"A3_ForbiddenByTheFeatureGate", Phase::WatchList, ApiErrc::BadRequest, kListPlainly},
        Case{"A3_Forbidden", Phase::WatchList, ApiErrc::Forbidden, kListPlainly},
        Case{"A3_TooManyRequests", Phase::WatchList, ApiErrc::TooManyRequests, kRelistLater},
        Case{"A3_Refused", Phase::WatchList, ApiErrc::Refused, kRelistLater},
        Case{"A3_Gone", Phase::WatchList, ApiErrc::Gone, kFreshNow},
        Case{"A3_GoneAlthoughFresh", Phase::WatchList, ApiErrc::Gone, kFreshLater, false},
        Case{"A3_VersionTooLarge", Phase::WatchList, ApiErrc::VersionTooLarge, kFreshNow},
        Case{"A2_NeverEndsTheInitialEvents", Phase::WatchList, ApiErrc::Silent, kListPlainly},
        Case{"ServerError", Phase::WatchList, ApiErrc::ServerError, kListPlainly},
        Case{"Reset", Phase::WatchList, ApiErrc::Reset, kRelistLater}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(PlanRetry, AsksForAWholeCollectionOnlyWhereTheVersionIsUnknown) {
  const std::set<ApiErrc> unknown{ApiErrc::Gone, ApiErrc::VersionTooLarge, ApiErrc::BadRequest};
  for (int code = 0; code <= static_cast<int>(ApiErrc::Stopped); ++code) {
    const auto each = static_cast<ApiErrc>(code);
    EXPECT_EQ(plan_retry(Phase::Watch, each, true).next != NextStep::Rewatch,
              unknown.contains(each))
        << to_string(each);
  }
}

struct RepeatCase {
  const char* name;
  ApiFailure failure;
  unsigned repeats;
  bool is_watch;
  std::optional<Duration> after;
};
std::ostream& operator<<(std::ostream& out, const RepeatCase& each) { return out << each.name; }

class PlanRepeat : public ::testing::TestWithParam<RepeatCase> {};

TEST_P(PlanRepeat, A13_FollowsTheTable) {
  EXPECT_EQ(plan_repeat(GetParam().failure, GetParam().repeats, GetParam().is_watch),
            GetParam().after);
}

INSTANTIATE_TEST_SUITE_P(
    Table, PlanRepeat,
    ::testing::Values(
        RepeatCase{"BusyWithRetryAfter", {ApiErrc::TooManyRequests, "", 5s, 429}, 0, false, 5s},
        RepeatCase{"BusyWithoutIt", {ApiErrc::TooManyRequests, "", {}, 429}, 0, false, {}},
        RepeatCase{"ErrorWithRetryAfter", {ApiErrc::ServerError, "", 1s, 503}, 9, true, 1s},
        RepeatCase{"ErrorWithoutIt", {ApiErrc::ServerError, "", {}, 500}, 0, false, {}},
        RepeatCase{"TenTimesAtMost", {ApiErrc::ServerError, "", 1s, 503}, 10, false, {}},
        RepeatCase{"AListThatWasCut", {ApiErrc::Reset, "", {}, 0}, 0, false, 1s},
        RepeatCase{"AListThatTookTooLong", {ApiErrc::Timeout, "", {}, 0}, 3, false, 1s},
        RepeatCase{"AWatchThatWasCut", {ApiErrc::Reset, "", {}, 0}, 0, true, {}},
        RepeatCase{"NobodyThere", {ApiErrc::Refused, "", {}, 0}, 0, false, {}},
        RepeatCase{"RetryAfterOfAnotherError", {ApiErrc::Forbidden, "", 1s, 403}, 0, false, {}}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace wherry::api
