#include "watcher/api/event_recorder.h"

#include "base/log.h"
#include "base/quoted.h"
#include "base/utf8.h"
#include "watcher/api/request.h"
#include "watcher/model/timestamp.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

namespace json = boost::json;

/// client-go's: an Event that can't be delivered is given up after two minutes.
constexpr unsigned kMostAttempts = 12;
constexpr Duration kPause = std::chrono::seconds(10);
// What the API server takes at most (validation of events.k8s.io/v1).
constexpr std::size_t kLongestNote = 1024;
constexpr std::size_t kLongestInstance = 128;

constexpr const char* kController = "wherry";
constexpr std::array<const char*, 5> kReasonNames = {"rate_limited", "queue_full", "refused",
                                                     "unreachable", "stopped"};

/// Events of what has no namespace are kept in this one.
std::string name_space_of(const EventSeries& series) {
  const std::string& own = series.regarding.key.name_space;
  return own.empty() ? "default" : own;
}

json::object series_of(const EventSeries& series) {
  return {{"count", series.count}, {"lastObservedTime", model::format_micro_time(series.last)}};
}

std::string event_text(const EventSeries& series, const std::string& instance) {
  json::object regarding{{"apiVersion", "v1"},
                         {"kind", series.regarding.kind},
                         {"name", series.regarding.key.name},
                         {"uid", series.regarding.uid}};
  if (!series.regarding.key.name_space.empty()) {
    regarding["namespace"] = series.regarding.key.name_space;
  }
  const std::string note = printable(series.note);
  json::object event{
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata", json::object{{"name", series.name}, {"namespace", name_space_of(series)}}},
      {"eventTime", model::format_micro_time(series.first)},
      {"reportingController", kController},
      {"reportingInstance", instance},
      {"action", series.reason},
      {"reason", series.reason},
      {"regarding", std::move(regarding)},
      {"note", json::string(utf8_prefix(note, kLongestNote))},
      {"type", series.type == model::EventType::Warning ? "Warning" : "Normal"}};
  if (series.count > 1) event["series"] = series_of(series);
  return json::serialize(event);
}

std::string patch_text(const EventSeries& series) {
  return json::serialize(json::object{{"series", series_of(series)}});
}

/// Whether it is the request that the server does not take, so that another try would be refused as
/// well.
bool is_refusal(const ApiFailure& failure) {
  switch (failure.code) {
    case ApiErrc::Unauthorized:
    case ApiErrc::Forbidden:
    case ApiErrc::NotFound:
    case ApiErrc::BadRequest:
    case ApiErrc::Gone:
    case ApiErrc::UnexpectedAnswer:
    case ApiErrc::Malformed:
    case ApiErrc::TooLarge:
      return true;
    default:
      return false;
  }
}

}  // namespace

EventRecorder::EventRecorder(asio::io_context& loop, std::unique_ptr<EventApi> api, Timers& timers,
                             const Clock& clock, const std::string& node_name)
    : api_(std::move(api)),
      timers_(timers),
      clock_(clock),
      instance_(utf8_prefix(std::string(kController) + '-' + node_name, kLongestInstance)),
      wakeup_(loop),
      tasks_(loop) {}

EventRecorder::~EventRecorder() = default;

void EventRecorder::record(const model::EventSubject& regarding, model::EventType type,
                           std::string_view reason, std::string_view note) {
  if (stopping_) return drop(Dropped::Stopped);
  Series series = correlator_.observe(regarding, type, reason, note, clock_.now(), clock_.wall());
  if (!series) return drop(Dropped::RateLimited);
  if (series->is_queued) return;  // what is about to be written says this too
  if (queue_.size() >= kLongestQueue) return drop(Dropped::QueueFull);
  series->is_queued = true;
  queue_.push_back(std::move(series));
  write_if_idle();
}

void EventRecorder::start() {
  started_ = true;
  write_if_idle();
}

void EventRecorder::write_if_idle() {
  if (!started_ || queue_.empty() || std::exchange(writing_, true)) return;
  tasks_.spawn("events", write_all());
}

asio::awaitable<void> EventRecorder::write_all() {
  while (!queue_.empty() && !stopping_) {
    Series series = std::move(queue_.front());
    queue_.pop_front();
    co_await write(std::move(series));
  }
  writing_ = false;
}

asio::awaitable<void> EventRecorder::write(Series series) {
  for (unsigned attempts = 1;; ++attempts) {
    series->is_queued = false;  // what happens from now on is to be written anew
    if (series->written == series->count) co_return;
    const auto failure = co_await write_once(series);
    if (stopping_) co_return drop(Dropped::Stopped);
    if (!failure) {
      ++written_;
      if (complaint_) log::info("Events are written again");
      complaint_.reset();
      co_return;
    }
    if (is_refusal(*failure)) {
      complain(*failure);
      co_return drop(Dropped::Refused);
    }
    // That the server is away is said by who follows it.
    if (attempts == kMostAttempts) co_return drop(Dropped::Unreachable);
    series->is_queued = true;
    co_await sleep_for(timers_, wakeup_, failure->retry_after.value_or(kPause));
    if (stopping_) co_return drop(Dropped::Stopped);
  }
}

asio::awaitable<std::optional<ApiFailure>> EventRecorder::write_once(Series series) {
  const std::uint64_t count = series->count;
  if (series->written > 0) {
    auto failure = co_await api_->patch(name_space_of(*series), series->name, patch_text(*series));
    if (!failure) series->written = count;
    // Servers forget Events after an hour.
    if (!failure || failure->code != ApiErrc::NotFound || stopping_) co_return failure;
    series->written = 0;
    correlator_.rename(*series, clock_.wall());
  }
  auto failure = co_await api_->create(name_space_of(*series), event_text(*series, instance_));
  constexpr int kConflict = 409;  // it is there: the answer to an earlier attempt was lost
  if (failure && failure->status == kConflict) failure.reset();
  if (!failure) series->written = count;
  co_return failure;
}

void EventRecorder::complain(const ApiFailure& failure) {
  if (std::exchange(complaint_, failure.code) == failure.code) return;
  std::string reason = failure.text;
  if (failure.code == ApiErrc::Forbidden) {
    reason +=
        "; add this to the rules of the role that is bound to this user: " + events_rbac_rule();
  }
  log::warn("Events can't be written; all else goes on", {{"reason", reason}});
}

void EventRecorder::stop() {
  stopping_ = true;
  for (std::size_t i = 0; i < queue_.size(); ++i) drop(Dropped::Stopped);
  queue_.clear();
  api_->stop();
  wakeup_.wake();
}

void EventRecorder::collect(MetricFamilies& families) const {
  families.push_back(single_metric("wherry_events_written_total",
                                   "Events that the API server has taken.", MetricKind::Counter,
                                   static_cast<double>(written_)));
  MetricFamily dropped{"wherry_events_dropped_total",
                       "Occurrences of which no Event was written, by reason.",
                       MetricKind::Counter,
                       {}};
  for (std::size_t i = 0; i < kReasons; ++i) {
    dropped.samples.push_back({{{"reason", kReasonNames[i]}}, static_cast<double>(dropped_[i])});
  }
  families.push_back(std::move(dropped));
}

}  // namespace wherry::api
