#include "watcher/api/event_correlator.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace wherry::api {
namespace {

/// What is no part of a name, a kind or a sentence of ours.
constexpr char kBetween = '\0';

std::string key_of(const model::EventSubject& subject) {
  return subject.kind + kBetween + subject.key.name_space + kBetween + subject.key.name + kBetween +
         subject.uid;
}

/// Makes room for one more: who was seen longest ago goes.
template <class T>
void make_room(std::map<std::string, T>& all) {
  if (all.size() < EventCorrelator::kMost) return;
  all.erase(std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second.seen < b.second.seen;
  }));
}

}  // namespace

std::shared_ptr<EventSeries> EventCorrelator::observe(const model::EventSubject& regarding,
                                                      model::EventType type,
                                                      std::string_view reason,
                                                      std::string_view note, TimePoint now,
                                                      WallTime wall) {
  const std::string object = key_of(regarding);
  std::string key = object + kBetween + (type == model::EventType::Warning ? 'W' : 'N');
  key.append(reason).append(1, kBetween).append(note);
  auto found = series_.find(key);
  if (found != series_.end() && now - found->second.seen > kSeriesEnd) {
    series_.erase(found);
    found = series_.end();
  }
  if (found == series_.end()) {
    make_room(series_);
    auto series = std::make_shared<EventSeries>();
    series->regarding = regarding;
    series->type = type;
    series->reason = reason;
    series->note = note;
    series->first = wall;
    rename(*series, wall);
    found = series_.emplace(std::move(key), Remembered{std::move(series), now}).first;
  }
  EventSeries& series = *found->second.series;
  found->second.seen = now;
  series.last = wall;
  ++series.count;
  if (!take_token(object, now)) return nullptr;
  return found->second.series;
}

bool EventCorrelator::take_token(const std::string& object, TimePoint now) {
  auto found = buckets_.find(object);
  if (found == buckets_.end()) {
    make_room(buckets_);
    found = buckets_.emplace(object, Bucket{kBurst, now}).first;
  }
  Bucket& bucket = found->second;
  const double refilled = seconds_of(now - bucket.seen) / seconds_of(kRefill);
  bucket.tokens = std::min(kBurst, bucket.tokens + refilled);
  bucket.seen = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

/// As client-go names them.
void EventCorrelator::rename(EventSeries& series, WallTime wall) {
  using std::chrono::nanoseconds;
  const auto stamp = std::chrono::duration_cast<nanoseconds>(wall.time_since_epoch()).count();
  last_stamp_ = std::max<std::int64_t>(stamp, last_stamp_ + 1);
  std::array<char, 20> hex{};
  const auto end = std::to_chars(hex.data(), hex.data() + hex.size(),
                                 static_cast<std::uint64_t>(last_stamp_), 16);
  series.name = series.regarding.key.name + '.' + std::string(hex.data(), end.ptr);
}

}  // namespace wherry::api
