#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "watcher/manifest/inotify.h"
#include "watcher/manifest/watch_points.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wherry::app {

/// Tells when a configuration file says something else than it did: written in place, renamed over,
/// or swapped by a link on the way, as ConfigMap mounts do it (C1).
///
/// Control thread only; the file is read on `work`. A change is told of once nobody has touched the
/// file for a moment, so that half a file is no change. What inotify can't see a look every 10 s
/// finds. stop(), then run the loop to its end, before it is destroyed.
class ConfigWatch {
 public:
  /// `text` is what was read at the start; `on_change` is called with the file already changed.
  ConfigWatch(asio::io_context& control, asio::any_io_executor work, Timers& timers,
              const Clock& clock, std::string path, std::string text,
              std::function<void()> on_change);

  void start();
  void stop() noexcept;

 private:
  void watch_path();
  void on_event(int watch, std::string_view name);
  void look_soon();
  void look();
  void compare(std::optional<std::string> text);

  asio::io_context& control_;
  const asio::any_io_executor work_;
  Timers& timers_;
  const Clock& clock_;
  const std::string path_;
  std::string text_;
  const std::function<void()> on_change_;
  manifest::Inotify inotify_;
  std::map<int, std::vector<manifest::WatchPoint>> points_;  ///< by the folder's watch
  Timer settle_;
  Timer periodic_;
  std::optional<TimePoint> touched_;  ///< first of the events that no look has followed yet
  bool stopped_ = false;
};

}  // namespace wherry::app
