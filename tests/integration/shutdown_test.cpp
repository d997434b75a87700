#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace wherry::test {
namespace {

using testing::HasSubstr;

class Shutdown : public testing::Test {
 protected:
  /// A session that only the test ends.
  void open_session(const std::vector<std::string>& arguments = {}) {
    rig_.write_pod("pod", pod_.address());
    rig_.write_service();
    rig_.run(arguments);
    client_ = connect_to(rig_.service);
    server_ = pod_.accept();
  }
  /// Waits until nobody listens. Tries that came before it are let go.
  void wait_for_refusal() {
    EXPECT_TRUE(eventually([this] { return try_connect(rig_.service) == ECONNREFUSED; }));
    while (pod_.has_client(std::chrono::milliseconds(50))) pod_.accept().reset();
  }

  TestListener pod_{SocketAddress{loopback_address(2), 0}};
  Rig rig_;
  UniqueFd client_;
  UniqueFd server_;
};

TEST_F(Shutdown, WithoutSessionsEndsAtOnceWithExitCode0) {
  rig_.run();
  EXPECT_EQ(rig_.wherry().stop(), 0);
}

TEST_F(Shutdown, SigintDoesTheSame) {
  rig_.run();
  rig_.wherry().signal(SIGINT);
  EXPECT_EQ(rig_.wherry().wait(), 0);
}

TEST_F(Shutdown, LetsSessionsEndAndTakesNoNewOnes) {
  open_session();
  rig_.wherry().signal(SIGTERM);
  wait_for_refusal();
  EXPECT_EQ(rig_.wherry().status_of("/readyz"), 503);
  EXPECT_EQ(rig_.wherry().status_of("/livez"), 200);
  send_all(client_.get(), "last words");
  EXPECT_EQ(receive(server_.get(), 10), "last words");
  EXPECT_TRUE(rig_.wherry().runs());
  client_.reset();
  server_.reset();
  EXPECT_EQ(rig_.wherry().wait(), 0);
}

TEST_F(Shutdown, CutsSessionsWhenTheDrainTimeoutHasPassed) {
  open_session({"--drain-timeout", "300ms"});
  EXPECT_EQ(rig_.wherry().stop(), 1);
  EXPECT_TRUE(is_reset(client_.get()));
  EXPECT_TRUE(is_reset(server_.get()));
  EXPECT_THAT(rig_.wherry().log(), HasSubstr("the drain timeout has passed"));
}

TEST_F(Shutdown, ASecondSignalEndsAtOnce) {
  open_session({"--drain-timeout", "10m"});
  rig_.wherry().signal(SIGTERM);
  wait_for_refusal();
  rig_.wherry().signal(SIGTERM);
  EXPECT_EQ(rig_.wherry().wait(), 1);
  EXPECT_TRUE(is_reset(client_.get()));
}

TEST_F(Shutdown, TwoSignalsAtOnceEndItToo) {
  for (int i = 0; i < 10; ++i) {
    rig_.run();
    rig_.wherry().signal(SIGTERM);
    rig_.wherry().signal(SIGINT);
    EXPECT_TRUE(eventually([this] { return !rig_.wherry().runs(); })) << rig_.wherry().log();
  }
}

TEST_F(Shutdown, ADrainTimeoutOf0CutsAtOnce) {
  open_session({"--drain-timeout", "0"});
  EXPECT_EQ(rig_.wherry().stop(), 1);
}

}  // namespace
}  // namespace wherry::test
