#include "watcher/last_good_keeper.h"

#include "base/log.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

namespace wherry::watcher {
namespace {

/// Both together leave a second for the writing itself.
constexpr Coalescer::Pace kPace{.settle = std::chrono::seconds(1),
                                .pause = std::chrono::seconds(3)};

}  // namespace

LastGoodKeeper::LastGoodKeeper(asio::io_context& control, asio::any_io_executor work,
                               Timers& timers, const Clock& clock, std::string path,
                               ClusterIdentity identity, std::function<ClusterObjects()> gather)
    : control_(control),
      work_(std::move(work)),
      path_(std::move(path)),
      identity_(std::move(identity)),
      gather_(std::move(gather)),
      coalescer_(timers, clock, kPace, [this] { write(); }),
      alive_(std::make_shared<LastGoodKeeper*>(this)) {}

LastGoodKeeper::~LastGoodKeeper() = default;

void LastGoodKeeper::on_change() {
  if (stopped_) return;
  dirty_ = true;
  coalescer_.request();
}

void LastGoodKeeper::write() {
  if (writing_ || !dirty_) return;
  dirty_ = false;
  writing_ = true;
  // A stop waits until the last state is on the disk.
  auto job = [guard = asio::make_work_guard(control_), this_weak = std::weak_ptr(alive_),
              &control = control_, path = path_, identity = identity_, objects = gather_()] {
    const error_code error = write_last_good(path, identity, objects);
    asio::post(control, [this_weak, error] {
      if (const auto keeper = this_weak.lock()) (*keeper)->on_written(error);
    });
  };
  asio::post(work_, std::move(job));
}

void LastGoodKeeper::on_written(const error_code& error) {
  writing_ = false;
  ++(error ? failed_ : written_);
  if (error && !failing_) {
    log::warn(
        "the last good state can't be written; a start without the API server will not have it",
        {{"file", path_}, {"reason", error.message()}});
  } else if (!error && failing_) {
    log::info("the last good state is written again", {{"file", path_}});
  }
  failing_ = static_cast<bool>(error);
  if (error) dirty_ = true;
  if (!dirty_) return;
  if (!stopped_) {
    coalescer_.request();
  } else if (!error) {
    write();
  }
}

void LastGoodKeeper::stop() {
  stopped_ = true;
  coalescer_.stop();
  write();
}

void LastGoodKeeper::collect(MetricFamilies& families) const {
  families.push_back(
      {"wherry_last_good_writes_total",
       "How often the last good state was written to --state-dir, by what came of it.",
       MetricKind::Counter,
       {{{{"result", "success"}}, static_cast<double>(written_)},
        {{{"result", "failure"}}, static_cast<double>(failed_)}}});
}

}  // namespace wherry::watcher
