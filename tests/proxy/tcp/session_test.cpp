// What a session does once it has a backend.
#include "tests/proxy/tcp/session_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

namespace wherry::tcp {
namespace {

using namespace std::chrono_literals;
using test::TestListener;

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
  const auto load = state->load.load();
  const auto load_of_all = entry().state->load.load();

  client.reset();
  pod.reset();
  ASSERT_TRUE(turn_until([&] { return sessions_->idle(); }));

  EXPECT_EQ(now, 1u);
  EXPECT_EQ(load, 1u);
  EXPECT_EQ(load_of_all, 1u);
  EXPECT_EQ(state->sessions.load(), 0u);
  EXPECT_EQ(state->load.load(), 0u);
  EXPECT_EQ(entry().state->load.load(), 0u);
  EXPECT_EQ(entry().state->service->sessions_total.load(), 1u);
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
  if (!test::has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  const TestListener backend({IpAddress::loopback(IpFamily::IPv6), 0});
  services_.upsert(test::service("web").family(IpFamily::IPv6).port("", 80));
  slices_.upsert(test::slice("s", "web").ipv6().port("", backend.address().port).endpoint("::1"));
  exchange_table();
  const UniqueFd client = open_client();
  run_loop();

  test::send_all(client.get(), "over");

  EXPECT_EQ(test::receive(backend.accept().get(), 4), "over");
}

}  // namespace
}  // namespace wherry::tcp
