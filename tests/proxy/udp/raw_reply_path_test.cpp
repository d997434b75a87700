// Answers from addresses of which only a route says that they are this machine's, as in steering
// `node`: there sk_lookup brings the datagrams to a socket; here one on the wildcard gets them.
#include "proxy/udp/flow_set.h"
#include "proxy/udp/listener.h"
#include "proxy/udp/reply_path.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "tests/support/udp.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <optional>
#include <sched.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace wherry::udp {
namespace {

using namespace std::chrono_literals;
using test::UdpSocket;

/// In a network namespace that has routes for VIPs; one listener of a family, its port chosen by
/// the kernel.
class Node {
 public:
  explicit Node(IpFamily family) : family_(family) {
    auto reply_path = RawReplyPath::open(family);
    EXPECT_TRUE(reply_path) << reply_path.error().message();
    UdpSocket socket({IpAddress::any(family), 0});
    port_ = socket.address().port;
    listener_.emplace(
        loop_, timers_, flows_, socket.release_non_blocking(), family,
        [this](const SocketAddress& asked) -> std::optional<balancer::Entrance> {
          asked_.push_back(asked);
          const auto entries = tables_.builder.latest()->sorted();
          if (entries.empty() || asked.ip == nobodys_) return std::nullopt;
          return balancer::Entrance(entries.front()->id);
        },
        std::move(*reply_path));
    listener_->start();
  }
  ~Node() {
    listener_->stop();
    flows_.stop();
    turn();
  }

  void serve(const SocketAddress& backend) {
    auto slice = test::slice("dns-1", "dns").port("", backend.port, Protocol::UDP);
    if (family_ == IpFamily::IPv6) slice.ipv6();
    tables_.services.upsert(
        test::service("dns").family(family_).port("", 53, std::uint16_t{0}, Protocol::UDP));
    tables_.slices.upsert(slice.endpoint(backend.ip.to_string()));
    flows_.set_table(tables_.build());
  }
  void turn() {
    loop_.poll();
    loop_.restart();
  }
  std::string next_of(UdpSocket& socket) {
    std::optional<UdpSocket::Received> got;
    (void)test::eventually([&] {
      turn();
      got = socket.receive(0ms);
      return got || socket.error() != 0;
    });
    if (got) from_ = got->from;
    return got ? got->bytes : socket.error() == ECONNREFUSED ? "refused" : "nothing";
  }

  const IpFamily family_;
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  asio::io_context loop_{1};
  balancer::Tables tables_;
  FlowSet flows_{
      loop_, timers_, clock_, {}, [](const Dial& dial) { return open_backend_socket(dial.to); }};
  std::optional<Listener> listener_;
  std::uint16_t port_ = 0;
  IpAddress nobodys_ = test::ip("203.0.113.1");
  std::vector<SocketAddress> asked_;
  SocketAddress from_;
};

class RawReplyPathTest : public ::testing::TestWithParam<IpFamily> {
 protected:
  /// Runs `body` where the VIPs are local. The namespace belongs to a thread, so that nobody else
  /// notices, and goes with it.
  void in_namespace(const std::function<void()>& body) {
    bool is_prepared = false;
    std::thread thread([&] {
      is_prepared =
          ::unshare(CLONE_NEWNET) == 0 && std::system(
                                              "ip link set lo mtu 1500 && ip link set lo up && "
                                              "ip route add local 10.96.0.0/16 dev lo && "
                                              "ip -6 route add local fd96::/64 dev lo") == 0;
      if (is_prepared) body();
    });
    thread.join();
    if (!is_prepared) GTEST_SKIP() << "needs the right to make a network namespace with IPv6";
  }
  [[nodiscard]] static SocketAddress vip(std::uint16_t port) {
    return {test::ip(GetParam() == IpFamily::IPv4 ? "10.96.0.10" : "fd96::10"), port};
  }
};

TEST_P(RawReplyPathTest, U1_AConnectedClientGetsAnswersFromTheAddressThatItAsked) {
  in_namespace([] {
    Node node(GetParam());
    UdpSocket backend({IpAddress::loopback(GetParam()), 0});
    node.serve(backend.address());
    UdpSocket client({IpAddress::any(GetParam()), 0});
    client.connect(vip(node.port_));

    client.send("question");
    EXPECT_EQ(node.next_of(backend), "question");
    backend.send_to(node.from_, "answer");

    EXPECT_EQ(node.next_of(client), "answer");
    EXPECT_EQ(node.from_, vip(node.port_));
    ASSERT_EQ(node.asked_.size(), 1u);
    EXPECT_EQ(node.asked_[0], vip(node.port_));
  });
}

TEST_P(RawReplyPathTest, AnswersOfManyPacketsArriveWhole) {
  in_namespace([] {
    Node node(GetParam());
    UdpSocket backend({IpAddress::loopback(GetParam()), 0});
    node.serve(backend.address());
    UdpSocket client({IpAddress::any(GetParam()), 0});
    client.connect(vip(node.port_));

    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1473},
                                   std::size_t{20'000}, std::size_t{65'507}}) {
      const std::string text(size, static_cast<char>('a' + size % 26));
      ASSERT_EQ(client.send(text), 0);
      EXPECT_EQ(node.next_of(backend), text);
      backend.send_to(node.from_, text);
      EXPECT_EQ(node.next_of(client), text) << size;
    }
  });
}

TEST_P(RawReplyPathTest, JoinedAnswersKeepTheirBoundsAndOrder) {
  in_namespace([] {
    Node node(GetParam());
    UdpSocket backend({IpAddress::loopback(GetParam()), 0});
    node.serve(backend.address());
    UdpSocket client({IpAddress::any(GetParam()), 0});
    client.connect(vip(node.port_));
    client.send("q");
    EXPECT_EQ(node.next_of(backend), "q");
    const SocketAddress to = node.from_;

    backend.send_to(to, "first");
    const int segment = 100;
    if (::setsockopt(backend.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) return;
    std::string joined;
    for (char c = 'a'; c < 'f'; ++c) joined += std::string(100, c);
    backend.send_to(to, joined + "last");

    EXPECT_EQ(node.next_of(client), "first");
    for (char c = 'a'; c < 'f'; ++c) EXPECT_EQ(node.next_of(client), std::string(100, c));
    EXPECT_EQ(node.next_of(client), "last");
  });
}

TEST_P(RawReplyPathTest, E9_WithoutEndpointsAClientIsRefused) {
  in_namespace([] {
    Node node(GetParam());
    node.nobodys_ = vip(0).ip;
    UdpSocket client({IpAddress::any(GetParam()), 0});
    client.connect(vip(node.port_));

    client.send("question");

    EXPECT_EQ(node.next_of(client), "refused");
  });
}

TEST_P(RawReplyPathTest, ARefusalOfTheBackendIsPassedOn) {
  in_namespace([] {
    Node node(GetParam());
    node.serve(UdpSocket({IpAddress::loopback(GetParam()), 0}).address());  // closed again
    UdpSocket client({IpAddress::any(GetParam()), 0});
    client.connect(vip(node.port_));

    client.send("question");

    EXPECT_EQ(node.next_of(client), "refused");
  });
}

INSTANTIATE_TEST_SUITE_P(Family, RawReplyPathTest,
                         ::testing::Values(IpFamily::IPv4, IpFamily::IPv6),
                         [](const auto& row) { return std::string(to_string(row.param)); });

}  // namespace
}  // namespace wherry::udp
