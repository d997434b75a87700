#include "base/async/wakeup.h"

#include "base/assert.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace wherry {

Wakeup::~Wakeup() { WHERRY_ASSERT(!waiter_); }

asio::awaitable<void> Wakeup::wait() {
  if (std::exchange(woken_, false)) co_return;
  auto keep = [this](auto handler) {
    WHERRY_ASSERT(!waiter_);
    // Not any_completion_handler: that of Boost 1.81 copies itself without end when it is posted.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    waiter_ = [shared] { std::move (*shared)(); };
  };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(keep, asio::use_awaitable);
}

void Wakeup::wake() {
  if (!waiter_) {
    woken_ = true;
    return;
  }
  asio::post(loop_, std::exchange(waiter_, nullptr));
}

asio::awaitable<void> sleep_for(Timers& timers, Wakeup& wakeup, Duration duration) {
  const Timer timer = timers.schedule(duration, [&wakeup] { wakeup.wake(); });
  co_await wakeup.wait();
}

}  // namespace wherry
