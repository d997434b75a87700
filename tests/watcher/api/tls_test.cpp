#include "watcher/api/tls.h"

#include "base/async/asio_timers.h"
#include "base/async/task_group.h"
#include "base/environment.h"
#include "tests/support/certificates.h"
#include "tests/support/log_capture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tls_server.h"
#include "tests/watcher/api/fake_dialer.h"
#include "tests/watcher/api/loop_test.h"
#include "watcher/api/cluster_dialer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

/// Whom we believe and what we show, over loopback: what a kubeconfig says of TLS (A28, A29), and
/// what a dialer makes of it. Time is the test's: the certificates are valid in its January only.
namespace wherry::api {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Use = test::CertificateRequest::Use;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    access_.origin = "the test";
    access_.server.host = "127.0.0.1";
    access_.certificate_authority.text = Secret(authority_.certificate);
  }
  ~TlsTest() override {
    stop();
    EXPECT_TRUE(tasks_.idle());
  }

  /// Serves, and makes a dialer for it by what access_ says.
  void start(test::TlsServer::Options options) {
    stop();
    server_ = std::make_unique<test::TlsServer>(loop_, std::move(options));
    access_.server.port = server_->port();
    credentials_ = std::make_unique<Credentials>(loop_, access_, timers_, clock_, Environment());
    trust_ = std::make_unique<TrustStore>(access_);
  }
  void start(const test::CertificateRequest& request) {
    start({.shown = test::make_certificate(request, &authority_)});
  }
  /// Connects and reads: what the server says, or why not.
  std::string dial() {
    said_.reset();
    tasks_.spawn("dial", connect_and_read());
    settle([this] { return tasks_.idle(); });
    return said_.value_or("nothing");
  }
  std::string dial(const test::CertificateRequest& request) {
    start(request);
    return dial();
  }
  /// What comes after the server's word.
  error_code read_to_end() {
    reads_to_end_ = true;
    EXPECT_EQ(dial(), "hello");
    return end_;
  }

  const test::TestCertificate authority_ = test::make_authority("test-ca");
  asio::io_context loop_{1};
  AsioTimers timers_{loop_};
  test::ManualClock clock_;
  test::LogCapture log_;
  ClusterAccess access_;
  std::unique_ptr<test::TlsServer> server_;

 private:
  asio::awaitable<void> connect_and_read() {
    ClusterDialer dialer(loop_, access_, *credentials_, *trust_, timers_, clock_);
    const auto transport = co_await dialer.connect();
    if (!transport) {
      said_ = transport.error().text;
      co_return;
    }
    said_ = "";
    std::array<char, 64> bytes{};
    while (reads_to_end_ || *said_ != "hello") {
      const Result<std::size_t> size = co_await (*transport)->read_some(bytes);
      if (!size) {
        end_ = size.error();
        if (*said_ != "hello") said_ = failure_of_transport(end_, "the server").text;
        co_return;
      }
      said_->append(bytes.data(), *size);
    }
  }
  void stop() {
    if (credentials_) credentials_->stop();
    if (!server_) return;
    server_->stop();
    settle([this] { return server_->idle(); });
  }
  void settle(const std::function<bool()>& condition) {
    EXPECT_TRUE(test::eventually([&] {
      loop_.restart();
      loop_.poll();
      return condition();
    }));
  }

  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<TrustStore> trust_;
  std::optional<std::string> said_;
  bool reads_to_end_ = false;
  error_code end_;
  TaskGroup tasks_{loop_};
};

TEST_F(TlsTest, A28_TakesACertificateOfTheAuthority) {
  EXPECT_EQ(dial({.common_name = "server", .addresses = {"127.0.0.1"}}), "hello");
  EXPECT_EQ(server_->asked_for(), "") << "an address is no name to ask for";
}

TEST_F(TlsTest, A28_RefusesAnotherAuthority) {
  const auto other = test::make_authority("other-ca");
  start({.shown = test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}},
                                         &other)});

  EXPECT_THAT(dial(),
              AllOf(HasSubstr("signed by an authority that is not known: it is CN=other-ca"),
                    HasSubstr("from certificate-authority-data of the test")));
  EXPECT_EQ(server_->handshakes(), 0u);
}

