#include "watcher/api/retry_policy.h"

#include <chrono>

namespace wherry::api {
namespace {

constexpr unsigned kMostRepeats = 10;

RetryPlan after_watch(ApiErrc code) noexcept {
  switch (code) {
    case ApiErrc::Ended:   // A15: it was time, or the server wants us elsewhere (A18)
    case ApiErrc::Silent:  // A17: that one was dead; the next one need not wait
    case ApiErrc::Stopped:
      return {NextStep::Rewatch, false};
    case ApiErrc::Gone:  // A10
      return {NextStep::Relist, false};
    case ApiErrc::VersionTooLarge:  // A11
    case ApiErrc::BadRequest:       // it makes nothing of our version
      return {NextStep::RelistFresh, true};
    default:
      return {NextStep::Rewatch, true};
  }
}

RetryPlan after_list(ApiErrc code, bool had_version) noexcept {
  switch (code) {
    case ApiErrc::Gone:
    case ApiErrc::VersionTooLarge:
      return {NextStep::RelistFresh, !had_version};
    default:
      return {NextStep::Relist, true};
  }
}

RetryPlan after_watch_list(ApiErrc code, bool had_version) noexcept {
  switch (code) {
    case ApiErrc::Gone:
    case ApiErrc::VersionTooLarge:
      return {NextStep::RelistFresh, !had_version};
    case ApiErrc::BadRequest:  // 400 or 422: it does not know sendInitialEvents, or may not (A3)
    case ApiErrc::Forbidden:   // to watch; perhaps not to list
    case ApiErrc::NotFound:
    case ApiErrc::ServerError:
    case ApiErrc::UnexpectedAnswer:
    case ApiErrc::Malformed:
    case ApiErrc::TooLarge:
    case ApiErrc::Silent:  // the end of the initial events never came
    case ApiErrc::Ended:
    case ApiErrc::VeryShortWatch:
      return {NextStep::ListPlainly, false};
    default:
      return {NextStep::Relist, true};
  }
}

}  // namespace

RetryPlan plan_retry(Phase phase, ApiErrc code, bool had_version) noexcept {
  switch (phase) {
    case Phase::WatchList:
      return after_watch_list(code, had_version);
    case Phase::List:
      return after_list(code, had_version);
    case Phase::Watch:
      return after_watch(code);
  }
  return {};
}

std::optional<Duration> plan_repeat(const ApiFailure& failure, unsigned repeats,
                                    bool is_watch) noexcept {
  if (repeats >= kMostRepeats) return std::nullopt;
  const bool is_busy =
      failure.code == ApiErrc::TooManyRequests || failure.code == ApiErrc::ServerError;
  if (is_busy) return failure.retry_after;
  if (!is_watch && (failure.code == ApiErrc::Reset || failure.code == ApiErrc::Timeout)) {
    return std::chrono::seconds(1);
  }
  return std::nullopt;
}

}  // namespace wherry::api
