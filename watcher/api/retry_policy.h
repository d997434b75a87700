#pragma once

#include "base/duration.h"
#include "watcher/api/api_failure.h"

#include <cstdint>
#include <optional>

/// What follows a failure: watch on, list again, or try the same once more, now or later. Pure.
namespace wherry::api {

/// What was under way when it failed.
enum class Phase : std::uint8_t {
  WatchList,  ///< a watch that brings the whole collection first (A1)
  List,
  Watch,  ///< from a version on
};

enum class NextStep : std::uint8_t {
  Rewatch,      ///< resume from the last version seen
  Relist,       ///< the whole collection again, not older than the last version seen (A5, A10)
  RelistFresh,  ///< the version is unknown to this server: a consistent read (A5, A11)
  ListPlainly,  ///< the server does not do WatchList: list, then watch (A3)
};

struct RetryPlan {
  NextStep next = NextStep::Rewatch;
  bool wait = false;  ///< back off before

  friend bool operator==(const RetryPlan&, const RetryPlan&) = default;
};

/// Decides what follows the failure that ended a phase. `had_version`: the request named a version
/// that we had seen.
///
/// A relist makes the API server read the whole collection, so only failures that say "this version
/// is unknown" ask for one; all others resume.
[[nodiscard]] RetryPlan plan_retry(Phase phase, ApiErrc code, bool had_version) noexcept;

/// A13: after how long the same request is sent once more, before anybody is told of its failure;
/// nothing if that is not to be. `is_watch`: what a watch lost is not repeated but resumed.
[[nodiscard]] std::optional<Duration> plan_repeat(const ApiFailure& failure, unsigned repeats,
                                                  bool is_watch) noexcept;

}  // namespace wherry::api
