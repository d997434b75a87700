#include "proxy/udp/flow_set.h"

#include "base/raw_socket_address.h"
#include "tests/proxy/udp/flow_set_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace wherry::udp {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::UdpSocket;
using ::testing::UnorderedElementsAre;

TEST_F(FlowSetTest, U1_CarriesADatagramAndItsAnswer) {
  UdpSocket backend;
  serve({backend.address()});
  UdpSocket asker = client();

  asker.send("question");
  EXPECT_EQ(next_of(backend), "question");
  backend.send_to(last_from_, "answer");

  EXPECT_EQ(next_of(asker), "answer");
  EXPECT_EQ(last_from_, service_);
  const auto snapshots = flows_->snapshots();
  ASSERT_EQ(snapshots.size(), 1u);
  EXPECT_EQ(snapshots[0].service_port.to_string(), "default/dns/UDP/IPv4");
  EXPECT_EQ(snapshots[0].client.port, asker.address().port);
  EXPECT_EQ(snapshots[0].backend, backend.address());
  EXPECT_EQ(snapshots[0].bytes_in, 8u);
  EXPECT_EQ(snapshots[0].bytes_out, 6u);
  EXPECT_EQ(flows_->counters().datagrams_in.value(), 1u);
  EXPECT_EQ(flows_->counters().datagrams_out.value(), 1u);
}

TEST_F(FlowSetTest, AFlowStaysWithItsBackendAndTheNextClientGetsAnother) {
  UdpSocket one;
  UdpSocket two;
  serve({one.address(), two.address()});
  UdpSocket first = client();
  UdpSocket second = client();

  for (const char* text : {"1a", "1b", "1c"}) first.send(text);
  second.send("2a");
  ASSERT_TRUE(turn_until([&] { return flows_->counters().datagrams_in.value() == 4; }));
  std::vector<std::string> all_one;
  while (auto got = one.receive(0ms)) all_one.push_back(got->bytes);
  std::vector<std::string> all_two;
  while (auto got = two.receive(0ms)) all_two.push_back(got->bytes);
  if (all_one.size() < all_two.size()) std::swap(all_one, all_two);

  EXPECT_THAT(all_one, ::testing::ElementsAre("1a", "1b", "1c"));
  EXPECT_THAT(all_two, ::testing::ElementsAre("2a"));
  EXPECT_EQ(flows_->counters().flows_active.value(), 2u);
}

TEST_F(FlowSetTest, U2_TheNextDatagramLeavesABackendThatIsGone) {
  UdpSocket one;
  UdpSocket two;
  serve({one.address()});
  UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(one), "a");

  serve({two.address()});
  asker.send("b");

  EXPECT_EQ(next_of(two), "b");
  EXPECT_EQ(flows_->counters().repicks.value(), 1u);
  EXPECT_EQ(flows_->counters().flows_active.value(), 1u);
}

TEST_F(FlowSetTest, U2_ABackendThatServesWhileItTerminatesKeepsItsFlows) {
  UdpSocket one;
  UdpSocket two;
  serve({one.address()});
  UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(one), "a");

  const std::string ip = one.address().ip.to_string();
  tables_.slices.upsert(
      slice("s-" + std::to_string(one.address().port), one.address().port).terminating(ip));
  tables_.slices.upsert(slice("two", two.address().port).endpoint(ip));
  publish();
  asker.send("b");

  EXPECT_EQ(next_of(one), "b");
  EXPECT_EQ(flows_->counters().repicks.value(), 0u);
}

TEST_F(FlowSetTest, U2_ABackendThatIsNotReadyAnyMoreLosesItsFlows) {
  UdpSocket one;
  UdpSocket two;
  serve({one.address()});
  UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(one), "a");

  const std::string ip = one.address().ip.to_string();
  tables_.slices.upsert(
      slice("s-" + std::to_string(one.address().port), one.address().port).not_ready(ip));
  tables_.slices.upsert(slice("two", two.address().port).endpoint(ip));
  publish();
  asker.send("b");

  EXPECT_EQ(next_of(two), "b");
}

