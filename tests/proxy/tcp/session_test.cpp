#include "proxy/tcp/session.h"

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"
#include "base/raw_socket_address.h"
#include "proxy/tcp/session_set.h"
#include "tests/support/builders.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "tests/support/sockets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <tuple>
#include <vector>

namespace wherry::tcp {
namespace {

using namespace std::chrono_literals;
using test::TestListener;

/// A session set on a loop that the test turns, with a Service whose backends the test chooses.
/// Far ends are blocking sockets: the loop runs in a thread of its own while they are used.
class SessionTest : public ::testing::Test {
 protected:
  ~SessionTest() override {
    stop_loop();
    sessions_->stop();
    while (!sessions_->idle()) loop_.poll();
    loop_.poll();
  }

  void SetUp() override { start({}); }

  void start(const SessionOptions& options) {
    if (sessions_) sessions_->stop();
    sessions_ = std::make_unique<SessionSet>(loop_, timers_, clock_, options);
  }

  /// The Service's backends, in the order in which round robin takes them (the first is 127.0.0.1
  /// or whichever sorts lowest).
  void set_backends(const std::vector<SocketAddress>& backends) {
    services_.upsert(test::service("web").port("", 80));
    slices_.replace({});
    for (const SocketAddress& backend : backends) {
      slices_.upsert(test::slice("s-" + std::to_string(backend.port), "web")
                         .port("", backend.port)
                         .endpoint(backend.ip.to_string()));
    }
    auto changed = services_.take_changes();
    changed.merge(slices_.take_changes());
    sessions_->exchange_table(builder_.build(changed));
  }

  [[nodiscard]] balancer::ServicePortId id() const {
    const auto entries = sessions_->table().sorted();
    return entries.empty() ? balancer::ServicePortId{} : entries.front()->id;
  }
  [[nodiscard]] const balancer::ServicePortEntry& entry() const {
    return *sessions_->table().sorted().front();
  }

  /// A client's end; the other one is the session's.
  UniqueFd open_client() {
    test::TcpPair pair = test::tcp_pair();
    client_address_ = pair.near_address;
    sessions_->open(std::move(pair.far), pair.near_address, id(), quota_.try_acquire());
    return std::move(pair.near);
  }

  /// Turns the loop until `condition` holds.
  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) {
    return test::eventually([&] {
      loop_.poll();
      loop_.restart();
      return condition();
    });
  }

  /// Runs the loop in the background, so that the test may block on far ends.
  void run_loop() {
    work_.emplace(loop_.get_executor());
    loop_.restart();
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop_loop() {
    work_.reset();
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    loop_.restart();
  }

  /// Sends until nothing more goes in: far more than all socket buffers hold. Returns how much.
  std::size_t fill(const UniqueFd& client) {
    const std::string block(65536, 'x');
    std::size_t taken = 0;
    for (int stuck = 0; stuck < 200;) {
      const ssize_t n = ::send(client.get(), block.data(), block.size(), MSG_DONTWAIT);
      taken += n > 0 ? static_cast<std::size_t>(n) : 0;
      stuck = n > 0 ? 0 : stuck + 1;
      loop_.poll();
    }
    return taken;
  }

  [[nodiscard]] std::uint64_t closed(CloseReason reason) const {
    return sessions_->counters().closed[reason].value();
  }
  [[nodiscard]] std::uint64_t failures(ConnectError error) const {
    return sessions_->counters().connect_failures[error].value();
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  asio::io_context loop_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::thread thread_;
  SessionQuota quota_{100, [] {}};
  balancer::ServiceTracker services_{{}, [] {}};
  balancer::SliceTracker slices_{[] {}};
  balancer::TableBuilder builder_{services_, slices_, ""};
  std::unique_ptr<SessionSet> sessions_;
  SocketAddress client_address_;
};

TEST_F(SessionTest, CarriesBytesBothWays) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  run_loop();
  const UniqueFd pod = backend.accept();

  test::send_all(client.get(), "question");
  const std::string heard = test::receive(pod.get(), 8);
  test::send_all(pod.get(), "answer");

  EXPECT_EQ(heard, "question");
  EXPECT_EQ(test::receive(client.get(), 6), "answer");
}

TEST_F(SessionTest, LetsTheBackendSpeakFirst) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  run_loop();

  test::send_all(backend.accept().get(), "220 ready");

  EXPECT_EQ(test::receive(client.get(), 9), "220 ready");
}

TEST_F(SessionTest, PassesTheClientsEndOnAndGoesOnTheOtherWay) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  run_loop();
  UniqueFd pod = backend.accept();

  test::send_all(client.get(), "all of it");
  test::shut_down_sending(client.get());
  const std::string heard = test::receive_to_end(pod.get());
  test::send_all(pod.get(), "late answer");
  pod.reset();

