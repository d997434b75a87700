#include "proxy/health/health_check_ports.h"

#include "tests/balancer/tables.h"
#include "tests/proxy/health/serving.h"
#include "tests/support/builders.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wherry::health {
namespace {

using namespace std::chrono_literals;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// A port that was free a moment ago.
std::uint16_t free_port() {
  return test::TestListener({IpAddress::any(IpFamily::IPv4), 0}).address().port;
}

SocketAddress loopback(std::uint16_t port, IpFamily family = IpFamily::IPv4) {
  return {IpAddress::loopback(family), port};
}

class HealthCheckPortsTest : public ::testing::Test {
 protected:
  ~HealthCheckPortsTest() override {
    serving_.run([this] { ports_.stop(); });
    serving_.join();
    EXPECT_TRUE(ports_.idle());
  }

  static test::ServiceBuilder web(std::uint16_t port) {
    return service("web").cluster_ip("10.0.0.1").port("http", 80).health_check_node_port(port);
  }
  static test::SliceBuilder local(const std::string& address) {
    return slice("web-1", "web").port("http", 8080).endpoint(address).on_node("node-1");
  }
  void apply() {
    serving_.run([this] {
      const auto next = tables_.build();
      ports_.apply(*next, balancer::diff(*table_, *next));
      table_ = next;
    });
  }

  void listen_on(const std::vector<const char*>& addresses) {
    std::set<IpAddress> all;
    for (const char* each : addresses) all.insert(test::ip(each));
    serving_.run([&] { ports_.listen_on(all); });
  }
  static SocketAddress at(const char* address, std::uint16_t port) {
    return {test::ip(address), port};
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  balancer::Tables tables_;  // its node is node-1
  std::shared_ptr<const balancer::BackendTable> table_ =
      std::make_shared<const balancer::BackendTable>();
  bool healthy_ = true;
  std::vector<std::string> events_;
  Serving serving_;
  HealthCheckPorts ports_{serving_.loop, timers_, "node-1", [this] { return healthy_; },
                          [this](const model::ObjectKey& of, const std::string& message) {
                            events_.push_back(of.to_string() + ": " + message);
                          }};
};

TEST_F(HealthCheckPortsTest, H3_ANodeWithALocalEndpointIsHealthy) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  tables_.slices.upsert(local("10.1.0.1"));
  apply();

  const std::string answer = Serving::ask(loopback(port), "/whatever");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Load-Balancing-Endpoint-Weight: 1\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n" + health_check_body({"default", "web"}, 1, true)));
}

TEST_F(HealthCheckPortsTest, H3_ANodeWithoutOneIsNot) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  apply();

  const std::string answer = Serving::ask(loopback(port), "/");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Load-Balancing-Endpoint-Weight: 0\r\n"));
}

TEST_F(HealthCheckPortsTest, H3_NorIsOneWhoseProxyDoesNotKeepUp) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  tables_.slices.upsert(local("10.1.0.1"));
  apply();
  serving_.run([this] { healthy_ = false; });

  const std::string answer = Serving::ask(loopback(port), "/");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Load-Balancing-Endpoint-Weight: 1\r\n"));
  EXPECT_THAT(answer, EndsWith("\"serviceProxyHealthy\": false\n}"));
}

TEST_F(HealthCheckPortsTest, H3_TheAnswerFollowsTheEndpointsWithoutAnotherSocket) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  apply();
  ASSERT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 503"));

  tables_.slices.upsert(local("10.1.0.1"));
  apply();

  EXPECT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HealthCheckPortsTest, H3_ThePortClosesWithThePolicyAndOpensWithIt) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  apply();
  tables_.services.upsert(service("web").cluster_ip("10.0.0.1").port("http", 80));
  apply();
  EXPECT_EQ(test::try_connect(loopback(port)), ECONNREFUSED);

  tables_.services.upsert(web(port));
  apply();

  EXPECT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 503"));
}

TEST_F(HealthCheckPortsTest, H3_ANewNumberMovesThePort) {
  const std::uint16_t before = free_port();
  const std::uint16_t after = free_port();
  tables_.services.upsert(web(before));
  apply();

  tables_.services.upsert(web(after));
  apply();

  EXPECT_EQ(test::try_connect(loopback(before)), ECONNREFUSED);
  EXPECT_THAT(Serving::ask(loopback(after), "/"), StartsWith("HTTP/1.1 503"));
}

TEST_F(HealthCheckPortsTest, H3_APortPassesFromOneServiceToAnotherAtOnce) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  apply();

  tables_.services.erase({"default", "web"});
  tables_.services.upsert(
      service("api").cluster_ip("10.0.0.2").port("http", 80).health_check_node_port(port));
  apply();

  EXPECT_THAT(Serving::ask(loopback(port), "/"), HasSubstr("\"name\": \"api\""));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(HealthCheckPortsTest, H3_EachFamilyHasASocketOfItsOwn) {
  if (!test::has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port).cluster_ip("fd00::1"));
  tables_.slices.upsert(local("10.1.0.1"));
  apply();

  EXPECT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Serving::ask(loopback(port, IpFamily::IPv6), "/"), StartsWith("HTTP/1.1 503"));
  serving_.run([this] { EXPECT_EQ(ports_.open_ports(), 2); });
}

