// What can't be opened: reported once, tried again, in nobody's way.
#include "tests/proxy/steer/bind_steering_fixture.h"

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>

namespace wherry::steer {
namespace {

using namespace std::chrono_literals;
using test::service;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace errc = boost::system::errc;

class BindSteeringBusyTest : public BindSteeringTest {};

// --- descriptors are shared with sessions ---

class BindSteeringScarceTest : public BindSteeringTest {
 protected:
  BindSteeringScarceTest() : BindSteeringTest({}, 12) {}
  void serve_many(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      serve(service("s" + std::to_string(i)).port("", static_cast<std::uint16_t>(100 + i)));
    }
  }
};

TEST_F(BindSteeringScarceTest, FewAddressesGetASocketForEachWorker) {
  serve_many(0, 2);
  apply();

  EXPECT_EQ(steering_->open_sockets(), 6u);
}

TEST_F(BindSteeringScarceTest, ManyAddressesGetOneEachSpreadOverTheWorkers) {
  serve_many(0, 12);
  apply();

  EXPECT_EQ(steering_->open_addresses(), 12u);
  EXPECT_THAT(host_.sockets_of_worker,
              ElementsAre(std::pair(0u, 4), std::pair(1u, 4), std::pair(2u, 4)));
}

TEST_F(BindSteeringScarceTest, AddressesThatComeOneByOneLeaveRoomForTheNext) {
  for (int i = 0; i < 8; ++i) {
    serve_many(i, 1);
    apply();
  }

  EXPECT_EQ(steering_->open_addresses(), 8u);
  EXPECT_LE(steering_->open_sockets(), 12u);
}

TEST_F(BindSteeringScarceTest, WhatDoesNotFitIsBusyAndOpensWhenAnotherGoes) {
  serve_many(0, 13);
  apply();
  EXPECT_EQ(steering_->open_addresses(), 12u);
  EXPECT_EQ(metric("wherry_busy_ports"), 1);
  EXPECT_EQ(log_.count("raise it (ulimit -n, LimitNOFILE)"), 1u);

  remove("s0");
  apply();
  acknowledge();
  EXPECT_EQ(changes_, 1);
  advance(2s);

  EXPECT_EQ(steering_->open_addresses(), 12u);
  EXPECT_EQ(metric("wherry_busy_ports"), 0);
}

// --- the wildcard and the others of its port ---

TEST_F(BindSteeringTest, OpensTheWildcardOnlyOnceTheAddressesThatItTakesInAreClosed) {
  serve(web().annotation("wherry.io/listen-address", "127.0.0.5").created("2026-01-02T00:00:00Z"));
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.5:80"));

  serve(api().annotation("wherry.io/listen-address", "0.0.0.0").created("2026-01-01T00:00:00Z"));
  EXPECT_THAT(apply(), ElementsAre("close 127.0.0.5:80"));
  EXPECT_THAT(acknowledge(), ElementsAre("open 0.0.0.0:80"));

  remove("api");
  EXPECT_THAT(apply(), ElementsAre("close 0.0.0.0:80"));
  EXPECT_THAT(acknowledge(), ElementsAre("open 127.0.0.5:80"));
  EXPECT_EQ(sockets_.attempts["0.0.0.0:80"], 1);
}

TEST_F(BindSteeringBusyTest, ABusyPortIsReportedOnceAndTriedEveryTwoSecondsUntilItOpens) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  EXPECT_THAT(apply(), IsEmpty());

  EXPECT_THAT(advance(1999ms), IsEmpty());
  EXPECT_EQ(sockets_.attempts["127.0.0.1:80"], 1);
  advance(1ms);
  EXPECT_EQ(sockets_.attempts["127.0.0.1:80"], 2);
  advance(4s);
  EXPECT_EQ(sockets_.attempts["127.0.0.1:80"], 4);
  EXPECT_EQ(log_.count("a service port can't be opened"), 1u);

  sockets_.allow("127.0.0.1:80");
  EXPECT_THAT(advance(2s), ElementsAre("open 127.0.0.1:80"));
  EXPECT_EQ(log_.count("a service port can be opened now"), 1u);

  advance(10s);
  EXPECT_EQ(sockets_.attempts["127.0.0.1:80"], 5);
  EXPECT_EQ(timers_.waiting(), 0u);
}

TEST_F(BindSteeringBusyTest, ABusyPortIsNamedAndCounted) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  apply();

  EXPECT_THAT(steering_->problems(),
              ElementsAre("service port default/web/TCP/IPv4: 127.0.0.1:80 can't be opened: "
                          "Address already in use"));
  EXPECT_THAT(listening("web"), IsEmpty());
  EXPECT_EQ(metric("wherry_busy_ports"), 1);
  EXPECT_EQ(metric("wherry_listeners"), 0);

  sockets_.allow("127.0.0.1:80");
  advance(2s);

  EXPECT_THAT(steering_->problems(), IsEmpty());
  EXPECT_THAT(listening("web"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(metric("wherry_busy_ports"), 0);
  EXPECT_EQ(metric("wherry_listeners"), 1);
}

TEST_F(BindSteeringBusyTest, ABusyPortKeepsNobodyElseFromBeingServed) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  serve(service("other").port("", 81));

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:81"));
}