  EXPECT_EQ(heard, "all of it");
  EXPECT_EQ(test::receive_to_end(client.get()), "late answer");
}

TEST_F(SessionTest, PassesTheBackendsEndOnAndGoesOnTheOtherWay) {
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  run_loop();
  const UniqueFd pod = backend.accept();

  test::send_all(pod.get(), "greeting");
  test::shut_down_sending(pod.get());
  const std::string heard = test::receive_to_end(client.get());
  test::send_all(client.get(), "thanks");
  client.reset();

  EXPECT_EQ(heard, "greeting");
  EXPECT_EQ(test::receive_to_end(pod.get()), "thanks");
}

TEST_F(SessionTest, EndsOnceBothDirectionsHaveEnded) {
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  client.reset();
  pod.reset();

  EXPECT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_EQ(closed(CloseReason::Finished), 1u);
  EXPECT_EQ(quota_.used(), 0u);
}

TEST_F(SessionTest, PassesTheClientsResetOnAsAReset) {
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  run_loop();
  const UniqueFd pod = backend.accept();
  test::send_all(client.get(), "x");
  ASSERT_EQ(test::receive(pod.get(), 1), "x");

  test::reset(client);

  EXPECT_TRUE(test::is_reset(pod.get()));
}

TEST_F(SessionTest, PassesTheBackendsResetOnAsAReset) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  run_loop();
  UniqueFd pod = backend.accept();
  test::send_all(pod.get(), "x");
  ASSERT_EQ(test::receive(client.get(), 1), "x");

  test::reset(pod);

  EXPECT_TRUE(test::is_reset(client.get()));
}

TEST_F(SessionTest, PassesAResetOnAsAResetAfterTheOtherSideHasEndedItsDirection) {
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  run_loop();
  const UniqueFd pod = backend.accept();
  test::shut_down_sending(pod.get());
  ASSERT_EQ(test::receive_to_end(client.get()), "");

  test::reset(client);

  EXPECT_TRUE(test::is_reset(pod.get()));
}

TEST_F(SessionTest, PassesAResetOnAsAResetAfterTheSameSideHasEndedItsDirection) {
  // A client that asked its question and ended its direction gives up: the backend, which is still
  // at work, learns of it as it would without anybody between them.
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  run_loop();
  const UniqueFd pod = backend.accept();
  test::send_all(client.get(), "question");
  test::shut_down_sending(client.get());
  ASSERT_EQ(test::receive_to_end(pod.get()), "question");

  test::reset(client);

  EXPECT_TRUE(test::is_hung_up(pod.get()));
  stop_loop();
  EXPECT_EQ(closed(CloseReason::ClientReset), 1u);
}

TEST_F(SessionTest, PassesOnWhatABackendSaidBeforeItStoppedListening) {
  // A server that answers before it has read everything, and closes: the rest of the request makes
  // its kernel send a RST. The answer came first and must arrive first.
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  UniqueFd pod = backend.accept();
  test::send_all(client.get(), "POST");
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().bytes_in.value() == 4; }));
  test::send_all(pod.get(), "413");
  pod.reset();  // with "POST" unread: a RST follows the answer
  run_loop();

  EXPECT_EQ(test::receive(client.get(), 3), "413");
  EXPECT_TRUE(test::is_reset(client.get()));
}

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

  sessions_->open(std::move(pair.far), pair.near_address, id(), quota_.try_acquire());
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

  sessions_->open(std::move(pair.far), pair.near_address, gone, quota_.try_acquire());

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

TEST_F(SessionTest, ClosesWhatIsIdleForTooLong) {
  start({.idle_timeout = 60s});
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  timers_.advance(60s);

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_EQ(closed(CloseReason::IdleTimeout), 1u);
  EXPECT_TRUE(test::ends_well(client.get()));
  EXPECT_TRUE(test::ends_well(pod.get()));
}

TEST_F(SessionTest, CutsASessionWhoseReceiverTookNothingForTheIdleTimeout) {
  // Bytes are under way: a good end would tell the receiver that it has all of them.
  start({.idle_timeout = 60s});
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));
  fill(client);

  timers_.advance(60s);

  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_EQ(closed(CloseReason::IdleTimeout), 1u);
  EXPECT_TRUE(test::ends_with_reset(pod.get()));
}

TEST_F(SessionTest, StartsTheIdleTimeoutAgainWithEveryByte) {
  start({.idle_timeout = 60s});
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  timers_.advance(59s);
  test::send_all(client.get(), "x");
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().bytes_in.value() == 1; }));
  timers_.advance(59s);

  EXPECT_FALSE(sessions_->idle());
}

