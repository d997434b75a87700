#pragma once

#include "base/async/asio.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gtest/gtest.h>

namespace wherry::test {

/// A loop that runs when the test says so, and time that passes when it says so.
class LoopTest : public ::testing::Test {
 protected:
  /// Until nothing is left to do now.
  void run() {
    loop_.restart();
    loop_.poll();
  }
  void advance(Duration by) {
    timers_.advance(by, [this] { run(); });
    run();
  }

  asio::io_context loop_{1};
  ManualClock clock_;
  ManualTimers timers_{clock_};
};

}  // namespace wherry::test
