// UDP through the binary, in steering `bind`.
#include "tests/support/udp.h"

#include "tests/integration/rig.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::test {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class Udp : public ::testing::Test {
 protected:
  Udp() {
    rig_.target_port = UdpSocket({loopback_address(2), 0}).address().port;
    service_ = UdpSocket().address();
  }

  /// Pods are called a, b, c...; each has an address of its own, and goes on answering when its
  /// manifest is gone.
  void add_pod(const std::string& name) {
    const SocketAddress address{loopback_address(static_cast<unsigned>(name[0] - 'a') + 2),
                                rig_.target_port};
    if (!pods_.contains(name)) pods_[name] = std::make_unique<UdpPod>(name, address);
    rig_.folder.replace(name + ".yaml", pod_manifest(name, "myapp", address.ip.to_string()));
  }
  void write_service(const std::string& annotations = "") {
    rig_.folder.replace("dns.yaml",
                        "apiVersion: v1\nkind: Service\nmetadata:\n  name: dns\n" + annotations +
                            "spec:\n  selector: {app: myapp}\n  ports:\n  - {name: dns, protocol: "
                            "UDP, port: " +
                            std::to_string(service_.port) +
                            ", targetPort: " + std::to_string(rig_.target_port) + "}\n");
  }

  Rig rig_;
  SocketAddress service_;
  std::map<std::string, std::unique_ptr<UdpPod>> pods_;
};

TEST_F(Udp, U1_EachClientIsAnsweredByAPodOfItsOwn) {
  add_pod("a");
  add_pod("b");
  write_service();
  rig_.run({"--workers", "2"});

  std::map<std::string, int> answers;
  for (int i = 0; i < 10; ++i) ++answers[ask_udp(service_, "q")];

  EXPECT_EQ(answers, (std::map<std::string, int>{{"a:q", 5}, {"b:q", 5}}));
}

TEST_F(Udp, U2_ScaledToZeroAndBackTheNextDatagramIsCarried) {
  add_pod("a");
  write_service();
  rig_.run();
  UdpSocket client;
  client.connect(service_);
  client.send("1");
  EXPECT_EQ(client.receive().value().bytes, "a:1");

  rig_.forget_pod("a");
  rig_.wait_for_endpoints(0);
  EXPECT_TRUE(eventually([&] { return ask_udp(service_, "q", 100ms) == "refused"; }))
      << "E9: the kernel says that nobody listens";
  add_pod("b");
  rig_.wait_for_endpoints(1);
  EXPECT_TRUE(eventually([&] { return ask_udp(service_, "q", 100ms) == "b:q"; }));

  while (client.send("2") != 0) {  // what came of its datagrams meanwhile
  }
  EXPECT_EQ(client.receive().value().bytes, "b:2") << "the client that asked all along";
}

TEST_F(Udp, S3_TcpAndUdpOfOneNumberAreTwoServicePorts) {
  const TestPod tcp("tcp", {loopback_address(2), rig_.target_port});
  add_pod("a");
  rig_.folder.replace(
      "both.yaml",
      "apiVersion: v1\nkind: Service\nmetadata: {name: both}\nspec:\n  selector: {app: myapp}\n"
      "  ports:\n  - {name: t, protocol: TCP, port: " +
          std::to_string(service_.port) + ", targetPort: " + std::to_string(rig_.target_port) +
          "}\n  - {name: u, protocol: UDP, port: " + std::to_string(service_.port) +
          ", targetPort: " + std::to_string(rig_.target_port) + "}\n");
  rig_.run();

  EXPECT_EQ(ask(service_), "tcp");
  EXPECT_EQ(ask_udp(service_, "q"), "a:q");
}

TEST_F(Udp, FlowsAreShownBesideSessionsAndCounted) {
  add_pod("a");
  write_service();
  WherryProcess& wherry = rig_.run();
  UdpSocket client;
  client.connect(service_);
  client.send("four");
  EXPECT_EQ(client.receive().value().bytes, "a:four");

  const json::array sessions = rows(wherry, "/sessions");
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].at("protocol").as_string(), "UDP");
  EXPECT_EQ(sessions[0].at("client").as_string(), client.address().to_string());
  EXPECT_EQ(sessions[0].at("backend").as_string(), pods_.at("a")->address().to_string());
  EXPECT_EQ(sessions[0].at("bytesIn").as_int64(), 4);
  EXPECT_EQ(sessions[0].at("bytesOut").as_int64(), 6);
  EXPECT_EQ(wherry.metric("wherry_udp_flows_active"), 1);
  EXPECT_EQ(wherry.metric("wherry_udp_flows_total"), 1);
  EXPECT_EQ(wherry.sample("wherry_udp_datagrams_total{direction=\"in\"}"), 1);
  EXPECT_EQ(wherry.sample("wherry_udp_bytes_total{direction=\"out\"}"), 6);
  EXPECT_EQ(wherry.metric("wherry_udp_drops_total"), 0);
  const json::object row = service_row(wherry, "default/dns:dns");
  EXPECT_EQ(row.at("listen").as_array().at(0).as_string(), service_.to_string());
}

TEST_F(Udp, AStopWithFlowsIsAGoodEnd) {
  add_pod("a");
  write_service();
  WherryProcess& wherry = rig_.run();
  EXPECT_EQ(ask_udp(service_, "q"), "a:q");

  EXPECT_EQ(wherry.stop(), 0);
}

TEST_F(Udp, PerDatagramOneClientsDatagramsGoToAllPods) {
  add_pod("a");
  add_pod("b");
  write_service("  annotations: {wherry.io/udp-per-datagram: \"true\"}\n");
  rig_.run();
  UdpSocket client;
  client.connect(service_);

  for (int i = 0; i < 10; ++i) client.send("x");

  EXPECT_TRUE(eventually([&] {
    return pods_.at("a")->served() == 5 && pods_.at("b")->served() == 5;
  })) << pods_.at("a")->served()
      << ' ' << pods_.at("b")->served();
}

/// As resolvers ask: many clients, each from a port of its own, while pods come and go.
TEST_F(Udp, U2_TenThousandClientsGetTheirOwnAnswersWhilePodsComeAndGo) {
  add_pod("a");
  add_pod("b");
  write_service();
  WherryProcess& wherry = rig_.run({"--workers", "2"});
  constexpr std::size_t kClients = 10'000;
  constexpr std::size_t kAtOnce = 100;
  std::vector<UdpSocket> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back();
    clients.back().connect(service_);
  }

  std::size_t wrong = 0;
  std::size_t lost = 0;
  for (std::size_t begin = 0; begin < kClients; begin += kAtOnce) {
    if (begin % 1000 == 0) {
      const bool is_even = begin / 1000 % 2 == 0;
      add_pod(is_even ? "c" : "a");
      rig_.forget_pod(is_even ? "a" : "c");
    }
    for (std::size_t i = begin; i < begin + kAtOnce; ++i) clients[i].send(std::to_string(i));
    for (std::size_t i = begin; i < begin + kAtOnce; ++i) {
      const auto answer = clients[i].receive();
      lost += answer ? 0 : 1;
      if (answer && answer->bytes.substr(2) != std::to_string(i)) ++wrong;
    }
  }

  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(wherry.sample("wherry_udp_datagrams_total{direction=\"out\"}"), kClients);
  EXPECT_EQ(wherry.metric("wherry_udp_drops_total"), 0);
}

}  // namespace
}  // namespace wherry::test
