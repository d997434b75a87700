#include "proxy/steer/bind_steering.h"

#include "tests/proxy/steer/bind_steering_fixture.h"
#include "tests/support/builders.h"

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace wherry::steer {
namespace {

using namespace std::chrono_literals;
using test::ip;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace errc = boost::system::errc;

// --- what is forwarded has a listener ---

TEST_F(BindSteeringTest, OpensNothingBeforeTheFirstTable) {
  EXPECT_THAT(host_.told, IsEmpty());
  EXPECT_THAT(sockets_.attempts, IsEmpty());
}

TEST_F(BindSteeringTest, OpensWhatIsForwarded) {
  serve(web());

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));
  EXPECT_TRUE(is_serving("127.0.0.1:80", "web"));
  EXPECT_EQ(steering_->open_addresses(), 1u);
}

TEST_F(BindSteeringTest, E9_WhatIsRejectedHasNoListener) {
  tables_.services.upsert(web());

  EXPECT_THAT(apply(), IsEmpty());
  EXPECT_THAT(sockets_.attempts, IsEmpty());
  EXPECT_THAT(listening("web"), ElementsAre("127.0.0.1:80"));
}

TEST_F(BindSteeringTest, E9_ClosesWhenTheLastEndpointGoesAndOpensWhenOneComes) {
  serve(web());
  apply();

  set_ready("web", false);
  EXPECT_THAT(apply(), ElementsAre("close 127.0.0.1:80"));
  EXPECT_THAT(acknowledge(), IsEmpty());

  set_ready("web", true);
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));
}

TEST_F(BindSteeringTest, OpensAgainOnlyOnceTheWorkersHaveLetGo) {
  serve(web());
  apply();
  set_ready("web", false);
  apply();

  set_ready("web", true);
  EXPECT_THAT(apply(), IsEmpty());
  EXPECT_EQ(steering_->open_addresses(), 0u);

  EXPECT_THAT(acknowledge(), ElementsAre("open 127.0.0.1:80"));
}

TEST_F(BindSteeringTest, StaysClosedIfNobodyWantsTheAddressOnceTheWorkersHaveLetGo) {
  serve(web());
  apply();
  set_ready("web", false);
  apply();
  set_ready("web", true);
  apply();
  set_ready("web", false);
  apply();

  EXPECT_THAT(acknowledge(), IsEmpty());
}

TEST_F(BindSteeringTest, AChangeAmongEndpointsLeavesTheListenerAlone) {
  serve(web());
  apply();

  tables_.slices.upsert(slice("web-2", "web").port("", 8080).endpoint("10.1.0.2"));

  EXPECT_THAT(apply(), IsEmpty());
}

TEST_F(BindSteeringTest, ClosesWhenTheServiceGoes) {
  serve(web());
  apply();

  remove("web");

  EXPECT_THAT(apply(), ElementsAre("close 127.0.0.1:80"));
}

TEST_F(BindSteeringTest, MovesWithTheServicesAddress) {
  serve(web());
  apply();

  tables_.services.upsert(web().annotation("wherry.io/listen-address", "127.0.0.5"));

  EXPECT_THAT(apply(), ElementsAre("close 127.0.0.1:80", "open 127.0.0.5:80"));
}

TEST_F(BindSteeringTest, U1_UdpHasListenersOfItsOwn) {
  tables_.services.upsert(
      service("dns").port("tcp", 53).port("udp", 53, std::uint16_t{0}, Protocol::UDP));
  tables_.slices.upsert(
      slice("dns-1", "dns").port("tcp", 53).port("udp", 53, Protocol::UDP).endpoint("10.1.0.1"));

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:53", "open 127.0.0.1:53/UDP"));
  EXPECT_TRUE(steering_->carries_udp());
  EXPECT_THAT(steering_->not_carried(), IsEmpty());
  EXPECT_THAT(steering_->problems(), IsEmpty());
}

TEST_F(BindSteeringTest, E9_UdpWithoutEndpointsHasNoListener) {
  tables_.services.upsert(service("dns").port("", 53, std::uint16_t{0}, Protocol::UDP));
  tables_.slices.upsert(slice("dns-1", "dns").port("", 53, Protocol::UDP).endpoint("10.1.0.1"));
  apply();

  tables_.slices.upsert(slice("dns-1", "dns").port("", 53, Protocol::UDP).not_ready("10.1.0.1"));
  EXPECT_THAT(apply(), ElementsAre("close 127.0.0.1:53/UDP"));
  acknowledge();
  tables_.slices.upsert(slice("dns-1", "dns").port("", 53, Protocol::UDP).endpoint("10.1.0.1"));
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:53/UDP"));
}