TEST_F(TlsTest, A28_RefusesAnotherAuthorityOfTheSameName) {
  const auto other = test::make_authority("test-ca");
  start({.shown = test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}},
                                         &other)});

  EXPECT_THAT(dial(), HasSubstr("signed by an authority that is not known: it is CN=test-ca"));
}

TEST_F(TlsTest, A24_WithoutAnAuthorityTheSystemsCount) {
  access_.certificate_authority = {};
  EXPECT_THAT(dial({.common_name = "server", .addresses = {"127.0.0.1"}}),
              HasSubstr("the authorities are from the system's authorities"));
}

TEST_F(TlsTest, A28_ACertificateMayBeItsOwnAuthority) {
  const auto own = test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}});
  access_.certificate_authority.text = Secret(own.certificate);
  start({.shown = own});

  EXPECT_EQ(dial(), "hello");
}

TEST_F(TlsTest, A28_TakesAChainThatTheServerShowsWhole) {
  const auto between = test::make_authority("between", &authority_);
  auto shown =
      test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}}, &between);
  const std::string leaf = shown.certificate;
  start({.shown = shown});
  EXPECT_THAT(dial(), HasSubstr("signed by an authority that is not known: it is CN=between"));

  shown.certificate = leaf + between.certificate;
  server_->show(shown);
  EXPECT_EQ(dial(), "hello");
}

TEST_F(TlsTest, A28_TakesAnAuthorityInBetweenForAnAnchor) {
  const auto between = test::make_authority("between", &authority_);
  access_.certificate_authority.text = Secret(between.certificate);
  start({.shown = test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}},
                                         &between)});

  EXPECT_EQ(dial(), "hello");
}

TEST_F(TlsTest, A28_RefusesACertificateForClients) {
  EXPECT_THAT(dial({.common_name = "server", .addresses = {"127.0.0.1"}, .use = Use::Client}),
              HasSubstr("is not for servers"));
}

TEST_F(TlsTest, A28_ValidityIsJudgedByTheClockThatItIsGiven) {
  start({.common_name = "server", .addresses = {"127.0.0.1"}});
  EXPECT_EQ(dial(), "hello") << "by the system's clock it has expired";

  clock_.advance(24h * 40);
  EXPECT_THAT(dial(),
              AllOf(HasSubstr("CN=server of the API server expired at 2026-02-01T00:00:00Z"),
                    HasSubstr("clock (2026-02-10T00:00:00Z)")));
}

TEST_F(TlsTest, A28_RefusesOneThatIsNotValidYet) {
  EXPECT_THAT(dial({.common_name = "server",
                    .addresses = {"127.0.0.1"},
                    .from = clock_.wall() + 1s,
                    .until = clock_.wall() + 1h}),
              AllOf(HasSubstr("is valid only from 2026-01-01T00:00:01Z"),
                    HasSubstr("this machine's clock says 2026-01-01T00:00:00Z")));
}

TEST_F(TlsTest, A28_TheAddressMustStandOnIt) {
  EXPECT_THAT(dial({.common_name = "127.0.0.1",
                    .names = {"api.test"},
                    .addresses = {"10.0.0.1", "fd00::1"}}),
              HasSubstr("for other names than 127.0.0.1: it is for api.test, 10.0.0.1, fd00::1;"));
}

TEST_F(TlsTest, A28_AnIPv6AddressMayStandOnIt) {
  if (!test::has_ipv6()) GTEST_SKIP() << "no ::1 here";
  access_.server.host = "::1";
  start({.shown =
             test::make_certificate({.common_name = "server", .addresses = {"::1"}}, &authority_),
         .family = IpFamily::IPv6});

  EXPECT_EQ(dial(), "hello");
}

TEST_F(TlsTest, A28_ACommonNameIsNoName) {
  access_.tls_server_name = "api.test";
  EXPECT_THAT(dial({.common_name = "api.test"}),
              HasSubstr("for other names than api.test: it is for nobody"));
}

