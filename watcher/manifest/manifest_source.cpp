#include "watcher/manifest/manifest_source.h"

#include "base/assert.h"
#include "base/log.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <utility>

namespace wherry::manifest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Lets the rest of a burst arrive: kubelet and editors change several names within a millisecond.
constexpr Duration kSettle = milliseconds(20);
/// After so long without a further write, a file that nobody closes is taken as it is.
constexpr Duration kQuiet = milliseconds(500);
/// A file that never gets quiet is read at least so often.
constexpr Duration kLongestHold = seconds(5);
/// A path that vanishes is given so long to come back before its objects go: `mv old away; mv new
/// here` leaves a moment in which there is nothing.
constexpr Duration kGrace = milliseconds(500);
/// For what inotify can't see.
constexpr Duration kPeriod = seconds(10);

bool same_folder(const std::string& folder, std::uint64_t device, std::uint64_t inode) {
  struct stat status{};
  return ::stat(folder.c_str(), &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

bool is_link(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

}  // namespace

ManifestSource::ManifestSource(asio::io_context& control, asio::any_io_executor work,
                               Timers& timers, const Clock& clock, std::vector<std::string> paths,
                               const ManifestSinks& sinks, std::function<void()> on_change)
    : control_(control),
      work_(std::move(work)),
      timers_(timers),
      clock_(clock),
      paths_(std::move(paths)),
      sinks_(sinks),
      on_change_(std::move(on_change)),
      inotify_(control, {[this](int watch, FileEvent event, std::string_view name) {
                           on_event(watch, event, name);
                         },
                         [this](int watch) { on_lost(watch); }, [this] { on_overflow(); }}),
      alive_(std::make_shared<ManifestSource*>(this)) {}

ManifestSource::~ManifestSource() { WHERRY_ASSERT(stopped_ || !synced_); }

void ManifestSource::start() {
  inotify_.start();
  start_scan();
}

void ManifestSource::stop() noexcept {
  stopped_ = true;
  alive_.reset();
  scan_timer_.cancel();
  inotify_.stop();
}

void ManifestSource::on_event(int watch, FileEvent event, std::string_view name) {
  for (const auto& [folder, watched] : watched_) {
    if (watched.watch != watch) continue;
    const auto concerns = [name](const WatchPoint& point) {
      return point.name.empty() || point.name == name;
    };
    if (std::none_of(watched.points.begin(), watched.points.end(), concerns)) continue;
    const std::string text(name);
    // A link is whole from the start, and nobody will close it.
    if (event == FileEvent::Changing && is_link(manifest_path(folder, text))) {
      event = FileEvent::Folder;
    }
    for (const WatchPoint& point : watched.points) on_event_in(point, event, text);
  }
}

void ManifestSource::on_event_in(const WatchPoint& point, FileEvent event,
                                 const std::string& name) {
  if (point.name.empty()) {
    // A folder of manifests: its own files by name, and anything else as a hint that links may
    // lead elsewhere now ("..data" of a ConfigMap mount).
    const bool is_file = is_manifest_name(name) && event != FileEvent::Folder;
    note(is_file ? manifest_path(point.file, name) : std::string(),
         is_file ? event : FileEvent::Folder);
  } else if (point.name == name) {
    note(point.file, event);
  }
}

void ManifestSource::note(const std::string& file, FileEvent event) {
  if (file.empty() || event == FileEvent::Folder || event == FileEvent::Gone) {
    unclosed_.erase(file);
    scan_in(kSettle);
    return;
  }
  forced_.insert(file);
  if (event == FileEvent::Written) {
    unclosed_.erase(file);
    holds_.erase(file);
    scan_in(kSettle);
    return;
  }
  changing_.insert(file);
  unclosed_.insert(file);
  const TimePoint now = clock_.now();
  Hold& hold = holds_.try_emplace(file, Hold{now, now}).first->second;
  // Who makes a file shorter is mostly about to write it anew, at the pace of whatever makes the
  // text: `kubectl get service,pod -o yaml > all.yaml`.
  const Duration quiet = is_shorter_than_before(file) ? kLongestHold : kQuiet;
  hold.until = std::min(now + quiet, hold.since + kLongestHold);
  scan_in(hold.until - now);
}

void ManifestSource::on_lost(int watch) {
  for (auto at = watched_.begin(); at != watched_.end(); ++at) {
    if (at->second.watch != watch) continue;
    inotify_.remove(watch);  // moved away, it would go on telling of a folder that is not ours
    watched_.erase(at);
    break;
  }
  unclosed_.clear();  // who will say that they are closed?
  scan_in(kSettle);
}

void ManifestSource::on_overflow() {
  log::warn("too many changes at once: all manifests are read again");
  force_all_ = true;
  holds_.clear();
  unclosed_.clear();
  // That a folder went, and came back as another of the same number, may be among what was lost.
  for (const auto& [folder, watched] : watched_) inotify_.remove(watched.watch);
  watched_.clear();
  scan_in(kSettle);
}

/// Makes sure that a scan starts no later than `delay` from now.
void ManifestSource::scan_in(Duration delay) {
  const TimePoint due = clock_.now() + delay;
  if (scanning_) {
    rescan_ = true;
    return;
  }
  if (scan_timer_.is_waiting() && scan_due_ <= due) return;
  scan_due_ = due;
  scan_timer_ = timers_.schedule(delay, [this] { start_scan(); });
}

void ManifestSource::start_scan() {
  scanning_ = true;
  rescan_ = false;
  const TimePoint now = clock_.now();
  changing_.clear();
  std::erase_if(holds_, [this, now](const auto& entry) {
    const auto& [path, hold] = entry;
    if (hold.until > now) return false;
    half_read_.try_emplace(path, hold.since);
    return true;
  });

  ScanRequest request;
  request.paths = paths_;
  request.force_all = std::exchange(force_all_, false);
  for (const auto& [path, file] : files_) request.known.emplace(path, file.identity);
  for (const auto& [path, hold] : holds_) request.held.insert(path);
  // What is held stays forced, for the scan that comes after its release.
  for (auto path = forced_.begin(); path != forced_.end();) {
    const auto next = std::next(path);
    if (!holds_.contains(*path)) request.forced.insert(forced_.extract(path));
    path = next;
  }

  asio::post(work_, [this, &control = control_, alive = std::weak_ptr(alive_),
                     request = std::move(request)] {
    auto result = std::make_shared<ScanResult>(scan(request));
    asio::post(control, [this, alive, result = std::move(result)] {
      if (alive.lock()) finish_scan(std::move(*result));
    });
  });
}

void ManifestSource::finish_scan(ScanResult result) {
  inotify_.read_pending();  // tells which files were written while they were read
  scanning_ = false;
  apply(result);
  report_unreadable(result);
  const bool watches_are_new = update_watches(result);

  // What changed before its folder was watched has told nobody.
  if (watches_are_new || rescan_) scan_in(kSettle);
  const TimePoint now = clock_.now();
  for (const auto& [path, hold] : holds_) scan_in(std::max(hold.until - now, kSettle));
  for (const auto& [index, since] : missing_) {
    if (since + kGrace > now) scan_in(since + kGrace - now);
  }
  scan_in(kPeriod);
  if (std::exchange(changed_, false)) on_change_();
}

void ManifestSource::apply(ScanResult& result) {
  for (ScannedFile& file : result.files) {
    if (file.text && !is_half_read(file.path) && !is_just_emptied(file)) apply_file(file);
  }
  forget_missing(result);
  report_doubles();
  if (synced_) return;
  // The first time the sinks get everything at once.
  synced_ = changed_ = true;
  objects_.replace_all(sinks_);
}

/// Whether a file was being written while it was read: the scan that follows reads it again. One
/// that is always being written is taken as it is after a while.
bool ManifestSource::is_half_read(const std::string& path) {
  if (changing_.contains(path)) {
    const TimePoint now = clock_.now();
    const TimePoint since = half_read_.try_emplace(path, now).first->second;
    if (now - since < kLongestHold) return true;
  }
  half_read_.erase(path);
  return false;
}

/// Whether somebody has opened a file to write it anew and has not written anything yet: `... >
/// manifest.yaml`. Its last content stays until the writer is done, however long that takes.
bool ManifestSource::is_just_emptied(const ScannedFile& file) const {
  return file.identity.size == 0 && unclosed_.contains(file.path);
}

bool ManifestSource::is_shorter_than_before(const std::string& path) const {
  const auto known = files_.find(path);
  struct stat status{};
  return known != files_.end() && ::stat(path.c_str(), &status) == 0 &&
         status.st_size < known->second.identity.size;
}

bool ManifestSource::was_whole(const std::string& path) const {
  const auto file = files_.find(path);
  return file != files_.end() && file->second.was_whole;
}

std::vector<std::string> ManifestSource::missing() const {
  std::vector<std::string> paths;
  for (const auto& [index, since] : missing_) paths.push_back(paths_[index]);
  return paths;
}

/// Each once, and not more than a few at once.
void ManifestSource::report_doubles() {
  std::vector<DoubleDefinition> current = objects_.doubles();
  if (current == doubles_) return;
  constexpr std::size_t kMostLines = 10;
  std::size_t lines = 0;
  for (const DoubleDefinition& each : current) {
    if (std::binary_search(doubles_.begin(), doubles_.end(), each)) continue;
    if (++lines > kMostLines) break;
    log::warn("an object is defined twice; the last definition counts",
              {{"object", each.object},
               {"in_force", each.in_force},
               {"without_effect", each.without_effect}});
  }
  if (lines > kMostLines) {
    log::warn("more objects are defined twice; wherry check lists them",
              {{"count", current.size()}});
  }
  doubles_ = std::move(current);
}

void ManifestSource::apply_file(ScannedFile& scanned) {
  File& file = files_[scanned.path];
  file.order = scanned.order;
  file.identity = scanned.identity;
  if (!scanned.text->faults.empty()) {
    set_broken(scanned.path, std::move(scanned.text->faults));
    return;
  }
  set_whole(scanned.path);
  file.was_whole = true;
  file.ignored = scanned.text->content.ignored;
  set_content(file.order, scanned.path, std::move(scanned.text->content));
}

void ManifestSource::set_content(const FileOrder& order, const std::string& path,
                                 ManifestContent content) {
  changed_ = true;
  objects_.set(order, path, std::move(content), synced_ ? &sinks_ : nullptr);
}

void ManifestSource::set_broken(const std::string& path, Faults faults) {
  if (const auto known = broken_.find(path); known != broken_.end() && known->second == faults) {
    return;
  }
  changed_ = true;
  constexpr std::size_t kMostLines = 10;
  for (std::size_t i = 0; i < std::min(faults.size(), kMostLines); ++i) {
    log::error("a manifest is broken: " + faults[i].to_string());
  }
  log::error(was_whole(path) ? "what it said when it was last whole stays in force"
                             : "nothing of it is in force",
             {{"file", path}, {"faults", faults.size()}});
  broken_.insert_or_assign(path, std::move(faults));
}

void ManifestSource::set_whole(const std::string& path) {
  if (broken_.erase(path) == 0) return;
  changed_ = true;
  log::info("a manifest is whole again", {{"file", path}});
}

/// Forgets the files that are not there any more.
void ManifestSource::forget_missing(const ScanResult& result) {
  const TimePoint now = clock_.now();
  std::set<std::size_t> kept;  // paths whose files stay although they were not seen
  for (std::size_t i = 0; i < result.paths.size(); ++i) {
    if (result.paths[i].exists) {
      missing_.erase(i);
      if (!result.paths[i].unreadable.empty()) kept.insert(i);
      continue;
    }
    const auto [entry, is_new] = missing_.try_emplace(i, now);
    if (is_new) log::warn("a path of manifests is gone", {{"path", paths_[i]}});
    if (now - entry->second < kGrace) kept.insert(i);
  }

  std::set<std::string> seen;
  for (const ScannedFile& file : result.files) seen.insert(file.path);
  std::erase_if(half_read_, [&seen](const auto& entry) { return !seen.contains(entry.first); });
  for (auto file = files_.begin(); file != files_.end();) {
    if (seen.contains(file->first) || kept.contains(file->second.order.first)) {
      ++file;
      continue;
    }
    set_content(file->second.order, file->first, {});
    broken_.erase(file->first);
    unclosed_.erase(file->first);
    file = files_.erase(file);
  }
}

/// A path that exists and can't be listed is a fault like a broken file: what was read stays.
void ManifestSource::report_unreadable(const ScanResult& result) {
  for (std::size_t i = 0; i < result.paths.size(); ++i) {
    const std::string& reason = result.paths[i].unreadable;
    const auto file = files_.find(paths_[i]);
    if (!reason.empty()) {
      set_broken(paths_[i], {{{paths_[i]}, "", "can't be listed: " + reason}});
      if (file != files_.end()) file->second.identity = {};  // read it once that is possible again
    } else if (!result.paths[i].exists) {
      if (file == files_.end() && broken_.erase(paths_[i]) > 0) changed_ = true;
    } else if (file == files_.end()) {
      set_whole(paths_[i]);
    }
  }
}

/// Watches the folders that the scan went through, and no others. True if one is new.
bool ManifestSource::update_watches(const ScanResult& result) {
  std::map<std::string, std::vector<WatchPoint>> wanted;
  for (const WatchPoint& point : result.watch_points) wanted[point.folder].push_back(point);
  for (auto at = watched_.begin(); at != watched_.end();) {
    const bool stays =
        wanted.contains(at->first) && same_folder(at->first, at->second.device, at->second.inode);
    if (!stays) inotify_.remove(at->second.watch);
    at = stays ? std::next(at) : watched_.erase(at);
  }

  bool any_is_new = false;
  for (auto& [folder, points] : wanted) {
    const bool has_files = std::any_of(points.begin(), points.end(),
                                       [](const WatchPoint& point) { return !point.file.empty(); });
    const auto interest =
        has_files ? Inotify::Interest::NamesAndContents : Inotify::Interest::Names;
    const auto known = watched_.find(folder);
    if (known != watched_.end() && known->second.interest == interest) {
      known->second.points = std::move(points);
      continue;
    }
    struct stat status{};
    const int watch = ::stat(folder.c_str(), &status) == 0 ? inotify_.add(folder, interest) : -1;
    if (watch < 0) {
      if (unwatchable_.emplace(folder, std::strerror(errno)).second) {
        log::debug("a folder can't be watched, only looked at every few seconds",
                   {{"folder", folder}, {"reason", unwatchable_[folder]}});
      }
      continue;
    }
    unwatchable_.erase(folder);
    watched_.insert_or_assign(
        folder, Watched{watch, interest, std::move(points), status.st_dev, status.st_ino});
    any_is_new = true;
  }
  return any_is_new;
}

void ManifestSource::collect(MetricFamilies& into) const {
  into.push_back(single_metric("wherry_manifest_errors",
                               "Manifests with a fault, whose last good content is in force.",
                               MetricKind::Gauge, static_cast<double>(broken_.size())));
  into.push_back(single_metric("wherry_manifest_files", "Manifests that are followed.",
                               MetricKind::Gauge, static_cast<double>(files_.size())));
  into.push_back(single_metric("wherry_manifest_missing_paths",
                               "Paths that were given and lead nowhere now.", MetricKind::Gauge,
                               static_cast<double>(missing_.size())));
  MetricFamily objects{
      "wherry_manifest_objects", "Objects in force, by kind.", MetricKind::Gauge, {}};
  for (const auto& [kind, count] : objects_.counts()) {
    objects.samples.push_back({{{"kind", kind}}, static_cast<double>(count)});
  }
  into.push_back(std::move(objects));

  std::size_t ignored = 0;
  for (const auto& [path, file] : files_) {
    for (const auto& [kind, count] : file.ignored) ignored += count;
  }
  into.push_back(single_metric("wherry_manifest_ignored_objects",
                               "Objects of kinds that wherry does not read.", MetricKind::Gauge,
                               static_cast<double>(ignored)));
}

}  // namespace wherry::manifest
