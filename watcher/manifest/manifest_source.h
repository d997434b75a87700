#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/metrics.h"
#include "watcher/manifest/inotify.h"
#include "watcher/manifest/manifest_store.h"
#include "watcher/manifest/scan.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::manifest {

/// Follows files and folders of manifests and tells the sinks what they say.
///
/// Every member function, and every call of a sink, is on the control thread; files are read and
/// parsed on `work`, one scan at a time. A change is taken when its file is complete: when the
/// writer closed it or moved it into place, or when a file that stays open was quiet for a while. A
/// file with a fault leaves its last good content in force. What inotify can't see (network file
/// systems, watches that ran out) a periodic scan finds.
class ManifestSource {
 public:
  /// `on_change` is called after each batch of changes that the sinks were told, first when
  /// everything has been read once, and whenever a file turned broken or whole.
  ManifestSource(asio::io_context& control, asio::any_io_executor work, Timers& timers,
                 const Clock& clock, std::vector<std::string> paths, const ManifestSinks& sinks,
                 std::function<void()> on_change);
  ~ManifestSource();

  void start();
  void stop() noexcept;

  /// Whether every path has been read once.
  [[nodiscard]] bool has_synced() const noexcept { return synced_; }
  /// Files with faults, whose last good content (or nothing) is in force.
  [[nodiscard]] const std::map<std::string, Faults>& broken() const noexcept { return broken_; }
  /// Whether an earlier content of a broken file is in force.
  [[nodiscard]] bool was_whole(const std::string& path) const;
  /// Paths that were given and lead nowhere now.
  [[nodiscard]] std::vector<std::string> missing() const;
  void collect(MetricFamilies& into) const;

 private:
  struct File {
    FileOrder order;
    FileIdentity identity;
    std::map<std::string, std::size_t> ignored;
    bool was_whole = false;  ///< its content, of now or before, is in force
  };
  struct Watched {
    int watch = -1;
    Inotify::Interest interest = Inotify::Interest::Names;
    std::vector<WatchPoint> points;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  struct Hold {
    TimePoint until{};
    TimePoint since{};
  };

  void on_event(int watch, FileEvent event, std::string_view name);
  void on_event_in(const WatchPoint& point, FileEvent event, const std::string& name);
  void on_lost(int watch);
  void on_overflow();
  void note(const std::string& file, FileEvent event);
  void scan_in(Duration delay);
  void start_scan();
  void finish_scan(ScanResult result);
  void apply(ScanResult& result);
  [[nodiscard]] bool is_half_read(const std::string& path);
  [[nodiscard]] bool is_just_emptied(const ScannedFile& file) const;
  [[nodiscard]] bool is_shorter_than_before(const std::string& path) const;
  void apply_file(ScannedFile& file);
  void set_content(const FileOrder& order, const std::string& path, ManifestContent content);
  void forget_missing(const ScanResult& result);
  void report_unreadable(const ScanResult& result);
  [[nodiscard]] bool update_watches(const ScanResult& result);
  void set_broken(const std::string& path, Faults faults);
  void report_doubles();
  void set_whole(const std::string& path);

  asio::io_context& control_;
  const asio::any_io_executor work_;
  Timers& timers_;
  const Clock& clock_;
  const std::vector<std::string> paths_;
  const ManifestSinks sinks_;
  const std::function<void()> on_change_;
  Inotify inotify_;

  std::map<std::string, File> files_;       ///< by path
  std::map<std::string, Faults> broken_;    ///< by path
  std::map<std::string, Watched> watched_;  ///< by folder
  std::map<std::string, Hold> holds_;       ///< files being written, by path
  std::set<std::string> forced_;
  std::set<std::string> unclosed_;         ///< files that were written in place and not closed yet
  std::vector<DoubleDefinition> doubles_;  ///< that the log has named
  std::set<std::string> changing_;  ///< files that were written in place since the last scan began
  std::map<std::string, TimePoint> half_read_;  ///< files that were, and since when none was taken
  std::map<std::size_t, TimePoint> missing_;    ///< paths that vanished, and when
  std::map<std::string, std::string> unwatchable_;  ///< folders without a watch, and why
  ManifestObjects objects_;

  Timer scan_timer_;
  TimePoint scan_due_{};
  bool scanning_ = false;
  bool force_all_ = false;
  bool rescan_ = false;
  bool synced_ = false;
  bool stopped_ = false;
  bool changed_ = false;  ///< since on_change_ was last called
  /// A scan's result that arrives after this object is gone finds it expired.
  std::shared_ptr<ManifestSource*> alive_;
};

}  // namespace wherry::manifest