TEST_F(TlsTest, A28_TlsServerNameIsAskedForAndLookedFor) {
  access_.tls_server_name = "api.test";
  EXPECT_EQ(dial({.common_name = "server", .names = {"api.test"}}), "hello");
  EXPECT_EQ(server_->asked_for(), "api.test");
}

TEST_F(TlsTest, A28_TlsServerNameIsInPlaceOfTheAddress) {
  access_.tls_server_name = "api.test";
  EXPECT_THAT(dial({.common_name = "server", .addresses = {"127.0.0.1"}}),
              HasSubstr("for other names than api.test: it is for 127.0.0.1;"));
}

TEST_F(TlsTest, A28_TlsServerNameMayBeAnAddress) {
  access_.tls_server_name = "10.0.0.1";
  EXPECT_EQ(dial({.common_name = "server", .addresses = {"10.0.0.1"}}), "hello");
}

TEST_F(TlsTest, A28_AWildcardIsForOneLabel) {
  access_.tls_server_name = "api.test.local";
  EXPECT_EQ(dial({.common_name = "server", .names = {"*.test.local"}}), "hello");
  access_.tls_server_name = "a.b.test.local";
  EXPECT_THAT(dial(), HasSubstr("for other names than a.b.test.local: it is for *.test.local;"));
}

TEST_F(TlsTest, A28_SkippingVerificationTakesAnything) {
  access_.skip_verify = true;
  access_.certificate_authority = {};
  access_.tls_server_name = "api.test";
  start({.shown = test::make_certificate(
             {.common_name = "server", .use = Use::Client, .until = clock_.wall() - 1h})});

  EXPECT_EQ(dial(), "hello");
  EXPECT_EQ(server_->asked_for(), "api.test");
}

TEST_F(TlsTest, A28_AnOldVersionOfTlsIsNamed) {
  start({.shown = test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}},
                                         &authority_),
         .newest_version = 0x0302});  // TLS 1.1

  EXPECT_THAT(dial(), HasSubstr("speaks no TLS 1.2 or later"));
}

TEST_F(TlsTest, A17_AnEndThatTlsDidNotAnnounceIsNoGoodOrder) {
  const auto shown =
      test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}}, &authority_);
  start({.shown = shown, .says_goodbye = true});
  EXPECT_EQ(read_to_end(), asio::error::eof);
  start({.shown = shown, .hangs_up = true});
  EXPECT_EQ(read_to_end(), asio::error::connection_reset);
}

/// A server that wants to know its clients.
class ClientCertificateTest : public TlsTest {
 protected:
  void start_asking() {
    start({.shown = test::make_certificate({.common_name = "server", .addresses = {"127.0.0.1"}},
                                           &authority_),
           .client_authority = authority_.certificate});
  }
  void give(const test::TestCertificate& certificate) {
    folder_.replace("client.crt", certificate.certificate);
    folder_.replace("client.key", certificate.key);
    access_.client_certificate.file = folder_ / "client.crt";
    access_.client_key.file = folder_ / "client.key";
  }

  test::TempFolder folder_;
};

TEST_F(ClientCertificateTest, A29_IsShownToAServerThatWantsIt) {
  give(test::make_certificate({.common_name = "me", .use = Use::Client}, &authority_));
  start_asking();

  EXPECT_EQ(dial(), "hello");
  EXPECT_EQ(server_->client(), "me");
}

TEST_F(ClientCertificateTest, A29_WithoutOneTheServersWishIsSaid) {
  start_asking();
  EXPECT_THAT(dial(), HasSubstr("wants a client certificate; give client-certificate"));
}

TEST_F(ClientCertificateTest, A29_OneOfAnotherAuthorityIsRefusedByTheServer) {
  const auto other = test::make_authority("other-ca");
  give(test::make_certificate({.common_name = "me", .use = Use::Client}, &other));
  start_asking();

  EXPECT_THAT(dial(), HasSubstr("refuses our client certificate"));
}

