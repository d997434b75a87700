#include "proxy/steer/problem_log.h"

#include "tests/support/log_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::steer {
namespace {

using Kind = ListenProblem::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProblemLogTest : public ::testing::Test {
 protected:
  static ListenProblem problem(const std::string& service, Kind kind) {
    ListenProblem one;
    one.service_port.service = {"default", service};
    one.text = "about " + service;
    one.kind = kind;
    return one;
  }

  test::LogCapture log_;
  std::vector<std::string> told_;
  ProblemLog problems_{
      [this](const model::ObjectKey& of, const std::string& reason, const std::string& text) {
        told_.push_back(of.to_string() + ' ' + reason + ": " + text);
      }};
};

TEST_F(ProblemLogTest, U1_OwnersAreToldOnceOfAProtocolThatIsNotCarried) {
  problems_.update({problem("sig", Kind::NotCarried)}, {});
  problems_.update({problem("sig", Kind::NotCarried)}, {});

  EXPECT_EQ(log_.count("about sig"), 1u);
  EXPECT_THAT(told_, ElementsAre("default/sig ProtocolNotSupported: about sig"));
}

TEST_F(ProblemLogTest, WhatComesBackIsNews) {
  problems_.update({problem("sig", Kind::NotCarried)}, {"the map is full"});
  problems_.update({}, {});
  problems_.update({problem("sig", Kind::NotCarried)}, {"the map is full"});

  EXPECT_EQ(log_.count("about sig"), 2u);
  EXPECT_EQ(log_.count("the map is full"), 2u);
  EXPECT_EQ(told_.size(), 2u);
}

TEST_F(ProblemLogTest, WhatIsTheOperatorsIsInTheLogAlone) {
  problems_.update({problem("old", Kind::Conflict), problem("odd", Kind::Fault)}, {"no lo"});

  EXPECT_EQ(log_.lines().size(), 3u);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(ProblemLogTest, AFamilyThatTheMachineLacksIsNoNews) {
  problems_.update({problem("dual", Kind::NoFamily)}, {});

  EXPECT_THAT(log_.lines(), IsEmpty());
  EXPECT_THAT(told_, IsEmpty());
}

TEST(ProblemLogWithoutAnybodyToTell, U1_TheLogHasIt) {
  const test::LogCapture log;
  ProblemLog problems({});
  ListenProblem sctp;
  sctp.text = "SCTP is not carried";
  sctp.kind = Kind::NotCarried;
  problems.update({sctp}, {});

  EXPECT_EQ(log.count("SCTP is not carried"), 1u);
}

}  // namespace
}  // namespace wherry::steer