TEST_F(BindSteeringBusyTest, ABusyPortThatNobodyWantsAnyMoreIsLeftAlone) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  apply();

  remove("web");
  apply();
  advance(10s);

  EXPECT_EQ(sockets_.attempts["127.0.0.1:80"], 1);
  EXPECT_THAT(steering_->problems(), IsEmpty());
  EXPECT_EQ(metric("wherry_busy_ports"), 0);
  EXPECT_EQ(timers_.waiting(), 0u);
}

TEST_F(BindSteeringBusyTest, ABusyPortOfAServiceWithoutEndpointsIsLeftAlone) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  apply();

  set_ready("web", false);
  apply();
  advance(10s);

  EXPECT_EQ(sockets_.attempts["127.0.0.1:80"], 1);
}

TEST_F(BindSteeringBusyTest, AnotherReasonIsReportedAnew) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(web());
  apply();

  sockets_.refuse("127.0.0.1:80", errc::permission_denied);
  advance(4s);

  EXPECT_EQ(log_.count("a service port can't be opened"), 2u);
}

TEST_F(BindSteeringBusyTest, SeveralBusyPortsAreTriedTogether) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  sockets_.refuse("127.0.0.1:81", errc::address_in_use);
  serve(web());
  serve(service("other").port("", 81));
  apply();
  EXPECT_EQ(timers_.waiting(), 1u);

  sockets_.allow("127.0.0.1:80");
  sockets_.allow("127.0.0.1:81");

  EXPECT_THAT(advance(2s), ElementsAre("open 127.0.0.1:80", "open 127.0.0.1:81"));
}

TEST_F(BindSteeringBusyTest, ABusyPortIsTriedAtOnceForItsNextOwner) {
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  serve(old_web());
  serve(api());
  apply();
  sockets_.allow("127.0.0.1:80");

  remove("web");

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));
  EXPECT_TRUE(is_serving("127.0.0.1:80", "api"));
}

TEST_F(BindSteeringBusyTest, AnAddressThatIsBusyWhenItComesBackIsTriedAgain) {
  serve(web());
  apply();
  set_ready("web", false);
  apply();
  acknowledge();
  sockets_.refuse("127.0.0.1:80", errc::address_in_use);
  set_ready("web", true);
  EXPECT_THAT(apply(), IsEmpty());

  sockets_.allow("127.0.0.1:80");

  EXPECT_THAT(advance(2s), ElementsAre("open 127.0.0.1:80"));
}

struct RemedyCase {
  const char* name;
  errc::errc_t error;
  std::string remedy;
};
std::ostream& operator<<(std::ostream& out, const RemedyCase& each) { return out << each.name; }

class BindSteeringRemedy : public BindSteeringTest,
                           public ::testing::WithParamInterface<RemedyCase> {};

TEST_P(BindSteeringRemedy, IsLoggedWithTheServiceTheAddressAndTheReason) {
  sockets_.refuse("127.0.0.1:80", GetParam().error);
  serve(web());
  apply();

  const Texts lines = log_.lines();
  ASSERT_EQ(lines.size(), 1u);
  const std::string& line = lines[0];
  EXPECT_THAT(line, HasSubstr("default/web/TCP/IPv4"));
  EXPECT_THAT(line, HasSubstr("127.0.0.1:80"));
  EXPECT_THAT(line, HasSubstr(errc::make_error_code(GetParam().error).message()));
  EXPECT_THAT(line, HasSubstr(GetParam().remedy));
}

INSTANTIATE_TEST_SUITE_P(
    Errors, BindSteeringRemedy,
    ::testing::Values(
        RemedyCase{"InUse", errc::address_in_use,
                   "another process listens there; stop it, or give the Service the annotation "
                   "wherry.io/listen-address"},
        RemedyCase{"Permission", errc::permission_denied,
                   "ports below 1024 need CAP_NET_BIND_SERVICE; grant it, or give --port-offset "
                   "(with 8000 port 80 becomes 8080)"},
        RemedyCase{"NotOurs", errc::address_not_available,
                   "it is no address of this machine; add it, or listen elsewhere with "
                   "--listen-address"},
        RemedyCase{"Descriptors", errc::too_many_files_open,
                   "the limit on open files is reached (sessions need some too); raise it (ulimit "
                   "-n, LimitNOFILE)"},
        RemedyCase{"AnythingElse", errc::no_buffer_space, "it is tried again every few seconds"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace wherry::steer