TEST_F(SessionTest, HasNoIdleTimeoutUnlessItIsAskedFor) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  timers_.advance(1000h);
  loop_.poll();

  EXPECT_FALSE(sessions_->idle());
}

TEST_F(SessionTest, HoldsASenderBackWhileTheReceiverTakesNothing) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  const std::size_t taken = fill(client);

  EXPECT_LE(sessions_->kept, SessionSet::kScratchSize);
  run_loop();
  test::shut_down_sending(client.get());
  EXPECT_EQ(test::receive_to_end(pod.get()).size(), taken);
}

TEST_F(SessionTest, LeavesBytesInTheSendersSocketWhenTooMuchIsKeptInAll) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));
  sessions_->kept = SessionSet::kMostKept;  // as if others kept it

  const std::size_t taken = fill(client);

  EXPECT_EQ(sessions_->kept, SessionSet::kMostKept);
  run_loop();
  test::shut_down_sending(client.get());
  EXPECT_EQ(test::receive_to_end(pod.get()), std::string(taken, 'x'));
}

TEST_F(SessionTest, KeepsNothingOnceASlowReceiverHasCaughtUp) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  run_loop();
  const std::string sent(20'000'000, 'y');
  auto writer = std::async(std::launch::async, [&] {
    test::send_all(client.get(), sent);
    test::shut_down_sending(client.get());
  });

  const std::string heard = test::receive_to_end(pod.get());

  writer.get();
  stop_loop();
  EXPECT_EQ(heard.size(), sent.size());
  EXPECT_EQ(sessions_->kept, 0u);
}

TEST_F(SessionTest, NoticesTheResetOfASenderThatItDoesNotRead) {
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  fill(client);

  test::reset(client);

  EXPECT_TRUE(turn_until([&] { return sessions_->idle(); }));
  EXPECT_EQ(closed(CloseReason::ClientReset), 1u);
  EXPECT_EQ(sessions_->kept, 0u);
}

TEST_F(SessionTest, KeepsASessionWhoseBackendLeavesTheTable) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  set_backends({});
  run_loop();
  test::send_all(client.get(), "still here");

  EXPECT_EQ(test::receive(pod.get(), 10), "still here");
}

TEST_F(SessionTest, CountsItsBackendsSessions) {
  const TestListener backend;
  set_backends({backend.address()});
  UniqueFd client = open_client();
  UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));
  const auto state = entry().backends.front().state;
  const auto now = state->sessions.load();

  client.reset();
  pod.reset();
  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));

  EXPECT_EQ(now, 1u);
  EXPECT_EQ(state->sessions.load(), 0u);
  EXPECT_EQ(entry().state->sessions_total.load(), 1u);
}

TEST_F(SessionTest, DescribesItself) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  test::send_all(client.get(), "12345");
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().bytes_in.value() == 5; }));

  const std::vector<SessionSnapshot> snapshots = sessions_->snapshots();

  ASSERT_EQ(snapshots.size(), 1u);
  EXPECT_EQ(snapshots[0].service_port.service.to_string(), "default/web");
  EXPECT_EQ(snapshots[0].client, client_address_);
  EXPECT_EQ(snapshots[0].backend, backend.address());
  EXPECT_EQ(snapshots[0].since, clock_.wall());
  EXPECT_EQ(snapshots[0].bytes_in, 5u);
  EXPECT_EQ(snapshots[0].bytes_out, 0u);
}

TEST_F(SessionTest, CutsBothSidesWithAResetWhenTheSetIsStopped) {
  const TestListener backend;
  set_backends({backend.address()});
  const UniqueFd client = open_client();
  const UniqueFd pod = backend.accept();
  ASSERT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() == 1; }));

  sessions_->stop();

  EXPECT_TRUE(test::is_reset(client.get()));
  EXPECT_TRUE(test::is_reset(pod.get()));
  EXPECT_EQ(closed(CloseReason::Shutdown), 1u);
}

TEST_F(SessionTest, CarriesIpv4ClientsToIpv6Backends) {
  const TestListener backend({IpAddress::loopback(IpFamily::IPv6), 0});
  services_.upsert(test::service("web").family(IpFamily::IPv6).port("", 80));
  slices_.upsert(test::slice("s", "web").ipv6().port("", backend.address().port).endpoint("::1"));
  auto changed = services_.take_changes();
  changed.merge(slices_.take_changes());
  sessions_->exchange_table(builder_.build(changed));
  const UniqueFd client = open_client();
  run_loop();

  test::send_all(client.get(), "over");

  EXPECT_EQ(test::receive(backend.accept().get(), 4), "over");
}

}  // namespace
}  // namespace wherry::tcp