TEST_F(ClientCertificateTest, A27_ANewConnectionShowsTheNewOne) {
  give(test::make_certificate({.common_name = "me", .use = Use::Client}, &authority_));
  start_asking();
  EXPECT_EQ(dial(), "hello");
  give(test::make_certificate({.common_name = "the-new-me", .use = Use::Client}, &authority_));

  EXPECT_EQ(dial(), "hello");
  EXPECT_EQ(server_->client(), "the-new-me");
}

TEST_F(ClientCertificateTest, A27_WhileOneFileIsReplacedTheLastGoodPairIsShown) {
  give(test::make_certificate({.common_name = "me", .use = Use::Client}, &authority_));
  start_asking();
  EXPECT_EQ(dial(), "hello");
  const auto next =
      test::make_certificate({.common_name = "the-new-me", .use = Use::Client}, &authority_);
  folder_.replace("client.crt", next.certificate);
  EXPECT_EQ(dial(), "hello");
  EXPECT_EQ(server_->client(), "me");

  folder_.replace("client.key", next.key);
  EXPECT_EQ(dial(), "hello");
  EXPECT_EQ(server_->client(), "the-new-me");
}

TEST_F(ClientCertificateTest, A27_OneThatDoesNotGoWithItsKeyIsNamed) {
  const auto mine = test::make_certificate({.common_name = "me", .use = Use::Client}, &authority_);
  const auto other =
      test::make_certificate({.common_name = "other", .use = Use::Client}, &authority_);
  give({mine.certificate, other.key});
  start_asking();

  EXPECT_THAT(dial(), AllOf(HasSubstr("the client key does not belong to the client certificate"),
                            HasSubstr(folder_ / "client.crt"), HasSubstr(folder_ / "client.key")));
}

TEST_F(TlsTest, A26_ANewConnectionBelievesTheNewAuthority) {
  const test::TempFolder folder;
  folder.write("ca.crt", test::make_authority("old-ca").certificate);
  access_.certificate_authority = {folder / "ca.crt", {}};
  start({.common_name = "server", .addresses = {"127.0.0.1"}});
  EXPECT_THAT(dial(), HasSubstr("the authorities are from " + (folder / "ca.crt")));

  folder.replace("ca.crt", authority_.certificate);
  EXPECT_EQ(dial(), "hello");
}

/// A server that is none, or says nothing: without sockets and without time.
class HandshakeTest : public test::LoopTest {
 protected:
  HandshakeTest() {
    tasks_.spawn("handshake", shake_hands());
    run();
  }
  ~HandshakeTest() override {
    peer_->reset();
    run();
    EXPECT_TRUE(tasks_.idle());
  }

  const std::shared_ptr<test::FakePeer> peer_ = std::make_shared<test::FakePeer>(loop_);
  std::optional<ApiFailure> failure_;

 private:
  asio::awaitable<void> shake_hands() {
    const auto context = make_tls_context({.skip_verify = true}, {});
    std::unique_ptr<Transport> lower = std::make_unique<test::FakeTransport>(peer_);
    const auto made =
        co_await start_tls(std::move(lower), *context, "api.test", clock_.wall(), timers_, 10s);
    if (!made) failure_ = made.error();
  }

  TaskGroup tasks_{loop_};
};

TEST_F(HandshakeTest, A17_HasTenSeconds) {
  advance(9s);
  EXPECT_FALSE(failure_);
  advance(1s);
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Timeout);
  EXPECT_THAT(failure_->text, HasSubstr("handshake with api.test takes too long"));
}

TEST_F(HandshakeTest, A17_WhatDoesNotSpeakTlsIsNamed) {
  peer_->send("HTTP/1.1 400 Bad Request\r\n\r\n");
  run();
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Tls);
  EXPECT_THAT(failure_->text, HasSubstr("what answers at api.test does not speak TLS"));
}

TEST_F(HandshakeTest, A17_OneThatHangsUpIsNamed) {
  peer_->end();
  run();
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, ApiErrc::Reset);
  EXPECT_THAT(failure_->text, HasSubstr("ends the connection within the TLS handshake"));
}

}  // namespace
}  // namespace wherry::api