TEST_F(BindSteeringTest, U2_NoFilterCutsFlowsOfUdp) {
  const auto dns = [](model::TrafficPolicy policy) {
    return service("dns")
        .port("", 53, std::uint16_t{0}, Protocol::UDP)
        .internal_policy(policy)
        .cluster_ip("127.0.0.9");
  };
  tables_.services.upsert(dns(model::TrafficPolicy::Cluster));
  tables_.slices.upsert(
      slice("dns-1", "dns").port("", 53, Protocol::UDP).endpoint("10.1.0.1").on_node("other"));
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.9:53/UDP"));

  tables_.services.upsert(dns(model::TrafficPolicy::Local));

  EXPECT_THAT(apply(), IsEmpty()) << "E6: everybody is dropped now, by the workers";
}

TEST_F(BindSteeringTest, U1_SctpHasNoListenerAndIsNamedOnceInTheLogAndOnItsService) {
  tables_.services.upsert(service("m3ua").port("", 2905, std::uint16_t{0}, Protocol::SCTP));
  tables_.slices.upsert(
      slice("m3ua-1", "m3ua").port("", 2905, Protocol::SCTP).endpoint("10.1.0.1"));

  EXPECT_THAT(apply(), IsEmpty());
  EXPECT_THAT(steering_->not_carried(),
              ElementsAre("service port default/m3ua/SCTP/IPv4: SCTP is not carried, only TCP and "
                          "UDP are"));
  EXPECT_THAT(steering_->problems(), IsEmpty());
  serve(web());
  apply();
  steering_->addresses_changed();
  EXPECT_EQ(log_.count("default/m3ua/SCTP/IPv4: SCTP is not carried"), 1u);
  EXPECT_THAT(events_, ElementsAre("default/m3ua ProtocolNotSupported"));
  EXPECT_EQ(metric("wherry_listen_conflicts"), 0);
}

// --- who owns an address ---

TEST_F(BindSteeringTest, AListenerServesTheNewOwnerWithoutClosing) {
  serve(api());
  apply();

  serve(old_web());

  EXPECT_THAT(apply(), ElementsAre("retarget 127.0.0.1:80"));
  EXPECT_TRUE(is_serving("127.0.0.1:80", "web"));
}

TEST_F(BindSteeringTest, TheNextServiceTakesOverWithoutClosingWhenTheOwnerGoes) {
  serve(old_web());
  serve(api());
  apply();
  EXPECT_TRUE(is_serving("127.0.0.1:80", "web"));

  remove("web");

  EXPECT_THAT(apply(), ElementsAre("retarget 127.0.0.1:80"));
  EXPECT_TRUE(is_serving("127.0.0.1:80", "api"));
}

TEST_F(BindSteeringTest, AServiceThatComesBackInOneTableIsServedAnew) {
  serve(web());
  apply();
  remove("web");
  tables_.build();
  tables_.services.upsert(web());

  EXPECT_THAT(apply(), ElementsAre("retarget 127.0.0.1:80"));
  EXPECT_TRUE(is_serving("127.0.0.1:80", "web"));
}

TEST_F(BindSteeringTest, AnOwnerWithoutEndpointsKeepsItsAddressClosed) {
  tables_.services.upsert(old_web());
  serve(api());

  EXPECT_THAT(apply(), IsEmpty());
  EXPECT_THAT(listening("api"), IsEmpty());

  remove("web");
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));
}

TEST_F(BindSteeringTest, AConflictIsLoggedOnceAndNamedUntilItIsSettled) {
  serve(old_web());
  serve(api());
  apply();
  serve(service("other").port("", 81));
  apply();
  const std::string conflict =
      "127.0.0.1:80 belongs to the older service port default/web/TCP/IPv4";

  EXPECT_EQ(log_.count(conflict), 1u);
  ASSERT_EQ(steering_->problems().size(), 1u);
  EXPECT_THAT(steering_->problems()[0], ::testing::HasSubstr(conflict));
  EXPECT_EQ(metric("wherry_listen_conflicts"), 1);
  EXPECT_THAT(listening("api"), IsEmpty());

  remove("web");
  apply();
  EXPECT_THAT(steering_->problems(), IsEmpty());
  EXPECT_EQ(metric("wherry_listen_conflicts"), 0);

  serve(old_web());
  apply();
  EXPECT_EQ(log_.count(conflict), 2u);
}

