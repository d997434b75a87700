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
  EXPECT_TRUE(eventually([&] {
    return rig_.wherry().metric("wherry_tcp_sessions_active") == 2 &&
           rig_.wherry().metric("wherry_tcp_accept_pauses_total") >= 1;
  }));
  EXPECT_FALSE(pod_.has_client(std::chrono::milliseconds(0)));
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

TEST_F(Limits, ManyListenersLeaveDescriptorsForSessions) {
  // 200 service ports and 8 workers would be 1,600 sockets.
  std::string services;
  const std::uint16_t first = rig_.service.port;
  for (int i = 0; i < 200; ++i) {
    services += minimal_service("s" + std::to_string(i), 80) +
                "    targetPort: " + std::to_string(pod_.address().port) +
                "\n  clusterIP: " + loopback_address(static_cast<unsigned>(i)).to_string() +
                "\n---\n";
  }
  rig_.folder.replace("many.yaml", services);
  rig_.write_pod("pod", pod_.address());
  rig_.run({"--workers", "8", "--port-offset", std::to_string(first - 80)},
           {"prlimit", "--nofile=512"});

  EXPECT_EQ(rig_.wherry().metric("wherry_listeners"), 200);
  EXPECT_EQ(rig_.wherry().metric("wherry_busy_ports"), 0);
  for (const unsigned number : {0u, 99u, 199u}) {
    const UniqueFd client = connect_to({loopback_address(number), first});
    const UniqueFd server = pod_.accept();
    send_all(server.get(), "hello");
    EXPECT_EQ(receive(client.get(), 5), "hello") << number;
  }
  EXPECT_GE(rig_.wherry().metric("wherry_tcp_sessions_limit"), 64);
}

TEST_F(Limits, TooFewDescriptorsToStartAreSaidAtTheStart) {
  rig_.write_service();
  const auto result =
      run_program({"prlimit", "--nofile=40", wherry_binary(), "run", "--workers", "16",
                   "--manifests", rig_.folder.path().string(), "--admin-address", "127.0.0.1:0"});

  EXPECT_EQ(result.exit_code, 69);
  EXPECT_THAT(result.err, HasSubstr("ulimit -n"));
}

TEST_F(Limits, AtTheSessionLimitEveryServiceGetsItsTurn) {
  const std::uint16_t other = free_port();
  rig_.write_pod("pod", pod_.address());
  rig_.folder.replace("other.yaml", minimal_service("other", other) + "    targetPort: " +
                                        std::to_string(pod_.address().port) + "\n");
  rig_.write_service();
  rig_.run({"--max-sessions", "1", "--workers", "1"});
  // Whichever port is lower, it has clients without end; the other has one.
  std::vector<UniqueFd> crowd;
  const SocketAddress busy{rig_.service.ip, std::min(rig_.service.port, other)};
  const SocketAddress quiet{rig_.service.ip, std::max(rig_.service.port, other)};
  for (int i = 0; i < 20; ++i) crowd.push_back(connect_to(busy));
  const UniqueFd one = connect_to(quiet);

  // Serves one client after the other; the quiet one's turn comes among the first few.
  bool served = false;
  for (int i = 0; i < 6 && !served; ++i) {
    UniqueFd server = pod_.accept();
    send_all(server.get(), "x");
    shut_down_sending(server.get());
    char byte = 0;
    served = eventually([&] { return ::recv(one.get(), &byte, 1, MSG_DONTWAIT) == 1; },
                        std::chrono::milliseconds(50));
    reset(server);
  }
  EXPECT_TRUE(served);
}

TEST_F(Limits, ABackendThatIsTheServicesOwnListenerIsNotUsed) {
  // The pod claims the address on which the Service listens: each connection would beget another.
  rig_.folder.replace("loop.yaml", pod_manifest("loop", "myapp", rig_.service.ip.to_string()));
  rig_.target_port = rig_.service.port;
  rig_.write_service();
  const std::uint16_t other = free_port();
  rig_.folder.replace("other.yaml", minimal_service("other", other) + "    targetPort: " +
                                        std::to_string(pod_.address().port) + "\n");
  rig_.folder.replace("pod.yaml", pod_manifest("pod", "myapp", pod_.address().ip.to_string()));
  rig_.run({"--max-attempts", "1"});

  std::map<std::string, int> ends;
  for (int i = 0; i < 4; ++i) ++ends[ask(rig_.service)];
  EXPECT_EQ(ends, (std::map<std::string, int>{{"reset", 4}}));
  EXPECT_EQ(rig_.wherry().sample("wherry_tcp_connect_failures_total{reason=\"loop\"}"), 2);
  EXPECT_THAT(rig_.wherry().log(), HasSubstr("leads back"));
  EXPECT_EQ(rig_.wherry().metric("wherry_tcp_sessions_active"), 0);
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
