#include "proxy/http/lasting_port.h"

#include "tests/support/log_capture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace wherry::http {
namespace {

using namespace std::chrono_literals;
using boost::system::errc::address_in_use;
using boost::system::errc::make_error_code;

class LastingPortTest : public ::testing::Test {
 protected:
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  int tries_ = 0;
  error_code failure_ = make_error_code(address_in_use);
  LastingPort port_{timers_, "health", [this] {
                      ++tries_;
                      return failure_;
                    }};
};

TEST_F(LastingPortTest, H5_ABusyPortIsTriedAgainEveryFiveSeconds) {
  EXPECT_EQ(port_.start(), address_in_use);
  timers_.advance(5s - 1ms);
  EXPECT_EQ(tries_, 1);

  timers_.advance(1ms);
  EXPECT_EQ(tries_, 2);
  timers_.advance(5s);
  EXPECT_EQ(tries_, 3);
}

TEST_F(LastingPortTest, H5_OnceOpenItIsLeftAlone) {
  const test::LogCapture log;
  (void)port_.start();
  failure_ = {};
  timers_.advance(5s);

  timers_.advance(1h);

  EXPECT_EQ(tries_, 2);
  EXPECT_EQ(log.count("port=health"), 1);
}

TEST_F(LastingPortTest, H5_GivenUpItIsTriedNoMore) {
  (void)port_.start();
  port_.stop();
  timers_.advance(1h);

  EXPECT_EQ(tries_, 1);
}

}  // namespace
}  // namespace wherry::http
