#pragma once

#include "base/duration.h"

#include <functional>
#include <memory>

namespace wherry {

/// A callback that will run once; destroying or cancelling the handle before then prevents it.
///
/// Belongs to the thread of the Timers that made it. Moving is fine, sharing is not.
class Timer {
 public:
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void cancel() noexcept = 0;
    [[nodiscard]] virtual bool is_waiting() const noexcept = 0;
  };

  Timer() noexcept = default;
  explicit Timer(std::unique_ptr<Pending> pending) noexcept : pending_(std::move(pending)) {}
  Timer(Timer&&) noexcept = default;
  Timer& operator=(Timer&& other) noexcept {
    cancel();
    pending_ = std::move(other.pending_);
    return *this;
  }
  ~Timer() { cancel(); }

  void cancel() noexcept {
    if (pending_) pending_->cancel();
    pending_.reset();
  }
  [[nodiscard]] bool is_waiting() const noexcept { return pending_ && pending_->is_waiting(); }

 private:
  std::unique_ptr<Pending> pending_;
};

/// The only way to wait, so that tests can let hours pass in a microsecond.
///
/// Lives on one event loop; only that loop's thread calls it, and callbacks run there.
class Timers {
 public:
  virtual ~Timers() = default;

  /// Runs `callback` after `delay`, never before this call has returned.
  [[nodiscard]] virtual Timer schedule(Duration delay, std::function<void()> callback) = 0;
};

}  // namespace wherry
