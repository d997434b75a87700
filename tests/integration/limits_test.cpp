#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <vector>

namespace wherry::test {
namespace {

using testing::HasSubstr;

class Limits : public testing::Test {
 protected:
  void run_listener(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& wrapper = {}) {
    rig_.write_pod("pod", pod_.address());
    rig_.write_service();
    rig_.run(arguments, wrapper);
  }

  TestListener pod_{SocketAddress{loopback_address(2), 0}};
  Rig rig_;
};

TEST_F(Limits, AtTheSessionLimitClientsWaitAndGetTheirTurn) {
  run_listener({"--max-sessions", "2", "--workers", "1"});
  EXPECT_EQ(rig_.wherry().metric("wherry_tcp_sessions_limit"), 2);
  std::vector<UniqueFd> clients;
  std::vector<UniqueFd> servers;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(connect_to(rig_.service));
    servers.push_back(pod_.accept());
  }
  clients.push_back(connect_to(rig_.service));  // the kernel's queue takes it
  EXPECT_FALSE(pod_.has_client(std::chrono::milliseconds(100)));
  EXPECT_EQ(rig_.wherry().metric("wherry_tcp_sessions_active"), 2);
  EXPECT_GE(rig_.wherry().metric("wherry_tcp_accept_pauses_total"), 1);
  clients.erase(clients.begin());
  servers.erase(servers.begin());
  const UniqueFd third = pod_.accept();
  send_all(third.get(), "hello");
  EXPECT_EQ(receive(clients.back().get(), 5), "hello");
}

TEST_F(Limits, AnIdleSessionIsClosedAfterTheIdleTimeout) {
  run_listener({"--idle-timeout", "300ms"});
  const UniqueFd client = connect_to(rig_.service);
  const UniqueFd server = pod_.accept();
  EXPECT_TRUE(ends_well(client.get()));
  EXPECT_TRUE(ends_well(server.get()));
  EXPECT_EQ(rig_.wherry().sample("wherry_tcp_sessions_closed_total{reason=\"idle_timeout\"}"), 1);
}

TEST_F(Limits, ABackendThatDoesNotAnswerIsGivenUpAfterTheConnectTimeout) {
  // A full accept queue: the kernel drops what else comes, as a host that is gone would.
  const TestListener mute({loopback_address(2), 0}, 0);
  std::vector<UniqueFd> filling;
  filling.push_back(connect_to(mute.address()));
  TestPod healthy("healthy", {loopback_address(3), mute.address().port});
  rig_.write_pod("mute", mute.address());
  rig_.folder.write("healthy.yaml",
                    pod_manifest("healthy", "myapp", loopback_address(3).to_string()));
  rig_.write_service();
  rig_.run({"--connect-timeout", "200ms"});
  EXPECT_EQ(rig_.answers(4), (std::map<std::string, int>{{"healthy", 4}}));
  EXPECT_GE(rig_.wherry().sample("wherry_tcp_connect_failures_total{reason=\"timeout\"}"), 1);
}

TEST_F(Limits, OnlySoManyBackendsAreTriedForOneClient) {
  const TestPod alive("alive", {loopback_address(3), 0});
  rig_.target_port = alive.address().port;
  for (const unsigned dead : {4u, 5u}) {
    rig_.folder.write(
        "dead-" + std::to_string(dead) + ".yaml",
        pod_manifest("dead-" + std::to_string(dead), "myapp", loopback_address(dead).to_string()));
  }
  rig_.folder.write("alive.yaml", pod_manifest("alive", "myapp", loopback_address(3).to_string()));
  rig_.write_service();
  rig_.run({"--max-attempts", "1"});
  EXPECT_EQ(rig_.answers(9), (std::map<std::string, int>{{"alive", 3}, {"reset", 6}}));
  EXPECT_EQ(rig_.wherry().metric("wherry_tcp_retries_total"), 0);
  EXPECT_EQ(rig_.wherry().metric("wherry_refused_total"), 6);
}

TEST_F(Limits, RunningOutOfDescriptorsIsSurvived) {
  run_listener({"--workers", "1", "--max-sessions", "1000"}, {"prlimit", "--nofile=64"});
  EXPECT_THAT(rig_.wherry().log(), HasSubstr("the limit on open files allows fewer sessions"));
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 60; ++i) clients.push_back(connect_to(rig_.service));
  EXPECT_TRUE(pod_.has_client(kPatience));
  EXPECT_EQ(rig_.wherry().status_of("/livez"), 200);
  clients.clear();
  const UniqueFd client = connect_to(rig_.service);
  // Those that have given up come first.
  EXPECT_TRUE(eventually([&] {
    if (!pod_.has_client(std::chrono::milliseconds(10))) return false;
    send_all(pod_.accept().get(), "alive");
    char answer[5];
    return eventually([&] { return ::recv(client.get(), answer, 5, MSG_DONTWAIT) == 5; },
                      std::chrono::milliseconds(50));
  }));
}

TEST_F(Limits, ManifestsAreFollowedAlthoughClientsHoldEveryDescriptor) {
  run_listener({"--workers", "1"}, {"prlimit", "--nofile=64"});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 60; ++i) clients.push_back(connect_to(rig_.service));
  rig_.forget_pod("pod");
  rig_.wait_for_endpoints(0);
}

TEST_F(Limits, BytesAreCountedInBothDirections) {
  run_listener({});
  UniqueFd client = connect_to(rig_.service);
  UniqueFd server = pod_.accept();
  send_all(client.get(), std::string(1000, 'a'));
  EXPECT_EQ(receive(server.get(), 1000).size(), 1000u);
  send_all(server.get(), std::string(200'000, 'b'));
  EXPECT_EQ(receive(client.get(), 200'000).size(), 200'000u);
  client.reset();
  server.reset();
  EXPECT_TRUE(
      eventually([this] { return rig_.wherry().metric("wherry_tcp_sessions_active") == 0; }));
  EXPECT_EQ(rig_.wherry().sample("wherry_tcp_bytes_total{direction=\"in\"}"), 1000);
  EXPECT_EQ(rig_.wherry().sample("wherry_tcp_bytes_total{direction=\"out\"}"), 200'000);
}

}  // namespace
}  // namespace wherry::test