TEST_F(FlowSetTest, U2_PoliciesCutNoFlowAndKeepNewOnesOut) {
  UdpSocket backend;
  tables_.slices.upsert(slice("s", backend.address().port)
                            .endpoint(backend.address().ip.to_string())
                            .on_node("elsewhere"));
  tables_.services.upsert(dns());
  publish();
  UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(backend), "a");

  tables_.services.upsert(dns().internal_policy(model::TrafficPolicy::Local));
  publish();
  asker.send("b");

  EXPECT_EQ(next_of(backend), "b");
  EXPECT_TRUE(is_dropped(client(), Drop::NoLocalEndpoints));
  EXPECT_EQ(flows_->counters().unreachables.value(), 0u) << "a drop is silence";
}

TEST_F(FlowSetTest, E9_WithoutEndpointsNothingIsCarriedAndWithTheNextOneItIs) {
  UdpSocket backend;
  serve({backend.address()});
  UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(backend), "a");

  serve({});
  EXPECT_TRUE(is_dropped(asker, Drop::NoEndpoints));
  EXPECT_EQ(flows_->size(), 0u);
  EXPECT_EQ(ended(FlowEnd::NotServed), 1u);
  serve({backend.address()});
  UdpSocket again = client();
  again.send("b");

  EXPECT_EQ(next_of(backend), "b");
}

TEST_F(FlowSetTest, AServiceThatIsGoneIsRefused) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket asker = client();
  const balancer::Entrance old = entrance();
  tables_.services.erase({"default", "dns"});
  flows_->set_table(tables_.build());
  listener_->retarget(old);

  EXPECT_TRUE(is_dropped(asker, Drop::NoService));
}

TEST_F(FlowSetTest, F1_SourceRangesAreLookedAtForEachFlow) {
  UdpSocket backend;
  serve({backend.address()}, dns()
                                 .type(model::ServiceType::LoadBalancer)
                                 .load_balancer_ip("198.51.100.1")
                                 .source_range("203.0.113.0/24"));
  listener_->retarget(entrance(balancer::AddressKind::LoadBalancerIp));

  EXPECT_TRUE(is_dropped(client(), Drop::SourceRanges));
  EXPECT_EQ(flows_->size(), 0u);
}

TEST_F(FlowSetTest, ABackendThatRefusesIsLeftForAnother) {
  UdpSocket one({IpAddress::loopback(IpFamily::IPv4), 0});
  const SocketAddress dead = UdpSocket().address();  // closed again
  serve({dead});
  UdpSocket asker = client();
  asker.send("a");
  ASSERT_TRUE(turn_until([&] { return dropped(Drop::BackendRefused) == 1; }));
  (void)next_of(asker);  // an ICMP error, where we may send one

  serve({dead, one.address()});
  for (const char* text : {"b", "c"}) {
    asker.send(text);
    EXPECT_EQ(next_of(one), text);
  }
  EXPECT_EQ(dropped(Drop::BackendRefused), 1u);
}

TEST_F(FlowSetTest, AClientIsToldThatItsBackendRefuses) {
  const UniqueFd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (!raw) GTEST_SKIP() << "needs CAP_NET_RAW";
  serve({UdpSocket().address()});
  UdpSocket asker = client();

  asker.send("a");

  EXPECT_EQ(next_of(asker), "refused");
  EXPECT_EQ(flows_->counters().unreachables.value(), 1u);
}

TEST_F(FlowSetTest, AnAnswerThatCameBeforeARefusalIsPassedOn) {
  UdpSocket asker = client();
  {
    UdpSocket backend;
    serve({backend.address()});
    asker.send("a");
    EXPECT_EQ(next_of(backend), "a");
    backend.send_to(last_from_, "answer");
  }
  asker.send("b");  // nobody is there any more
  ASSERT_TRUE(turn_until([&] { return dropped(Drop::BackendRefused) >= 1; }));

  std::string got = next_of(asker);
  // Where we may send ICMP, the client's kernel tells it of that first.
  if (got == "refused") got = next_of(asker);
  EXPECT_EQ(got, "answer");
}

TEST_F(FlowSetTest, PerDatagramEveryDatagramIsAChoiceOfItsOwn) {
  UdpSocket one;
  UdpSocket two;
  serve({one.address(), two.address()}, dns().annotation("wherry.io/udp-per-datagram", "true"));
  UdpSocket asker = client();

  for (int i = 0; i < 10; ++i) asker.send("x");
  ASSERT_TRUE(turn_until([&] { return flows_->counters().datagrams_in.value() == 10; }));

  for (UdpSocket* backend : {&one, &two}) {
    int count = 0;
    while (backend->receive(0ms)) ++count;
    EXPECT_EQ(count, 5);
  }
  EXPECT_EQ(flows_->size(), 0u);
}

