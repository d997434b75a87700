#pragma once

#include "base/clock.h"
#include "base/duration.h"
#include "watcher/model/event_sink.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace wherry::api {

/// Something that has happened, once or again and again: one Event on the API server.
struct EventSeries {
  model::EventSubject regarding;
  model::EventType type = model::EventType::Normal;
  std::string reason;
  std::string note;
  std::string name;  ///< of the Event, made of the object's and the time
  WallTime first{};
  WallTime last{};
  std::uint64_t count = 0;    ///< how often it has happened
  std::uint64_t written = 0;  ///< the count that the server knows; 0: it has no Event yet
  bool is_queued = false;     ///< somebody is about to write it
};

/// Decides what becomes of each occurrence: a new Event, one more in a series, or nothing. After
/// client-go's EventCorrelator: the same of the same object is one series for as long as it recurs
/// within six minutes, and of one object at most 25 occurrences at once and one more every five
/// minutes are written, whatever they say.
///
/// Reads no clock, writes nothing. What it remembers is bounded.
class EventCorrelator {
 public:
  static constexpr double kBurst = 25;
  static constexpr Duration kRefill = std::chrono::minutes(5);
  static constexpr Duration kSeriesEnd = std::chrono::minutes(6);
  /// Of objects, and of series: client-go's cache has as many.
  static constexpr std::size_t kMost = 4096;

  /// The series that this belongs to, with the new count; null if nothing is to be written. That it
  /// has happened is counted all the same.
  [[nodiscard]] std::shared_ptr<EventSeries> observe(const model::EventSubject& regarding,
                                                     model::EventType type, std::string_view reason,
                                                     std::string_view note, TimePoint now,
                                                     WallTime wall);

  /// Another name, for an Event that the server does not have any more.
  void rename(EventSeries& series, WallTime wall);

 private:
  struct Remembered {
    std::shared_ptr<EventSeries> series;
    TimePoint seen;
  };
  struct Bucket {
    double tokens = kBurst;
    TimePoint seen;
  };
  [[nodiscard]] bool take_token(const std::string& object, TimePoint now);

  std::map<std::string, Remembered> series_;
  std::map<std::string, Bucket> buckets_;
  std::int64_t last_stamp_ = 0;  ///< no two names are the same
};

}  // namespace wherry::api
