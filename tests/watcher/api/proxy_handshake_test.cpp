#include "watcher/api/proxy_handshake.h"

#include "base/async/task_group.h"
#include "tests/watcher/api/fake_dialer.h"
#include "tests/watcher/api/loop_test.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

/// What a proxy may say, and what is taken for a way to the server: A31.
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

ProxyUrl proxy_url(const std::string& text) { return std::get<ProxyUrl>(parse_proxy_url(text)); }

class ProxyHandshakeTest : public test::LoopTest {
 protected:
  ~ProxyHandshakeTest() override { hang_up(); }

  /// Begins to talk through a new connection.
  void start(const std::string& proxy, const std::string& host = "api.test") {
    hang_up();
    peer_ = std::make_shared<test::FakePeer>(loop_);
    transport_ = std::make_unique<test::FakeTransport>(peer_);
    proxy_ = proxy_url(proxy);
    server_.host = host;
    server_.port = 6443;
    has_ended_ = false;
    failure_.reset();
    tasks_.spawn("handshake", shake_hands());
    run();
  }
  void answer(const std::string& bytes) {
    peer_->send(bytes);
    run();
  }
  /// "through", or why not, or "waiting".
  [[nodiscard]] std::string outcome() const {
    if (!has_ended_) return "waiting";
    return failure_ ? failure_->text : "through";
  }
  [[nodiscard]] std::string sent() { return peer_->take_received(); }

  std::shared_ptr<test::FakePeer> peer_;

 private:
  asio::awaitable<void> shake_hands() {
    ProxyHandshake handshake(*transport_, proxy_, server_, timers_);
    failure_ = co_await handshake.run();
    has_ended_ = true;
  }
  void hang_up() {
    if (transport_) transport_->close();
    run();
    EXPECT_TRUE(tasks_.idle());
  }

  ProxyUrl proxy_;
  ServerUrl server_;
  std::unique_ptr<test::FakeTransport> transport_;
  bool has_ended_ = false;
  std::optional<ApiFailure> failure_;
  TaskGroup tasks_{loop_};
};

struct Case {
  std::string name;
  std::string proxy;
  std::string answer;
  std::string outcome;  ///< a part of it
  std::string rest{};   ///< comes after the answer and is the server's
};

std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

const std::string kHttp = "http://proxy.test:3128";
const std::string kHttpUser = "http://me:secret@proxy.test:3128";
const std::string kSocks = "socks5://proxy.test:1080";
const std::string kSocksUser = "socks5://me:secret@proxy.test:1080";
const std::string kBound4 = "\x01\x0a\x00\x00\x01\x12\x34"s;

class ProxyAnswer : public ProxyHandshakeTest, public ::testing::WithParamInterface<Case> {};

