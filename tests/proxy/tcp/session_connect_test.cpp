// How a session finds its backend, or gives up.
#include "base/raw_socket_address.h"
#include "tests/proxy/tcp/session_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <tuple>
#include <vector>

namespace wherry::tcp {
namespace {

using namespace std::chrono_literals;
using test::TestListener;

TEST_F(SessionTest, TriesAnotherBackendWhenOneRefuses) {
  const TestListener backend;
  const SocketAddress dead = test::closed_port();
  set_backends({dead, backend.address()});
  run_loop();

  // Whichever comes first: two clients take a turn each.
  for (int i = 0; i < 2; ++i) {
    stop_loop();
    const UniqueFd client = open_client();
    run_loop();
    const UniqueFd pod = backend.accept();
    test::send_all(client.get(), "hello");
    EXPECT_EQ(test::receive(pod.get(), 5), "hello");
  }

  EXPECT_EQ(failures(ConnectError::Refused), 1u);
  EXPECT_EQ(sessions_->counters().retries.value(), 1u);
}

TEST_F(SessionTest, ResetsTheClientWhenNoBackendCanBeReached) {
  set_backends({test::closed_port(), test::closed_port()});

  const UniqueFd client = open_client();

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_TRUE(test::is_reset(client.get()));
  EXPECT_EQ(closed(CloseReason::ConnectFailed), 1u);
  EXPECT_EQ(failures(ConnectError::Refused), 2u);
}

TEST_F(SessionTest, ResetsTheClientWhenThereIsNoDescriptorForABackend) {
  const TestListener backend;
  set_backends({backend.address()});
  const Wire makes_the_loops_own_descriptors(loop_);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  test::TcpPair pair = test::tcp_pair();
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);

  come_in(std::move(pair.far), pair.near_address, id());
  ::setrlimit(RLIMIT_NOFILE, &before);

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_TRUE(test::is_reset(pair.near.get()));
  EXPECT_EQ(closed(CloseReason::NoDescriptors), 1u);
  EXPECT_EQ(failures(ConnectError::NoDescriptors), 1u);
}

TEST_F(SessionTest, TriesNoMoreBackendsThanItMay) {
  start({.max_attempts = 2});
  set_backends({test::closed_port(), test::closed_port(), test::closed_port()});

  const UniqueFd client = open_client();

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_EQ(failures(ConnectError::Refused), 2u);
}

TEST_F(SessionTest, ResetsTheClientWhenThereIsNoBackend) {
  set_backends({});

  const UniqueFd client = open_client();

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_TRUE(test::is_reset(client.get()));
  EXPECT_EQ(closed(CloseReason::NoEndpoints), 1u);
}

TEST_F(SessionTest, ResetsTheClientOfAServicePortThatIsGone) {
  set_backends({});
  const balancer::ServicePortId gone{7, 7};
  test::TcpPair pair = test::tcp_pair();

  come_in(std::move(pair.far), pair.near_address, gone);

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_EQ(closed(CloseReason::NoEndpoints), 1u);
}

/// A backend whose kernel takes no more connections: SYNs are dropped, connects hang.
class DeafBackend {
 public:
  DeafBackend() : listener_({IpAddress::loopback(IpFamily::IPv4), 0}, 0) {
    // The queue of a backlog of 0 holds one connection; the next SYNs get no answer.
    for (int i = 0; i < 2; ++i) {
      UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const RawSocketAddress to(listener_.address());
      std::ignore = ::connect(fd.get(), to.get(), to.size);  // EINPROGRESS
      fillers_.push_back(std::move(fd));
    }
  }
  [[nodiscard]] const SocketAddress& address() const { return listener_.address(); }

 private:
  TestListener listener_;
  std::vector<UniqueFd> fillers_;
};

TEST_F(SessionTest, TriesAnotherBackendWhenOneDoesNotAnswerInTime) {
  start({.connect_timeout = 3s});
  const DeafBackend deaf;
  const TestListener backend;
  set_backends({deaf.address(), backend.address()});
  // Round robin starts anywhere: the client that gets the deaf backend first is the one to watch.
  std::vector<UniqueFd> clients;
  clients.push_back(open_client());
  clients.push_back(open_client());
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  timers_.advance(3s);

  EXPECT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 2; }));
  EXPECT_EQ(failures(ConnectError::Timeout), 1u);
}