// --- addresses of this machine ---

TEST_F(BindSteeringTest, MovesToTheClusterIpWhenItBecomesLocalAndBack) {
  serve(web().cluster_ip("10.0.0.1"));
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));

  local_.addresses.insert(ip("10.0.0.1"));
  steering_->addresses_changed();
  EXPECT_THAT(host_.take_told(), ElementsAre("open 10.0.0.1:80", "close 127.0.0.1:80"));
  acknowledge();

  local_.addresses.clear();
  steering_->addresses_changed();
  EXPECT_THAT(host_.take_told(), ElementsAre("close 10.0.0.1:80", "open 127.0.0.1:80"));
}

TEST_F(BindSteeringTest, AddressesThatDoNotMatterChangeNothing) {
  serve(web());
  apply();

  local_.addresses.insert(ip("10.0.0.1"));
  steering_->addresses_changed();

  EXPECT_THAT(host_.take_told(), IsEmpty());
}

TEST_F(BindSteeringTest, ABusyPortIsTriedAtOnceWhenAddressesChange) {
  sockets_.refuse("192.0.2.7:80", errc::address_not_available);
  serve(web().annotation("wherry.io/listen-address", "192.0.2.7"));
  apply();
  sockets_.allow("192.0.2.7:80");

  steering_->addresses_changed();

  EXPECT_THAT(host_.take_told(), ElementsAre("open 192.0.2.7:80"));
}

// --- the pool ---

class BindSteeringPoolTest : public BindSteeringTest {
 protected:
  BindSteeringPoolTest() : BindSteeringTest(rules()) {}
  static ListenRules rules() {
    ListenRules rules;
    rules.pool = Cidr::parse("127.64.0.0/30").value();  // two addresses
    return rules;
  }
};

TEST_F(BindSteeringPoolTest, TheOldestOfOneTableChoosesFirst) {
  // a and c both hash to .1; c, the older one, stands after a in every other order.
  serve(service("a").port("", 80).created("2026-01-02T00:00:00Z"));
  serve(service("c").port("", 80).created("2026-01-01T00:00:00Z"));
  apply();

  EXPECT_THAT(listening("c"), ElementsAre("127.64.0.1:80"));
  EXPECT_THAT(listening("a"), ElementsAre("127.64.0.2:80"));
}

TEST_F(BindSteeringPoolTest, AServiceWithoutAnAddressGetsTheOneThatComesFree) {
  serve(service("a").port("", 80));
  serve(service("b").port("", 80));
  apply();
  serve(service("c").port("", 80));
  EXPECT_THAT(apply(), IsEmpty());
  EXPECT_EQ(steering_->problems().size(), 1u);

  remove("a");

  EXPECT_THAT(apply(), ElementsAre("retarget 127.64.0.1:80"));
  EXPECT_TRUE(is_serving("127.64.0.1:80", "c"));
  EXPECT_THAT(steering_->problems(), IsEmpty());
}

TEST_F(BindSteeringPoolTest, AServiceWithoutAnAddressGetsTheOneThatAnotherGivesUp) {
  serve(service("a").port("", 80));
  serve(service("b").port("", 80));
  serve(service("c").port("", 80));
  apply();

  serve(service("a").port("", 80).annotation("wherry.io/listen-address", "127.0.0.9"));

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.9:80", "retarget 127.64.0.1:80"));
  EXPECT_THAT(steering_->problems(), IsEmpty());
}

// --- the end ---

TEST_F(BindSteeringTest, OpensNothingMoreOnceItIsStopped) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  serve(service("other").port("", 81));
  apply();
  sockets_.allow("127.0.0.1:80");

  steering_->stop();
  advance(10s);
  serve(service("third").port("", 82));

  EXPECT_THAT(apply(), IsEmpty());
  EXPECT_EQ(timers_.waiting(), 0u);
}

TEST_F(BindSteeringTest, DoesNotOpenAgainWhatWasClosingWhenItWasStopped) {
  serve(web());
  apply();
  set_ready("web", false);
  apply();
  set_ready("web", true);
  apply();

  steering_->stop();

  EXPECT_THAT(acknowledge(), IsEmpty());
}

TEST_F(BindSteeringTest, WorkersMayLetGoAfterItIsGone) {
  serve(web());
  apply();
  set_ready("web", false);
  apply();

  steering_.reset();

  EXPECT_THAT(acknowledge(), IsEmpty());
}

}  // namespace
}  // namespace wherry::steer
