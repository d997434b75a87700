// What depends on who a client is and what it asks: with addresses that no socket here has.
#include "proxy/udp/flow_set.h"
#include "tests/proxy/udp/flow_set_fixture.h"
#include "tests/support/net_namespace.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace wherry::udp {
namespace {

using test::UdpSocket;

/// Answers to clients that a test has made up.
class NoReplyPath final : public ReplyPath {
 public:
  void send(std::span<const Datagram> /*answers*/, const OnFailed& /*on_failed*/) override {}
};

/// Datagrams of clients with any address, as a listener would pass them on.
class FlowSetReceiveTest : public FlowSetTest {
 protected:
  ~FlowSetReceiveTest() override { flows_->end_flows_of(reply_path_); }

  void receive(const SocketAddress& client, const SocketAddress& asked, balancer::Entrance entrance,
               std::string_view bytes = "q") {
    Datagram datagram;
    datagram.client = client;
    datagram.asked = asked;
    datagram.bytes = std::as_bytes(std::span(bytes));
    flows_->receive({&datagram, 1}, entrance, reply_path_);
  }

  NoReplyPath reply_path_;
};

/// Where a range has the client's port, another one is dialled than the backend's.
TEST_F(FlowSetReceiveTest, OfAPortRangeTheAddressThatIsDialledMayBeALoop) {
  for (const char* per_datagram : {"false", "true"}) {
    const std::uint64_t before = dropped(Drop::Loop);
    UdpSocket backend;
    serve({backend.address()}, dns()
                                   .annotation("wherry.io/port-range", "50-60")
                                   .annotation("wherry.io/udp-per-datagram", per_datagram));
    SocketAddress dialled = backend.address();
    dialled.port = static_cast<std::uint16_t>(dialled.port + 2);
    flows_->own_listeners().set(dialled, entrance());

    receive(test::at("203.0.113.9:5"), test::at("10.0.0.1:55"), entrance());
    EXPECT_EQ(dropped(Drop::Loop), before + 1) << per_datagram;
    receive(test::at("203.0.113.9:5"), test::at("10.0.0.1:53"), entrance());
    EXPECT_EQ(next_of(backend), "q") << per_datagram;

    flows_->own_listeners().erase(dialled);
    flows_->own_listeners().set(backend.address(), entrance());
    receive(test::at("203.0.113.9:6"), test::at("10.0.0.1:53"), entrance());
    EXPECT_EQ(dropped(Drop::Loop), before + 2) << per_datagram;
    flows_->own_listeners().clear();
  }
}

TEST_F(FlowSetReceiveTest, OfAPortRangeABackendMayLackThePort) {
  serve({{IpAddress::loopback(IpFamily::IPv4), 1}},
        dns().annotation("wherry.io/port-range", "50-60"));

  receive(test::at("203.0.113.9:5"), test::at("10.0.0.1:52"), entrance());

  EXPECT_EQ(dropped(Drop::BackendUnreachable), 1u);
  EXPECT_EQ(flows_->size(), 0u);
}

TEST_F(FlowSetReceiveTest, PerDatagramANodePortOfThisMachineMayBeALoop) {
  if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
  const test::NetNamespace space;
  space.ip("addr add 203.0.113.7/32 dev lo");
  const test::NetNamespace::Inside inside(space);
  serve({test::at("203.0.113.7:30053")}, dns().annotation("wherry.io/udp-per-datagram", "true"));
  flows_->own_listeners().set({IpAddress::any(IpFamily::IPv4), 30053}, entrance());

  receive(test::at("203.0.113.9:5"), test::at("10.0.0.1:53"), entrance());

  EXPECT_EQ(dropped(Drop::Loop), 1u);
}

}  // namespace
}  // namespace wherry::udp