TEST_P(ProxyAnswer, A31_IsTakenForSuccessOnlyIfItIsOne) {
  const Case& each = GetParam();
  for (const bool byte_by_byte : {false, true}) {
    SCOPED_TRACE(byte_by_byte ? "byte by byte" : "at once");
    start(each.proxy);
    if (byte_by_byte) {
      peer_->drip(each.answer + each.rest);
    } else {
      peer_->send(each.answer + each.rest);
    }
    peer_->end();
    run();

    EXPECT_NE(outcome().find(each.outcome), std::string::npos) << outcome();
    if (each.outcome == "through") {
      EXPECT_EQ(peer_->bytes_read(), each.answer.size()) << "what follows is the server's";
    }
    EXPECT_EQ(outcome().find("secret"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Connect, ProxyAnswer,
    ::testing::Values(
        Case{"Established", kHttp, "HTTP/1.1 200 Connection established\r\n\r\n", "through"},
        Case{"OldVersion", kHttp, "HTTP/1.0 200 OK\r\nVia: a\r\n\r\n", "through"},
        Case{"ServerSpeaksFirst", kHttp, "HTTP/1.1 200 OK\r\n\r\n", "through", "\x16\x03\x01"},
        Case{"Another2xx", kHttp, "HTTP/1.1 204 No Content\r\n\r\n", "through"},
        Case{"NoReason", kHttp, "HTTP/1.1 200\r\n\r\n", "through"},
        Case{"LoneLineFeeds", kHttp, "HTTP/1.1 200 OK\nVia: a\n\n", "through", "x"},
        Case{"LengthMeansNothing", kHttp, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "through",
             "the tunnel"},
        Case{"Continue", kHttp, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "through"},
        Case{"ContinueAndNoMore", kHttp, "HTTP/1.1 100 Continue\r\n\r\n", "ends the connection"},
        Case{"SwitchingProtocols", kHttp, "HTTP/1.1 101 Switching Protocols\r\n\r\n",
             "does not let us through to api.test:6443: 101 Switching Protocols"},
        Case{"Redirect", kHttp, "HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n",
             "does not let us through to api.test:6443: 302 Found"},
        Case{"Forbidden", kHttp, "HTTP/1.1 403 Forbidden\r\n\r\n",
             "the proxy http://proxy.test:3128 does not let us through to api.test:6443: 403 "
             "Forbidden"},
        Case{"SteersNoTerminal", kHttp, "HTTP/1.1 403 \x1b[2J\r\n\r\n", "403 \\u001b[2J"},
        Case{"WantsAUser", kHttp, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
             "wants a user and a password"},
        Case{"RefusesTheUser", kHttpUser, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
             "refuses the user and password of proxy-url"},
        Case{"FourDigits", kHttp, "HTTP/1.1 2000 OK\r\n\r\n", "answers with no HTTP status"},
        Case{"TwoDigits", kHttp, "HTTP/1.1 20 OK\r\n\r\n", "answers with no HTTP status"},
        Case{"NoDigits", kHttp, "HTTP/1.1 2xx OK\r\n\r\n", "answers with no HTTP status"},
        Case{"NoMinorVersion", kHttp, "HTTP/1. 200 OK\r\n\r\n", "answers with no HTTP status"},
        Case{"NoSpace", kHttp, "HTTP/1.1200 OK\r\n\r\n", "answers with no HTTP status"},
        Case{"TwoSpaces", kHttp, "HTTP/1.1  200 OK\r\n\r\n", "answers with no HTTP status"},
        Case{"NoStatus", kHttp, "HTTP/1.1\r\n\r\n", "answers with no HTTP status"},
        Case{"Http2", kHttp, "HTTP/2 200\r\n\r\n", "does not speak HTTP"},
        Case{"Garbage", kHttp, "SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"},
        Case{"Tls", kHttp, "\x15\x03\x01\x00\x02\x02\x46"s, "does not speak HTTP"},
        Case{"Nothing", kHttp, "", "ends the connection"},
        Case{"EndsWithinTheLine", kHttp, "HTTP/1.1 200 O", "ends the connection"},
        Case{"EndsWithinTheHead", kHttp, "HTTP/1.1 200 OK\r\nVia: a\r\n", "ends the connection"},
        Case{"WithoutEnd", kHttp, "HTTP/1.1 200 OK\r\nVia: " + std::string(16u << 10, 'a'),
             "answers without end"},
        Case{"ContinueWithoutEnd", kHttp,
             [] {
               std::string text;
               for (int i = 0; i < 1000; ++i) text += "HTTP/1.1 100 Continue\r\n\r\n";
               return text;
             }(),
             "answers without end"}));

INSTANTIATE_TEST_SUITE_P(
    Socks, ProxyAnswer,
    ::testing::Values(
        Case{"IPv4", kSocks, "\x05\x00\x05\x00\x00"s + kBound4, "through", "\x16\x03"},
        Case{"IPv6", kSocks, "\x05\x00\x05\x00\x00\x04"s + std::string(16, '\x01') + "\x12\x34",
             "through", "\x16\x03"},
        Case{"Name", kSocks, "\x05\x00\x05\x00\x00\x03\x05proxy\x12\x34"s, "through", "\x16"},
        Case{"EmptyName", kSocks, "\x05\x00\x05\x00\x00\x03\x00\x12\x34"s, "through", "\x16"},
        Case{"TakesTheUser", kSocksUser, "\x05\x02\x01\x00\x05\x00\x00"s + kBound4, "through"},
        Case{"AsksForNoUser", kSocksUser, "\x05\x00\x05\x00\x00"s + kBound4, "through"},
        Case{"RefusesTheUser", kSocksUser, "\x05\x02\x01\x01"s,
             "refuses the user and password of proxy-url"},
        Case{"AnotherLogin", kSocksUser, "\x05\x02\x05\x00"s, "no RFC 1929"},
        Case{"WantsAUser", kSocks, "\x05\xff"s, "wants a user and a password"},
        Case{"TakesNoUser", kSocksUser, "\x05\xff"s, "takes no user and password"},
        Case{"MethodNotOffered", kSocks, "\x05\x02"s, "not offered to it (SOCKS 5 method 2)"},
        Case{"AnotherMethod", kSocksUser, "\x05\x01"s, "not offered to it (SOCKS 5 method 1)"},
        Case{"Socks4", kSocks, "\x00\x5a"s, "does not speak SOCKS 5"},
        Case{"Http", kSocks, "HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SOCKS 5"},
        Case{"AnotherVersionLater", kSocks, "\x05\x00\x04\x00\x00"s + kBound4,
             "does not speak SOCKS 5"},
        Case{"ReservedIsNotZero", kSocks, "\x05\x00\x05\x00\x01"s + kBound4,
             "answers with no address"},
        Case{"AnotherKindOfAddress", kSocks, "\x05\x00\x05\x00\x00\x02\x01\x01\x01\x01\x12\x34"s,
             "answers with no address"},
        Case{"NoKindOfAddress", kSocks, "\x05\x00\x05\x00\x00\x00\x01\x01\x01\x01\x12\x34"s,
             "answers with no address"},
        Case{"Code1", kSocks, "\x05\x00\x05\x01"s, "api.test:6443: general failure"},
        Case{"Code2", kSocks, "\x05\x00\x05\x02\x00"s + kBound4, ": its rules forbid it"},
        Case{"Code3", kSocks, "\x05\x00\x05\x03\x00"s + kBound4, ": the network is unreachable"},
        Case{"Code4", kSocks, "\x05\x00\x05\x04\x00"s + kBound4, ": the host is unreachable"},
        Case{"Code5", kSocks, "\x05\x00\x05\x05\x00"s + kBound4, ": the connection was refused"},
        Case{"Code6", kSocks, "\x05\x00\x05\x06\x00"s + kBound4, ": time to live expired"},
        Case{"Code7", kSocks, "\x05\x00\x05\x07\x00"s + kBound4, ": it does not connect"},
        Case{"Code8", kSocks, "\x05\x00\x05\x08\x00"s + kBound4,
             ": it does not take this kind of address"},
        Case{"Code9", kSocks, "\x05\x00\x05\x09\x00"s + kBound4, "not assigned, 9"},
        Case{"Code255", kSocks, "\x05\x00\x05\xff\x00"s + kBound4, "not assigned, 255"},
        Case{"Nothing", kSocks, "", "ends the connection"},
        Case{"EndsAfterTheMethod", kSocks, "\x05\x00"s, "ends the connection"},
        Case{"EndsWithinTheAddress", kSocks, "\x05\x00\x05\x00\x00\x01\x0a"s,
             "ends the connection"}));

TEST_F(ProxyHandshakeTest, A31_ConnectNamesTheServerAndOurselves) {
  start(kHttp);
  EXPECT_EQ(sent(), "CONNECT api.test:6443 HTTP/1.1\r\nHost: api.test:6443\r\n\r\n");
  start(kHttpUser, "fd00::1");
  EXPECT_EQ(sent(),
            "CONNECT [fd00::1]:6443 HTTP/1.1\r\nHost: [fd00::1]:6443\r\n"
            "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
}

TEST_F(ProxyHandshakeTest, A31_SocksIsToldTheNameOrTheAddress) {
  start(kSocks);
  EXPECT_EQ(sent(), "\x05\x01\x00"s);
  answer("\x05\x00"s);
  EXPECT_EQ(sent(), "\x05\x01\x00\x03\x08"s + "api.test" + "\x19\x2b");
  start(kSocks, "10.0.0.1");
  answer("\x05\x00"s);
  EXPECT_EQ(sent(), "\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x19\x2b"s);
  start(kSocks, "fd00::1");
  answer("\x05\x00"s);
  EXPECT_EQ(sent(), "\x05\x01\x00\x05\x01\x00\x04\xfd"s + std::string(14, '\0') + "\x01\x19\x2b");
}

TEST_F(ProxyHandshakeTest, A31_SocksIsToldThePasswordOnlyIfItAsks) {
  start(kSocksUser);
  EXPECT_EQ(sent(), "\x05\x02\x00\x02"s);
  answer("\x05\x02"s);
  EXPECT_EQ(sent(), "\x01\x02me\x06secret"s);
  start(kSocksUser);
  answer("\x05\x00"s);
  EXPECT_EQ(sent().find("secret"), std::string::npos);
}

TEST_F(ProxyHandshakeTest, A31_WhatSocksCantSayIsNotSent) {
  start("socks5://" + std::string(256, 'u') + "@proxy.test:1080");
  EXPECT_NE(outcome().find("at most 255 bytes"), std::string::npos) << outcome();
  EXPECT_EQ(sent(), "");
}

TEST_F(ProxyHandshakeTest, A31_ASilentProxyIsGivenUp) {
  for (const std::string& proxy : {kHttp, kSocks}) {
    start(proxy);
    advance(29s);
    EXPECT_EQ(outcome(), "waiting");
    advance(1s);
    EXPECT_NE(outcome().find("does not answer in time"), std::string::npos) << outcome();
  }
}

TEST_F(ProxyHandshakeTest, A31_OneThatDripsForEverIsGivenUp) {
  start(kHttp);
  answer("HTTP/1.1 200 OK\r\nVia: ");
  for (int second = 0; second < 29; ++second) {
    advance(1s);
    answer("a");
    ASSERT_EQ(outcome(), "waiting");
  }
  advance(1s);
  EXPECT_NE(outcome().find("does not answer in time"), std::string::npos) << outcome();
}

TEST_F(ProxyHandshakeTest, A31_OneThatCutsTheConnectionIsNamed) {
  start(kSocks);
  peer_->reset();
  run();
  EXPECT_NE(outcome().find("the proxy socks5://proxy.test:1080 fails: "), std::string::npos)
      << outcome();
}

}  // namespace
}  // namespace wherry::api