TEST_F(FlowSetTest, CarriesTheLargestDatagramThereIs) {
  UdpSocket backend;
  serve({backend.address()});
  UdpSocket asker = client();
  const std::string large(65'507, 'L');

  ASSERT_EQ(asker.send(large), 0);
  EXPECT_EQ(next_of(backend), large);
  backend.send_to(last_from_, large);

  EXPECT_EQ(next_of(asker), large);
}

TEST_F(FlowSetTest, CarriesAnEmptyDatagram) {
  UdpSocket backend;
  serve({backend.address()});
  UdpSocket asker = client();

  asker.send("");
  EXPECT_EQ(next_of(backend), "");
  backend.send_to(last_from_, "");

  EXPECT_EQ(next_of(asker), "");
}

TEST_F(FlowSetTest, JoinedDatagramsKeepTheirBounds) {
  UdpSocket backend;
  serve({backend.address()});
  UdpSocket asker = client();
  const int segment = 1000;
  if (::setsockopt(asker.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
    GTEST_SKIP() << "the kernel has no UDP_SEGMENT";
  }
  const std::string joined(10'500, 'j');

  ASSERT_EQ(asker.send(joined), 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(next_of(backend).size(), 1000u) << i;
  EXPECT_EQ(next_of(backend).size(), 500u);

  ::setsockopt(backend.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
  backend.send_to(last_from_, joined);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(next_of(asker).size(), 1000u) << i;
  EXPECT_EQ(next_of(asker).size(), 500u);
  EXPECT_EQ(flows_->counters().datagrams_in.value(), 11u);
  EXPECT_EQ(flows_->counters().datagrams_out.value(), 11u);
}

TEST_F(FlowSetTest, AFlowEndsAfterItsServicesIdleTimeout) {
  UdpSocket backend;
  serve({backend.address()}, dns().annotation("wherry.io/udp-idle-timeout", "5s"));
  const UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(backend), "a");

  timers_.advance(4s);
  asker.send("b");
  EXPECT_EQ(next_of(backend), "b");
  timers_.advance(4s);
  EXPECT_EQ(flows_->size(), 1u);
  timers_.advance(2s);

  EXPECT_EQ(flows_->size(), 0u);
  EXPECT_EQ(ended(FlowEnd::IdleTimeout), 1u);
  EXPECT_EQ(tables_.builder.latest()->sorted()[0]->backends[0].state->load, 0u);
}

TEST_F(FlowSetTest, AFlowThatGetsAnotherBackendGetsTheIdleTimeoutOfToday) {
  serve({UdpSocket().address()});  // nobody is there
  UdpSocket asker = client();
  asker.send("a");
  ASSERT_TRUE(turn_until([&] { return dropped(Drop::BackendRefused) == 1; }));
  (void)next_of(asker);  // an ICMP error, where we may send one
  UdpSocket backend;
  serve({backend.address()}, dns().annotation("wherry.io/udp-idle-timeout", "5s"));
  asker.send("b");
  EXPECT_EQ(next_of(backend), "b");

  timers_.advance(6s);

  EXPECT_EQ(ended(FlowEnd::IdleTimeout), 1u);
}

TEST_F(FlowSetTest, AFlowThatIsDueBeforeOlderOnesEndsInTime) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket patient = client();
  patient.send("a");
  EXPECT_EQ(next_of(backend), "a");
  serve({backend.address()}, dns().annotation("wherry.io/udp-idle-timeout", "5s"));
  const UdpSocket asker = client();
  asker.send("b");
  EXPECT_EQ(next_of(backend), "b");

  timers_.advance(6s);

  EXPECT_EQ(flows_->size(), 1u);
  EXPECT_EQ(ended(FlowEnd::IdleTimeout), 1u);
}

TEST_F(FlowSetTest, AShorterIdleTimeoutCountsFromTheNextDatagramOn) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket asker = client();
  asker.send("a");
  EXPECT_EQ(next_of(backend), "a");
  serve({backend.address()}, dns().annotation("wherry.io/udp-idle-timeout", "5s"));
  asker.send("b");
  EXPECT_EQ(next_of(backend), "b");

  timers_.advance(4s);
  EXPECT_EQ(flows_->size(), 1u);
  timers_.advance(2s);

  EXPECT_EQ(ended(FlowEnd::IdleTimeout), 1u);
}

TEST_F(FlowSetTest, OfMoreFlowsThanTheLimitTheOldestGoes) {
  FlowOptions options;
  options.limits = {2, 2};
  start(options);
  UdpSocket backend;
  serve({backend.address()});

  for (int i = 0; i < 5; ++i) {
    UdpSocket asker = client();
    asker.send("q");
    EXPECT_EQ(next_of(backend), "q");
    backend.send_to(last_from_, "a");
    EXPECT_EQ(next_of(asker), "a");
  }

  EXPECT_EQ(flows_->size(), 2u);
  EXPECT_EQ(ended(FlowEnd::SourceLimit), 3u);
  EXPECT_EQ(tables_.builder.latest()->sorted()[0]->backends[0].state->load, 2u);
}

TEST_F(FlowSetTest, WithoutDescriptorsTheOldestFlowGivesItsOwn) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket first = client();
  first.send("1");
  EXPECT_EQ(next_of(backend), "1");
  int refusals = 1;
  refuse_ = [&](const SocketAddress&) { return refusals-- > 0 ? EMFILE : 0; };

  const UdpSocket second = client();
  second.send("2");

  EXPECT_EQ(next_of(backend), "2");
  EXPECT_EQ(ended(FlowEnd::FlowLimit), 1u);
  EXPECT_EQ(flows_->size(), 1u);
}

TEST_F(FlowSetTest, WithoutDescriptorsWhoHasMostFlowsGivesOneUp) {
  UdpSocket backend;
  serve({backend.address()});
  const auto asks = [&](const char* from, const char* what) {
    UdpSocket socket({ip(from), 0});
    socket.connect(service_);
    socket.send(what);
    EXPECT_EQ(next_of(backend), what);
    return socket;
  };
  const UdpSocket quiet = asks("127.0.0.2", "idle for longest");
  const UdpSocket first = asks("127.0.0.3", "1");
  const UdpSocket second = asks("127.0.0.3", "2");
  int refusals = 1;
  refuse_ = [&](const SocketAddress&) { return refusals-- > 0 ? EMFILE : 0; };

  const UdpSocket third = asks("127.0.0.3", "3");

  EXPECT_EQ(ended(FlowEnd::FlowLimit), 1u);
  std::vector<std::string> left;
  for (const FlowSnapshot& each : flows_->snapshots()) left.push_back(each.client.to_string());
  EXPECT_THAT(left, UnorderedElementsAre(quiet.address().to_string(), second.address().to_string(),
                                         third.address().to_string()));
}

TEST_F(FlowSetTest, WithoutDescriptorsAtAllDatagramsAreDropped) {
  UdpSocket backend;
  serve({backend.address()});
  refuse_ = [](const SocketAddress&) { return EMFILE; };

  EXPECT_TRUE(is_dropped(client(), Drop::NoDescriptors));
  EXPECT_EQ(flows_->size(), 0u);
}

TEST_F(FlowSetTest, AnotherBackendIsTriedWhereThereIsNoWayToOne) {
  UdpSocket one;
  UdpSocket two;
  serve({one.address(), two.address()});
  refuse_ = [&](const SocketAddress& backend) {
    return backend == one.address() ? ENETUNREACH : 0;
  };

  for (int i = 0; i < 3; ++i) {
    const UdpSocket asker = client();
    asker.send("q");
    EXPECT_EQ(next_of(two), "q");
  }
}

TEST_F(FlowSetTest, ABackendMaySeeAnAddressThatTheFlowIsGiven) {
  UdpSocket backend;
  const SocketAddress source{test::ip("127.0.0.88"), 0};

  const auto opened = open_backend_socket(backend.address(), [&](int socket) -> error_code {
    const RawSocketAddress raw(source);
    return ::bind(socket, raw.get(), raw.size) == 0
               ? error_code()
               : error_code(errno, boost::system::system_category());
  });

  ASSERT_TRUE(opened);
  ASSERT_EQ(::send(opened->get(), "q", 1, 0), 1);
  EXPECT_EQ(backend.receive().value().from.ip, source.ip);
}

TEST_F(FlowSetTest, ABackendThatIsTheListenerItselfIsNotUsed) {
  serve({service_});
  flows_->own_listeners().set(service_, entrance().service_port);

  EXPECT_TRUE(is_dropped(client(), Drop::Loop));
}

TEST_F(FlowSetTest, OnTheWildcardAnAnswerComesFromTheAddressThatWasAsked) {
  start({}, {IpAddress::any(IpFamily::IPv4), 0});
  UdpSocket backend;
  serve({backend.address()});
  service_.ip = test::ip("127.0.0.77");
  UdpSocket asker = client();

  asker.send("q");
  EXPECT_EQ(next_of(backend), "q");
  backend.send_to(last_from_, "a");

  EXPECT_EQ(next_of(asker), "a");
  EXPECT_EQ(last_from_, service_);
}

TEST_F(FlowSetTest, CarriesIPv6) {
  if (!test::has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  start({}, {IpAddress::loopback(IpFamily::IPv6), 0});
  UdpSocket backend({IpAddress::loopback(IpFamily::IPv6), 0});
  serve({backend.address()}, dns().family(IpFamily::IPv6));
  UdpSocket asker = client();

  asker.send("q");
  EXPECT_EQ(next_of(backend), "q");
  backend.send_to(last_from_, "a");

  EXPECT_EQ(next_of(asker), "a");
}

TEST_F(FlowSetTest, AStopWaitsForAnswersThatAreUnderWay) {
  UdpSocket backend;
  serve({backend.address()});
  UdpSocket answered = client();
  answered.send("1");
  EXPECT_EQ(next_of(backend), "1");
  backend.send_to(last_from_, "one");
  EXPECT_EQ(next_of(answered), "one");
  UdpSocket waiting = client();
  waiting.send("2");
  EXPECT_EQ(next_of(backend), "2");
  const SocketAddress to = last_from_;
  bool drained = false;

  listener_->stop_reading();
  flows_->drain([&] { drained = true; });
  EXPECT_EQ(flows_->size(), 1u);
  EXPECT_FALSE(drained);
  backend.send_to(to, "two");

  EXPECT_EQ(next_of(waiting), "two");
  EXPECT_TRUE(drained);
}

TEST_F(FlowSetTest, AStopWaitsASecondAtMost) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket asker = client();
  asker.send("1");
  EXPECT_EQ(next_of(backend), "1");
  bool drained = false;

  listener_->stop_reading();
  flows_->drain([&] { drained = true; });
  timers_.advance(999ms);
  EXPECT_FALSE(drained);
  timers_.advance(1ms);

  EXPECT_TRUE(drained);
}

TEST_F(FlowSetTest, AListenerThatClosesTakesItsFlowsWithIt) {
  UdpSocket backend;
  serve({backend.address()});
  const UdpSocket asker = client();
  asker.send("1");
  EXPECT_EQ(next_of(backend), "1");

  listener_->stop();

  EXPECT_EQ(flows_->size(), 0u);
  EXPECT_EQ(ended(FlowEnd::ListenerClosed), 1u);
  EXPECT_EQ(flows_->counters().flows_active.value(), 0u);
}

/// Many flows at once, through all that changes: every answer comes to who asked.
TEST_F(FlowSetTest, U2_AnswersMatchAskersWhileBackendsComeAndGo) {
  FlowOptions options;
  options.limits = {4096, 4096};
  start(options);
  std::vector<UdpSocket> backends(4);
  std::vector<UdpSocket> clients;
  for (int i = 0; i < 500; ++i) clients.push_back(client());

  int wrong = 0;
  for (std::size_t round = 0; round < 8; ++round) {
    serve({backends[round % 4].address(), backends[(round + 1) % 4].address()});
    for (std::size_t begin = 0; begin < clients.size(); begin += 50) {
      for (std::size_t i = begin; i < begin + 50; ++i) {
        clients[i].send(std::to_string(round) + '/' + std::to_string(i));
      }
      std::size_t answered = 0;
      ASSERT_TRUE(turn_until([&] {
        for (UdpSocket& backend : backends) {
          while (auto got = backend.receive(0ms)) {
            backend.send_to(got->from, got->bytes);
            ++answered;
          }
        }
        return answered == 50;
      }));
      for (std::size_t i = begin; i < begin + 50; ++i) {
        if (next_of(clients[i]) != std::to_string(round) + '/' + std::to_string(i)) ++wrong;
      }
    }
  }

  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(flows_->counters().datagrams_out.value(), 4000u);
  EXPECT_EQ(flows_->size(), 500u);
}

}  // namespace
}  // namespace wherry::udp
