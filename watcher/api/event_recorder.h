#pragma once

#include "base/async/asio.h"
#include "base/async/task_group.h"
#include "base/async/timers.h"
#include "base/async/wakeup.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "watcher/api/event_api.h"
#include "watcher/api/event_correlator.h"
#include "watcher/model/event_sink.h"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::api {

/// Writes what happens to Services and to the own Node as Events of the API server (H6), one after
/// another, in the background: what recurs as the count of a series, and no more of it than
/// EventCorrelator allows. While the server is away Events wait, up to a bound, and are tried again
/// like client-go's; what it refuses is dropped. Nothing depends on it: what is dropped is counted,
/// and the log says once why the server takes none.
///
/// Control thread only. stop(), then run the loop until idle(), before it goes.
class EventRecorder final : public model::EventSink {
 public:
  static constexpr std::size_t kLongestQueue = 1000;

  EventRecorder(asio::io_context& loop, std::unique_ptr<EventApi> api, Timers& timers,
                const Clock& clock, const std::string& node_name);
  ~EventRecorder() override;

  /// From now on; what was recorded before has waited.
  void start();
  void record(const model::EventSubject& regarding, model::EventType type, std::string_view reason,
              std::string_view note) override;
  /// Nothing waits to be written, and nothing is being written.
  [[nodiscard]] bool has_written_all() const noexcept { return queue_.empty() && !writing_; }
  /// What has not been written by now never is.
  void stop();
  [[nodiscard]] bool idle() const noexcept { return tasks_.idle(); }

  void collect(MetricFamilies& families) const;

 private:
  /// Why one was not written.
  enum class Dropped : std::uint8_t { RateLimited, QueueFull, Refused, Unreachable, Stopped };
  static constexpr std::size_t kReasons = 5;
  using Series = std::shared_ptr<EventSeries>;

  void write_if_idle();
  [[nodiscard]] asio::awaitable<void> write_all();
  [[nodiscard]] asio::awaitable<void> write(Series series);
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> write_once(Series series);
  void drop(Dropped reason) { ++dropped_[static_cast<std::size_t>(reason)]; }
  void complain(const ApiFailure& failure);

  const std::unique_ptr<EventApi> api_;
  Timers& timers_;
  const Clock& clock_;
  const std::string instance_;  ///< "wherry-NODE"
  EventCorrelator correlator_;
  std::deque<Series> queue_;
  bool started_ = false;
  bool writing_ = false;
  bool stopping_ = false;
  std::optional<ApiErrc> complaint_;  ///< the last one, so as to make it once
  std::uint64_t written_ = 0;
  std::array<std::uint64_t, kReasons> dropped_{};
  Wakeup wakeup_;
  TaskGroup tasks_;
};

}  // namespace wherry::api
