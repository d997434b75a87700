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
                   "the limit on open files is reached; raise it (ulimit -n, LimitNOFILE)"},
        RemedyCase{"AnythingElse", errc::no_buffer_space, "it is tried again every few seconds"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace wherry::steer
