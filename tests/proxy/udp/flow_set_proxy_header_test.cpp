// PROXY headers before datagrams to backends.
#include "proxy/proxy_protocol/proxy_header.h"
#include "proxy/udp/flow_set.h"
#include "tests/proxy/udp/flow_set_fixture.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace wherry::udp {
namespace {

using test::UdpSocket;

class FlowSetProxyHeaderTest : public FlowSetTest {
 protected:
  static test::ServiceBuilder told(const std::string& version = "v2") {
    return dns().annotation("wherry.io/proxy-protocol", version);
  }
  /// What a backend is to be told of a client.
  [[nodiscard]] std::string header_of(const UdpSocket& client) const {
    return proxy_protocol::write_datagram_proxy_header(
        {{IpAddress::loopback(service_.ip.family()), client.address().port}, service_});
  }
};

TEST_F(FlowSetProxyHeaderTest, StandsBeforeEveryDatagramAndBeforeNoAnswer) {
  UdpSocket backend;
  serve({backend.address()}, told());
  UdpSocket asker = client();
  UdpSocket other = client();

  for (const char* text : {"one", "two", ""}) {
    asker.send(text);
    EXPECT_EQ(next_of(backend), header_of(asker) + text);
  }
  const SocketAddress to = last_from_;
  other.send("three");
  EXPECT_EQ(next_of(backend), header_of(other) + "three");
  backend.send_to(to, "answer");

  EXPECT_EQ(next_of(asker), "answer");
  EXPECT_EQ(flows_->counters().bytes_in.value(), 11u) << "the header is no traffic of the client's";
}

TEST_F(FlowSetProxyHeaderTest, OfIpv6Too) {
  if (!test::has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  start({}, {IpAddress::loopback(IpFamily::IPv6), 0});
  UdpSocket backend({IpAddress::loopback(IpFamily::IPv6), 0});
  serve({backend.address()}, told().family(IpFamily::IPv6));
  const UdpSocket asker = client();

  asker.send("q");

  EXPECT_EQ(next_of(backend), header_of(asker) + "q");
}

TEST_F(FlowSetProxyHeaderTest, StandsBeforeEachOfJoinedDatagrams) {
  UdpSocket backend;
  serve({backend.address()}, told());
  const UdpSocket asker = client();
  const int segment = 100;
  if (::setsockopt(asker.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
    GTEST_SKIP() << "the kernel has no UDP_SEGMENT";
  }
  std::string joined;
  for (int i = 0; i < 40; ++i) joined += std::string(100, static_cast<char>('A' + i));

  ASSERT_EQ(asker.send(joined + "last"), 0);

  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(next_of(backend), header_of(asker) + std::string(100, static_cast<char>('A' + i)));
  }
  EXPECT_EQ(next_of(backend), header_of(asker) + "last");
  EXPECT_EQ(flows_->counters().datagrams_in.value(), 41u);
}

TEST_F(FlowSetProxyHeaderTest, WhatHasNoRoomForItIsDroppedAndCounted) {
  UdpSocket backend;
  serve({backend.address()}, told());
  const UdpSocket asker = client();
  const std::string most(65'507 - 28, 'L');

  EXPECT_TRUE(is_dropped(asker, Drop::TooLarge, most + 'x'));
  asker.send(most);

  EXPECT_EQ(next_of(backend), header_of(asker) + most);
  EXPECT_EQ(dropped(Drop::TooLarge), 1u);
}

TEST_F(FlowSetProxyHeaderTest, PerDatagramToo) {
  UdpSocket backend;
  serve({backend.address()}, told().annotation("wherry.io/udp-per-datagram", "true"));
  const UdpSocket asker = client();

  asker.send("one");
  EXPECT_EQ(next_of(backend), header_of(asker) + "one");
  EXPECT_TRUE(is_dropped(asker, Drop::TooLarge, std::string(65'507, 'L')));
}

TEST_F(FlowSetProxyHeaderTest, VersionOneHasNoWordForUdp) {
  UdpSocket backend;
  serve({backend.address()}, told("v1"));

  client().send("q");

  EXPECT_EQ(next_of(backend), "q");
}

TEST_F(FlowSetProxyHeaderTest, AFlowFollowsItsService) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(backend), "a");

  serve({backend.address()}, told());
  asker.send("b");
  EXPECT_EQ(next_of(backend), header_of(asker) + "b");
  serve({backend.address()});
  asker.send("c");

  EXPECT_EQ(next_of(backend), "c");
  EXPECT_EQ(flows_->counters().flows_total.value(), 1u);
}

TEST_F(FlowSetProxyHeaderTest, AnotherBackendIsToldTheSame) {
  serve({UdpSocket().address()}, told());  // nobody is there
  UdpSocket asker = client();
  asker.send("a");
  ASSERT_TRUE(turn_until([&] { return dropped(Drop::BackendRefused) == 1; }));
  (void)next_of(asker);  // an ICMP error, where we may send one
  UdpSocket backend;
  serve({backend.address()}, told());

  asker.send("b");

  EXPECT_EQ(next_of(backend), header_of(asker) + "b");
}

}  // namespace
}  // namespace wherry::udp
