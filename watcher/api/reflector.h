#pragma once

#include "base/async/asio.h"
#include "base/async/task_group.h"
#include "base/async/timers.h"
#include "base/async/wakeup.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "watcher/api/list_watch.h"
#include "watcher/api/object_store.h"
#include "watcher/api/retry_policy.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace wherry::api {

struct ReflectorOptions {
  bool watch_list = true;    ///< begin with WatchList where the server does it (A1)
  Duration poll_interval{};  ///< list again and again instead of watching; 0: watch
};

/// Keeps a store equal to one resource of a cluster: lists, then watches from there on, for ever
/// (watch-contract.md). What there is stays until a whole list has replaced it (A34).
///
/// Control thread only. All policy is in retry_policy.h. stop(), then run the loop until idle(),
/// before it is destroyed.
class Reflector {
 public:
  /// How it goes, for operators.
  struct Health {
    bool synced = false;       ///< the store has held the whole collection once
    TimePoint last_contact{};  ///< last event, bookmark or completed list
    /// Why it is not being followed; none while it is. A list alone is no recovery where watches
    /// are what fails.
    std::optional<ApiFailure> failing;
    TimePoint failing_since{};
    std::uint64_t lists = 0;    ///< whole collections, by list or WatchList
    std::uint64_t watches = 0;  ///< watches that were opened
    std::uint64_t events = 0;
  };
  /// Called when `failing` or `synced` has changed.
  using OnHealth = std::function<void()>;

  Reflector(asio::io_context& loop, std::string kind, ListWatch& api, ObjectStore& store,
            Timers& timers, const Clock& clock, Random& random, ReflectorOptions options,
            OnHealth on_health);
  ~Reflector();

  void start();
  void stop();
  [[nodiscard]] bool idle() const noexcept { return tasks_.idle(); }
  [[nodiscard]] const Health& health() const noexcept { return health_; }

 private:
  /// Which collection is asked for next.
  enum class Version : std::uint8_t {
    First,  ///< whatever the server has (A4)
    Last,   ///< not older than the last version seen
    Fresh,  ///< the newest
  };
  struct Ended {
    Phase phase;
    ApiFailure failure;
    bool had_version = false;
  };

  asio::awaitable<void> run();
  asio::awaitable<void> poll();
  asio::awaitable<Ended> attempt();
  asio::awaitable<Ended> watch_list();
  asio::awaitable<std::optional<ApiFailure>> list();
  asio::awaitable<ApiResult<ListPage>> list_pages();
  asio::awaitable<Ended> watch();
  asio::awaitable<ApiFailure> follow(WatchStream& stream);
  asio::awaitable<void> wait(Duration duration);
  [[nodiscard]] Timer complain_later();
  [[nodiscard]] std::optional<ApiFailure> apply(const WatchEvent& event);
  [[nodiscard]] bool is_expected(const WatchEvent& event) const;
  [[nodiscard]] std::string version_to_ask_for() const;
  [[nodiscard]] std::chrono::seconds watch_timeout();
  void ask_afresh();
  void commit(std::string version);
  void note_contact();
  void note_following();
  void note_failure(const ApiFailure& failure);

  const std::string kind_;
  ListWatch& api_;
  ObjectStore& store_;
  Timers& timers_;
  const Clock& clock_;
  Random& random_;
  const ReflectorOptions options_;
  const OnHealth on_health_;
  Backoff backoff_;
  Wakeup wakeup_;
  TaskGroup tasks_;
  Health health_;

  NextStep next_ = NextStep::Relist;
  Version version_kind_ = Version::First;
  std::string version_;  ///< the last one seen
  bool pages_ = false;   ///< a list at version "0" came in pages: list in pages from now on (A6)
  Timer settled_;        ///< a watch that lives this long is one
  Timer impatience_;     ///< with a WatchList that does not end its initial events
  bool stopping_ = false;
};

}  // namespace wherry::api
