#include "proxy/app/config_watch.h"

#include "base/log.h"
#include "base/read_file.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace wherry::app {
namespace {

constexpr std::size_t kLargestFile = 1u << 20;
/// How long nobody has touched the file before it counts as written; at most so long in all.
constexpr Duration kSettle = std::chrono::milliseconds(200);
constexpr Duration kLongestSettle = std::chrono::seconds(5);
constexpr Duration kPeriod = std::chrono::seconds(10);

}  // namespace

ConfigWatch::ConfigWatch(asio::io_context& control, asio::any_io_executor work, Timers& timers,
                         const Clock& clock, std::string path, std::string text,
                         std::function<void()> on_change)
    : control_(control),
      work_(std::move(work)),
      timers_(timers),
      clock_(clock),
      path_(std::move(path)),
      text_(std::move(text)),
      on_change_(std::move(on_change)),
      inotify_(control, {.on_event = [this](int watch, manifest::FileEvent,
                                            std::string_view name) { on_event(watch, name); },
                         .on_lost = [this](int) { look_soon(); },
                         .on_overflow = [this] { look_soon(); }}) {}

void ConfigWatch::start() {
  watch_path();
  inotify_.start();
  look();  // it may have changed since it was read
}

void ConfigWatch::stop() noexcept {
  stopped_ = true;
  settle_.cancel();
  periodic_.cancel();
  inotify_.stop();
}

/// The folders on the way to the file, as they are now.
void ConfigWatch::watch_path() {
  std::map<int, std::vector<manifest::WatchPoint>> points;
  for (manifest::WatchPoint& point : manifest::watch_points_of(path_, path_)) {
    const auto interest = point.file.empty() ? manifest::Inotify::Interest::Names
                                             : manifest::Inotify::Interest::NamesAndContents;
    const int watch = inotify_.add(point.folder, interest);
    if (watch >= 0) points[watch].push_back(std::move(point));
  }
  for (const auto& [watch, gone] : points_) {
    if (!points.contains(watch)) inotify_.remove(watch);
  }
  points_ = std::move(points);
}

void ConfigWatch::on_event(int watch, std::string_view name) {
  const auto found = points_.find(watch);
  if (found == points_.end()) return;
  const bool is_ours =
      std::any_of(found->second.begin(), found->second.end(),
                  [name](const manifest::WatchPoint& point) { return point.name == name; });
  if (is_ours) look_soon();
}

void ConfigWatch::look_soon() {
  if (stopped_) return;
  if (!touched_) touched_ = clock_.now();
  // Whoever goes on writing puts it off, but not for ever.
  if (clock_.now() - *touched_ > kLongestSettle) return;
  settle_ = timers_.schedule(kSettle, [this] { look(); });
}

void ConfigWatch::look() {
  touched_.reset();
  watch_path();
  asio::post(work_, [this] {
    auto text = read_file(path_, kLargestFile);
    asio::post(control_, [this, found = text ? std::optional(std::move(*text)) : std::nullopt] {
      compare(found);
    });
  });
}

void ConfigWatch::compare(std::optional<std::string> text) {
  if (stopped_) return;
  periodic_ = timers_.schedule(kPeriod, [this] { look(); });
  // A file that is away for a moment is being replaced; one that stays away says nothing new.
  if (!text || *text == text_) return;
  text_ = std::move(*text);
  on_change_();
}

}  // namespace wherry::app