TEST_F(SessionTest, GivesUpWhenTheLastBackendDoesNotAnswerInTime) {
  start({.connect_timeout = 3s});
  const DeafBackend deaf;
  set_backends({deaf.address()});
  const UniqueFd client = open_client();
  loop_.poll();

  timers_.advance(3s);

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_TRUE(test::is_reset(client.get()));
  EXPECT_EQ(closed(CloseReason::ConnectFailed), 1u);
}

TEST_F(SessionTest, FreesItsPlaceWhenTheClientGoesWhileBackendsAreTried) {
  const DeafBackend deaf;
  set_backends({test::closed_port(), deaf.address()});
  // Two clients, so that one of them meets the closed port first and the deaf one second.
  UniqueFd one = open_client();
  UniqueFd other = open_client();
  ASSERT_TRUE(turn_until([&] { return failures(ConnectError::Refused) == 1; }));

  test::reset(one);
  test::reset(other);

  EXPECT_TRUE(turn_until([&] { return closed(CloseReason::ClientReset) == 1; }));
}

TEST_F(SessionTest, ADialIsLoadOfItsBackendUntilItHasFailed) {
  start({.connect_timeout = 3s});
  const DeafBackend one;
  const DeafBackend other;
  set_backends({one.address(), other.address()});
  const auto loads = [this] {
    std::vector<std::uint32_t> all;
    for (const balancer::Backend& backend : entry().backends) all.push_back(backend.state->load);
    all.push_back(entry().state->load);
    return all;
  };
  const UniqueFd client = open_client();
  const auto first = loads();

  timers_.advance(3s);
  const auto second = loads();
  sessions_->close_all(CloseReason::Shutdown);

  EXPECT_EQ(first[0] + first[1], 1u);
  EXPECT_EQ(second, (std::vector<std::uint32_t>{first[1], first[0], 1}));
  EXPECT_EQ(loads(), (std::vector<std::uint32_t>{0, 0, 0}));
}

TEST_F(SessionTest, ReportsHowLongABackendTookToAccept) {
  const TestListener backend;
  const SocketAddress dead = test::closed_port();
  set_backends({backend.address(), dead});
  const UniqueFd one = open_client();
  const UniqueFd other = open_client();

  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 2; }));

  for (const balancer::Backend& each : entry().backends) {
    const double seconds = each.state->connect_latency.seconds_at(clock_.now());
    if (each.address == dead) {
      EXPECT_NEAR(seconds, 0.25, 1e-6) << "a failure, however soon";
    } else {
      EXPECT_NEAR(seconds, 50e-6, 1e-9) << "the test's clock stands still";
    }
  }
}

TEST_F(SessionTest, L2_AClientsConnectionsGoToOneBackendWithSessionAffinity) {
  const TestListener one;
  const TestListener other;
  model::Service web = test::service("web").port("", 80);
  web.session_affinity = model::SessionAffinity::ClientIP;
  set_backends({one.address(), other.address()});
  services_.upsert(test::shared(web));
  sessions_->exchange_table(builder_.build(services_.take_changes()));

  std::vector<UniqueFd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(open_client());
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 4; }));

  const auto first = entry().backends[0].state->sessions.load();
  EXPECT_TRUE(first == 0 || first == 4) << first;
}

TEST_F(SessionTest, L4_AClientWhoseBackendCantBeReachedStaysWithTheNext) {
  const TestListener backend;
  model::Service web = test::service("web").port("", 80);
  web.session_affinity = model::SessionAffinity::ClientIP;
  set_backends({test::closed_port(), backend.address(), test::closed_port()});
  services_.upsert(test::shared(web));
  sessions_->exchange_table(builder_.build(services_.take_changes()));
  std::vector<UniqueFd> clients;
  clients.push_back(open_client());
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));
  const std::uint64_t failed = failures(ConnectError::Refused);

  for (int i = 0; i < 3; ++i) clients.push_back(open_client());
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 4; }));

  EXPECT_EQ(failures(ConnectError::Refused), failed);
}

}  // namespace
}  // namespace wherry::tcp
