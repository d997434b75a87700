// PROXY headers: accepted from peers that speak for others, and sent to backends that want one.
#include "proxy/proxy_protocol/proxy_header.h"
#include "tests/proxy/tcp/session_fixture.h"
#include "tests/support/log_capture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::tcp {
namespace {

using namespace std::chrono_literals;
using balancer::AddressKind;
using balancer::Entrance;
using test::at;
using test::TestListener;

class SessionProxyHeaderTest : public SessionTest {
 protected:
  /// Peers on loopback speak for others, if `proxies`.
  void serve(test::ServiceBuilder service, const SocketAddress& backend, bool proxies) {
    services_.upsert(service);
    slices_.upsert(
        test::slice("s-1", "web").port("", backend.port).endpoint(backend.ip.to_string()));
    balancer::NodeView node{{"node-1", ""}, {}, {}};
    if (proxies) node.proxies = {test::cidr("127.0.0.0/8")};
    builder_.set_node(node);
    exchange_table();
  }
  /// A connection to a load balancer IP.
  UniqueFd come_in() {
    test::TcpPair pair = test::tcp_pair();
    client_address_ = pair.near_address;
    asked_for_ = local_end(pair.far.get());
    SessionTest::come_in(std::move(pair.far), pair.near_address,
                         Entrance(id(), AddressKind::LoadBalancerIp));
    return std::move(pair.near);
  }
  [[nodiscard]] std::string own_line() const {
    return "PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(client_address_.port) + ' ' +
           std::to_string(asked_for_.port) + "\r\n";
  }

  SocketAddress asked_for_;
};

const std::string kLine = "PROXY TCP4 203.0.113.9 198.51.100.1 40000 443\r\n";

TEST_F(SessionProxyHeaderTest, TheClientIsWhoTheHeaderNames) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  const UniqueFd client = come_in();
  test::send_all(client.get(), kLine + "hello");

  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  EXPECT_EQ(sessions_->snapshots().front().client, at("203.0.113.9:40000"));
  const UniqueFd pod = backend.accept();
  run_loop();
  EXPECT_EQ(test::receive(pod.get(), 5), "hello");
}

TEST_F(SessionProxyHeaderTest, F1_SourceRangesLookAtWhoTheHeaderNames) {
  const TestListener backend;
  serve(web().source_range("203.0.113.0/24"), backend.address(), true);
  const UniqueFd inside = come_in();
  const UniqueFd outside = come_in();
  test::send_all(inside.get(), kLine);
  test::send_all(outside.get(), "PROXY TCP4 203.0.114.9 198.51.100.1 40000 443\r\n");

  EXPECT_TRUE(turn_until([&] {
    return sessions_->counters().sessions_active.value() == 1 &&
           closed(CloseReason::SourceRanges) == 1;
  }));
  EXPECT_TRUE(test::is_reset(outside.get()));
}

TEST_F(SessionProxyHeaderTest, WhatArrivesInPiecesIsPutTogetherWithoutTurningTheLoopForNothing) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  const UniqueFd client = come_in();
  test::send_all(client.get(), kLine.substr(0, 20));
  (void)turn_until([] { return true; });

  // Nothing more comes: nothing is to be done.
  std::size_t handlers = 0;
  for (int i = 0; i < 20; ++i) handlers += loop_.poll();
  EXPECT_LE(handlers, 2u);
  EXPECT_EQ(sessions_->counters().sessions_opening.value(), 1u);

  test::send_all(client.get(), kLine.substr(20) + "x");
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));
  const UniqueFd pod = backend.accept();
  run_loop();
  EXPECT_EQ(test::receive(pod.get(), 1), "x");
}

TEST_F(SessionProxyHeaderTest, APeerThatOwesAHeaderAndSendsAnotherThingIsReset) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  test::LogCapture log;
  const UniqueFd client = come_in();
  test::send_all(client.get(), "GET / HTTP/1.1\r\n\r\n");

  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::ProxyHeader) == 1; }));

  EXPECT_TRUE(test::is_reset(client.get()));
  EXPECT_FALSE(backend.has_client(0ms));
  EXPECT_EQ(log.count("must begin with a PROXY header source=127.0.0.1"), 1u);
}

TEST_F(SessionProxyHeaderTest, AHeaderThatBreaksOffIsWrong) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  const UniqueFd client = come_in();
  test::send_all(client.get(), kLine.substr(0, 20));
  test::shut_down_sending(client.get());

  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::ProxyHeader) == 1; }));
}

TEST_F(SessionProxyHeaderTest, OfAPeerThatOnlyLooksNothingIsSaid) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  test::LogCapture log;
  UniqueFd client = come_in();
  client.reset();

  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::ProxyHeader) == 1; }));

  EXPECT_TRUE(log.lines().empty());
  EXPECT_FALSE(backend.has_client(0ms));
}

TEST_F(SessionProxyHeaderTest, AHeaderHasADeadline) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  const UniqueFd client = come_in();
  test::send_all(client.get(), kLine.substr(0, 20));
  (void)turn_until([] { return true; });

  timers_.advance(4s);
  EXPECT_EQ(closed(CloseReason::ProxyHeader), 0u);
  timers_.advance(2s);

  EXPECT_EQ(closed(CloseReason::ProxyHeader), 1u);
  EXPECT_TRUE(test::is_reset(client.get()));
}

TEST_F(SessionProxyHeaderTest, TheProxysOwnConnectionIsItsOwn) {
  const TestListener backend;
  serve(web(), backend.address(), true);
  const UniqueFd client = come_in();
  test::send_all(client.get(), std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));

  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  EXPECT_EQ(sessions_->snapshots().front().client, client_address_);
}

TEST_F(SessionProxyHeaderTest, WhoSpeaksForNobodyIsTakenAtItsAddressWhateverItSends) {
  const TestListener backend;
  serve(web(), backend.address(), false);
  const UniqueFd client = come_in();
  test::send_all(client.get(), kLine);
  run_loop();

  const UniqueFd pod = backend.accept();

  EXPECT_EQ(test::receive(pod.get(), kLine.size()), kLine);
}

TEST_F(SessionProxyHeaderTest, ABackendIsToldBeforeTheClientSaysAnything) {
  const TestListener backend;
  serve(web().annotation("wherry.io/proxy-protocol", "v1"), backend.address(), false);
  const UniqueFd client = come_in();
  run_loop();
  const UniqueFd pod = backend.accept();

  EXPECT_EQ(test::receive(pod.get(), own_line().size()), own_line());
  test::send_all(client.get(), "question");
  EXPECT_EQ(test::receive(pod.get(), 8), "question");
  test::send_all(pod.get(), "answer");
  EXPECT_EQ(test::receive(client.get(), 6), "answer");
  stop_loop();
  // The header is no traffic of the client's.
  EXPECT_EQ(sessions_->snapshots().front().bytes_in, 8u);
}

TEST_F(SessionProxyHeaderTest, WhatAHeaderTellsIsToldOn) {
  const TestListener backend;
  serve(web().annotation("wherry.io/proxy-protocol", "v2"), backend.address(), true);
  const UniqueFd client = come_in();
  test::send_all(client.get(), kLine + "x");
  run_loop();
  const UniqueFd pod = backend.accept();

  const std::string expected =
      proxy_protocol::write_proxy_header(balancer::ProxyProtocol::V2,
                                         {at("203.0.113.9:40000"), at("198.51.100.1:443")}) +
      "x";
  EXPECT_EQ(test::receive(pod.get(), expected.size()), expected);
}

}  // namespace
}  // namespace wherry::tcp
