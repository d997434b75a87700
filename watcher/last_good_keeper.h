#pragma once

#include "base/async/asio.h"
#include "base/async/coalescer.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "watcher/last_good.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace wherry::watcher {

/// Keeps the file with the last good objects up to date: within 5 s of a change, and at the stop.
///
/// Control thread; files are written on `work`, one at a time.
class LastGoodKeeper {
 public:
  /// `gather` returns all objects that there are now; it is called on the control thread.
  LastGoodKeeper(asio::io_context& control, asio::any_io_executor work, Timers& timers,
                 const Clock& clock, std::string path, ClusterIdentity identity,
                 std::function<ClusterObjects()> gather);
  ~LastGoodKeeper();

  void on_change();
  /// Writes what is not written yet, and nothing after that. `work` must be run to its end.
  void stop();
  void collect(MetricFamilies& families) const;

 private:
  void write();
  void on_written(const error_code& error);

  asio::io_context& control_;
  const asio::any_io_executor work_;
  const std::string path_;
  const ClusterIdentity identity_;
  const std::function<ClusterObjects()> gather_;
  Coalescer coalescer_;
  bool dirty_ = false;
  bool writing_ = false;
  bool stopped_ = false;
  bool failing_ = false;  ///< the log has said so
  std::uint64_t written_ = 0;
  std::uint64_t failed_ = 0;
  /// A result that arrives after this object is gone finds it expired.
  std::shared_ptr<LastGoodKeeper*> alive_;
};

}  // namespace wherry::watcher
