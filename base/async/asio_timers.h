#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"

namespace wherry {

/// Timers on an event loop. Must not outlive it.
class AsioTimers final : public Timers {
 public:
  /// Makes the loop's own descriptors (epoll, event, timer) now rather than at the first wait.
  /// Throws boost::system::system_error where there are none left.
  explicit AsioTimers(asio::io_context& loop);

  [[nodiscard]] Timer schedule(Duration delay, std::function<void()> callback) override;

 private:
  asio::io_context& loop_;
};

}  // namespace wherry
