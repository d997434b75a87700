#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace wherry {

/// One coroutine waits until somebody wakes it. A wake without a waiter is kept for the next wait.
///
/// One thread. The waiter goes on later, never inside wake(). Must outlive its waiter, which
/// whoever stops it therefore wakes.
class Wakeup {
 public:
  explicit Wakeup(asio::io_context& loop) : loop_(loop) {}
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  /// At most one coroutine at a time.
  [[nodiscard]] asio::awaitable<void> wait();
  void wake();
  /// Forgets a wake that nobody has waited for.
  void reset() noexcept { woken_ = false; }

 private:
  asio::io_context& loop_;
  std::function<void()> waiter_;
  bool woken_ = false;
};

/// Waits for so long, or until it is woken before.
[[nodiscard]] asio::awaitable<void> sleep_for(Timers& timers, Wakeup& wakeup, Duration duration);

}  // namespace wherry
