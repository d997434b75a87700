#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"

namespace wherry {

/// Timers on an event loop. Must not outlive it.
class AsioTimers final : public Timers {
 public:
  explicit AsioTimers(asio::io_context& loop) : loop_(loop) {}

  [[nodiscard]] Timer schedule(Duration delay, std::function<void()> callback) override;

 private:
  asio::io_context& loop_;
};

}  // namespace wherry
