#include "watcher/api/outage_log.h"

#include "tests/support/log_capture.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;

class OutageLogTest : public ::testing::Test {
 protected:
  void fail(const std::string& resource, ApiErrc code) {
    log_.update(resource, ApiFailure{code, "the reason", {}, 0}, clock_.now());
  }
  void recover(const std::string& resource) { log_.update(resource, std::nullopt, clock_.now()); }
  [[nodiscard]] std::size_t lines() const { return capture_.lines().size(); }

  test::LogCapture capture_;
  test::ManualClock clock_;
  OutageLog log_{"https://api.test:6443"};
};

TEST_F(OutageLogTest, A34_OneTroubleOfAllResourcesIsOneLineAndItsEndAnother) {
  for (int retry = 0; retry < 100; ++retry) {
    for (const char* resource : {"services", "endpointslices", "nodes"}) {
      fail(resource, ApiErrc::Refused);
    }
    clock_.advance(30s);
  }
  EXPECT_EQ(lines(), 1u);
  EXPECT_EQ(capture_.count("https://api.test:6443"), 1u);
  EXPECT_EQ(capture_.count("the reason"), 1u);

  recover("services");
  recover("nodes");
  EXPECT_EQ(lines(), 1u) << "one resource still suffers";
  recover("endpointslices");
  EXPECT_EQ(lines(), 2u);
  EXPECT_EQ(capture_.count("is followed again"), 1u);
  EXPECT_EQ(capture_.count("50m"), 1u) << "how long it lasted";
}

TEST_F(OutageLogTest, AnotherKindOfTroubleIsAnotherLineOnce) {
  for (int retry = 0; retry < 20; ++retry) {
    fail("services", ApiErrc::Refused);
    fail("services", ApiErrc::Timeout);
  }
  EXPECT_EQ(lines(), 2u);
}

TEST_F(OutageLogTest, OneResourcesOwnTroubleNamesIt) {
  for (int retry = 0; retry < 20; ++retry) fail("nodes", ApiErrc::Forbidden);
  EXPECT_EQ(lines(), 1u);
  EXPECT_EQ(capture_.count("nodes"), 1u);
  recover("nodes");
  EXPECT_EQ(lines(), 2u);
  EXPECT_EQ(capture_.count("tells of this resource again"), 1u);
}

TEST_F(OutageLogTest, TheSameTroubleLaterIsToldAgain) {
  fail("services", ApiErrc::Refused);
  recover("services");
  fail("services", ApiErrc::Refused);
  EXPECT_EQ(lines(), 3u);
}

TEST_F(OutageLogTest, WhatNeverFailedDoesNotRecover) {
  recover("services");
  EXPECT_EQ(lines(), 0u);
}

TEST_F(OutageLogTest, ASharedTroubleOnTopOfOnesOwnEndsWithIt) {
  fail("nodes", ApiErrc::Forbidden);
  fail("nodes", ApiErrc::Refused);
  fail("nodes", ApiErrc::Forbidden);
  recover("nodes");
  EXPECT_EQ(capture_.count("is followed again"), 1u);
  EXPECT_EQ(capture_.count("tells of this resource again"), 1u);
}

}  // namespace
}  // namespace wherry::api