TEST_F(HealthCheckPortsTest, H3_ABusyPortIsReportedOnceAndTriedAgainEveryFiveSeconds) {
  std::optional<test::TestListener> taken(std::in_place,
                                          SocketAddress{IpAddress::any(IpFamily::IPv4), 0});
  const std::uint16_t port = taken->address().port;
  tables_.services.upsert(web(port));
  apply();
  const std::string said =
      "default/web: node node-1 failed to start healthcheck \"default/web\" on "
      "port " +
      std::to_string(port) + " (IPv4): Address already in use";
  EXPECT_THAT(events_, ElementsAre(said));
  serving_.run([this] { EXPECT_THAT(ports_.problems(), SizeIs(1)); });

  serving_.run([this] { timers_.advance(5s); });
  EXPECT_THAT(events_, SizeIs(1));
  taken.reset();
  serving_.run([this] { timers_.advance(5s); });

  EXPECT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 503"));
  serving_.run([this] {
    EXPECT_THAT(ports_.problems(), IsEmpty());
    EXPECT_EQ(timers_.waiting(), 0);
  });
}

TEST_F(HealthCheckPortsTest, H3_ABusyPortKeepsNobodyElseOut) {
  const test::TestListener taken({IpAddress::any(IpFamily::IPv4), 0});
  const std::uint16_t port = free_port();
  tables_.services.upsert(service("api")
                              .cluster_ip("10.0.0.2")
                              .port("http", 80)
                              .health_check_node_port(taken.address().port));
  tables_.services.upsert(web(port));
  apply();

  EXPECT_THAT(Serving::ask(loopback(port), "/"), HasSubstr("\"name\": \"web\""));
}

// --- --nodeport-addresses names addresses ---

TEST_F(HealthCheckPortsTest, H3_APortListensOnTheNamedAddressesAndOnNoOther) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  listen_on({"127.0.0.2", "127.0.0.3"});
  apply();

  EXPECT_THAT(Serving::ask(at("127.0.0.2", port), "/"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(Serving::ask(at("127.0.0.3", port), "/"), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(test::try_connect(loopback(port)), ECONNREFUSED);
  serving_.run([this] { EXPECT_EQ(ports_.open_ports(), 2); });
}

TEST_F(HealthCheckPortsTest, H3_APortFollowsAddressesThatComeAndGo) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  apply();

  listen_on({"127.0.0.2"});
  EXPECT_EQ(test::try_connect(loopback(port)), ECONNREFUSED) << "it was open everywhere";
  EXPECT_THAT(Serving::ask(at("127.0.0.2", port), "/"), StartsWith("HTTP/1.1 503"));

  const UniqueFd client = test::connect_to(at("127.0.0.2", port));
  listen_on({"127.0.0.2", "127.0.0.3"});
  EXPECT_THAT(Serving::ask(at("127.0.0.3", port), "/"), StartsWith("HTTP/1.1 503"));
  test::send_all(client.get(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(test::receive_to_end(client.get()), StartsWith("HTTP/1.1 503"))
      << "what stays is not opened again";

  listen_on({"127.0.0.3"});
  EXPECT_EQ(test::try_connect(at("127.0.0.2", port)), ECONNREFUSED);

  listen_on({"0.0.0.0", "::"});
  EXPECT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(HealthCheckPortsTest, H3_AnotherReasonAtTheSamePlaceIsNews) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  listen_on({"fd00::7"});
  apply();
  ASSERT_THAT(events_, ElementsAre(HasSubstr("no address of this node")));

  const test::TestListener taken({IpAddress::any(IpFamily::IPv4), port});
  listen_on({"0.0.0.0"});

  EXPECT_THAT(events_, ElementsAre(HasSubstr("no address of this node"),
                                   EndsWith("(IPv4): Address already in use")));
  serving_.run([this] {
    EXPECT_THAT(ports_.problems(), ElementsAre(EndsWith("Address already in use")));
    timers_.advance(5s);
  });
  EXPECT_THAT(events_, SizeIs(2));
}

TEST_F(HealthCheckPortsTest, H3_AFamilyWithoutAnAddressIsAProblemUntilThereIsOne) {
  const std::uint16_t port = free_port();
  tables_.services.upsert(web(port));
  listen_on({"fd00::7"});
  apply();

  EXPECT_EQ(test::try_connect(loopback(port)), ECONNREFUSED);
  EXPECT_THAT(events_, ElementsAre(HasSubstr("no address of this node")));
  serving_.run([this] {
    EXPECT_THAT(ports_.problems(), SizeIs(1));
    EXPECT_EQ(timers_.waiting(), 0) << "time alone brings none";
  });

  listen_on({"127.0.0.1"});
  EXPECT_THAT(Serving::ask(loopback(port), "/"), StartsWith("HTTP/1.1 503"));
  serving_.run([this] { EXPECT_THAT(ports_.problems(), IsEmpty()); });
}

TEST_F(HealthCheckPortsTest, H3_OneAddressThatIsBusyKeepsNoOtherClosed) {
  const std::uint16_t port = free_port();
  std::optional<test::TestListener> taken(std::in_place, at("127.0.0.2", port));
  tables_.services.upsert(web(port));
  listen_on({"127.0.0.2", "127.0.0.3"});
  apply();

  EXPECT_THAT(Serving::ask(at("127.0.0.3", port), "/"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(events_, ElementsAre(HasSubstr(" (127.0.0.2): Address already in use")));

  taken.reset();
  serving_.run([this] { timers_.advance(5s); });
  EXPECT_THAT(Serving::ask(at("127.0.0.2", port), "/"), StartsWith("HTTP/1.1 503"));
}

}  // namespace
}  // namespace wherry::health
