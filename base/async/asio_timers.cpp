#include "base/async/asio_timers.h"

#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace wherry {
namespace {

/// What the completion handler and the handle share: the handler may be queued already when the
/// handle is destroyed, so the flag must outlive the handle.
struct Shot {
  asio::steady_timer timer;
  std::function<void()> callback;  ///< empty once run or cancelled

  explicit Shot(asio::io_context& loop) : timer(loop) {}
};

class AsioPending final : public Timer::Pending {
 public:
  explicit AsioPending(std::shared_ptr<Shot> shot) : shot_(std::move(shot)) {}

  void cancel() noexcept override {
    shot_->callback = nullptr;
    shot_->timer.cancel();
  }
  [[nodiscard]] bool is_waiting() const noexcept override { return bool(shot_->callback); }

 private:
  std::shared_ptr<Shot> shot_;
};

}  // namespace

AsioTimers::AsioTimers(asio::io_context& loop) : loop_(loop) {
  const asio::steady_timer makes_the_reactor(loop);
}

Timer AsioTimers::schedule(Duration delay, std::function<void()> callback) {
  auto shot = std::make_shared<Shot>(loop_);
  shot->callback = std::move(callback);
  shot->timer.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(delay));
  shot->timer.async_wait([shot](const boost::system::error_code&) {
    // Whether it was cancelled is said by the callback alone: a cancel that comes after the expiry
    // was queued does not change the error code.
    if (!shot->callback) return;
    const auto run = std::exchange(shot->callback, nullptr);
    run();
  });
  return Timer(std::make_unique<AsioPending>(shot));
}

}  // namespace wherry
