#include "proxy/tcp/listener.h"

#include "proxy/tcp/session_set.h"
#include "tests/support/log_capture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <memory>
#include <sys/resource.h>
#include <vector>

namespace wherry::tcp {
namespace {

using namespace std::chrono_literals;

/// A listener whose service port has no backends: each client that is accepted is refused, which
/// the counters show.
class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    address_ = socket_.address();
    listening_ = socket_.fd();
    listener_ =
        std::make_unique<Listener>(loop_, timers_, sessions_, quota_,
                                   socket_.release_non_blocking(), balancer::ServicePortId{0, 1});
  }
  ~ListenerTest() override {
    listener_->stop(Listener::Queued::Refuse);
    sessions_.stop();
    loop_.poll();
    loop_.restart();
    loop_.poll();
  }

  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) {
    return test::eventually([&] {
      loop_.poll();
      loop_.restart();
      return condition();
    });
  }
  [[nodiscard]] std::uint64_t accepted() const {
    return sessions_.counters().closed[CloseReason::NoEndpoints].value();
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  asio::io_context loop_{1};
  SessionSet sessions_{loop_, timers_, clock_, {}};
  SessionQuota quota_{10, [] {}};
  test::TestListener socket_;
  SocketAddress address_;
  int listening_ = -1;  ///< the listener's descriptor
  std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerTest, AcceptsEveryClientThatWaits) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(test::connect_to(address_));

  listener_->start();

  EXPECT_TRUE(turn_until([&] { return accepted() == 10; }));
}

TEST_F(ListenerTest, LeavesClientsInTheQueueWhileTheQuotaIsUsedUp) {
  quota_.set_limit(1);
  auto held = quota_.try_acquire();
  const UniqueFd client = test::connect_to(address_);

  listener_->start();
  ASSERT_TRUE(turn_until([&] { return sessions_.counters().accept_pauses.value() == 1; }));

  EXPECT_EQ(accepted(), 0u);
  held.give_back();
  listener_->resume();
  EXPECT_TRUE(turn_until([&] { return accepted() == 1; }));
}

TEST_F(ListenerTest, SurvivesTheDescriptorLimit) {
  const test::LogCapture log;
  const UniqueFd client = test::connect_to(address_);
  listener_->start();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  // No descriptor left: as many as are open now.
  const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next.get());
  ::setrlimit(RLIMIT_NOFILE, &none);

  const bool paused = turn_until([&] { return sessions_.counters().accept_pauses.value() >= 1; });
  const auto accepted_without = accepted();
  ::setrlimit(RLIMIT_NOFILE, &before);
  timers_.advance(100ms);

  EXPECT_TRUE(paused);
  EXPECT_EQ(accepted_without, 0u);
  EXPECT_TRUE(turn_until([&] { return accepted() == 1; }));
  EXPECT_EQ(log.count("connections can't be accepted at the moment"), 1u);
}

TEST_F(ListenerTest, RefusesTheQueueWhenItIsStoppedForWantOfEndpoints) {
  const UniqueFd client = test::connect_to(address_);

  listener_->stop(Listener::Queued::Refuse);

  EXPECT_TRUE(test::is_reset(client.get()));
  EXPECT_EQ(accepted(), 0u);
}

TEST_F(ListenerTest, TakesTheQueueFirstWhenTheProcessStops) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(test::connect_to(address_));
  listener_->start();

  listener_->stop(Listener::Queued::Accept);

  EXPECT_EQ(accepted(), 8u);
  EXPECT_NE(test::try_connect(address_), 0);
}

TEST_F(ListenerTest, DoesNothingWhenItIsResumedWithoutNeed) {
  const bool resumed = listener_->resume();
  loop_.poll();

  EXPECT_FALSE(resumed);
  EXPECT_EQ(accepted(), 0u);
}

TEST_F(ListenerTest, TakesOneClientWhenItIsResumedSoThatOthersGetTheirTurn) {
  quota_.set_limit(0);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(test::connect_to(address_));
  listener_->start();
  ASSERT_TRUE(turn_until([&] { return sessions_.counters().accept_pauses.value() == 1; }));
  quota_.set_limit(10);

  const bool resumed = listener_->resume();

  EXPECT_TRUE(resumed);
  EXPECT_EQ(accepted(), 1u);
  EXPECT_TRUE(turn_until([&] { return accepted() == 3; }));
}

TEST_F(ListenerTest, TriesAgainWhenItsSocketCannotBeWatched) {
  // epoll refuses a closed descriptor, as it refuses a socket past its limit on watches.
  const UniqueFd elsewhere(::dup(listening_));
  ::close(listening_);

  listener_->start();
  const auto pauses = sessions_.counters().accept_pauses.value();
  ::dup2(elsewhere.get(), listening_);
  timers_.advance(100ms);
  const UniqueFd client = test::connect_to(address_);

  EXPECT_EQ(pauses, 1u);
  EXPECT_TRUE(turn_until([&] { return accepted() == 1; }));
}

}  // namespace
}  // namespace wherry::tcp
