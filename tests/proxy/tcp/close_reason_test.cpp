#include "proxy/tcp/close_reason.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace wherry::tcp {
namespace {

struct ConnectCase {
  const char* name;
  int error;
  ConnectError expected;
};

class ClassifyConnectError : public ::testing::TestWithParam<ConnectCase> {};

TEST_P(ClassifyConnectError, FollowsTheTable) {
  EXPECT_EQ(classify_connect_error(GetParam().error), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Errors, ClassifyConnectError,
    ::testing::Values(ConnectCase{"NobodyListens", ECONNREFUSED, ConnectError::Refused},
                      ConnectCase{"ResetWhileConnecting", ECONNRESET, ConnectError::Refused},
                      ConnectCase{"KernelGaveUp", ETIMEDOUT, ConnectError::Timeout},
                      ConnectCase{"NoRouteToHost", EHOSTUNREACH, ConnectError::Unreachable},
                      ConnectCase{"NoRouteToNet", ENETUNREACH, ConnectError::Unreachable},
                      ConnectCase{"ProcessLimit", EMFILE, ConnectError::NoDescriptors},
                      ConnectCase{"SystemLimit", ENFILE, ConnectError::NoDescriptors},
                      ConnectCase{"NoBuffers", ENOBUFS, ConnectError::NoDescriptors},
                      ConnectCase{"NoSourcePort", EADDRNOTAVAIL, ConnectError::NoPorts},
                      ConnectCase{"WatchLimit", ENOSPC, ConnectError::NoDescriptors},
                      ConnectCase{"LeadsBack", ELOOP, ConnectError::Loop},
                      ConnectCase{"Firewall", EPERM, ConnectError::Other}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ClassifyIoError, SaysWhoseDoingItWas) {
  EXPECT_EQ(classify_io_error(Side::Client, ECONNRESET), CloseReason::ClientReset);
  EXPECT_EQ(classify_io_error(Side::Client, ETIMEDOUT), CloseReason::ClientLost);
  EXPECT_EQ(classify_io_error(Side::Backend, EPIPE), CloseReason::BackendReset);
  EXPECT_EQ(classify_io_error(Side::Backend, EHOSTUNREACH), CloseReason::BackendLost);
}

TEST(CloseReason, HasAWordOfItsOwnForEachValue) {
  std::set<std::string> words;

  for (std::size_t i = 0; i < kCloseReasons; ++i) {
    words.emplace(to_string(static_cast<CloseReason>(i)));
  }

  EXPECT_EQ(words.size(), kCloseReasons);
  EXPECT_FALSE(words.contains("?"));
}

TEST(ConnectError, HasAWordOfItsOwnForEachValue) {
  std::set<std::string> words;

  for (std::size_t i = 0; i < kConnectErrors; ++i) {
    words.emplace(to_string(static_cast<ConnectError>(i)));
  }

  EXPECT_EQ(words.size(), kConnectErrors);
  EXPECT_FALSE(words.contains("?"));
}

TEST(CloseReason, EndsInGoodOrderOnlyWhereBothSidesDidOrNothingHappened) {
  EXPECT_FALSE(ends_with_reset(CloseReason::Finished));
  EXPECT_FALSE(ends_with_reset(CloseReason::IdleTimeout));
  EXPECT_TRUE(ends_with_reset(CloseReason::BackendReset));
  EXPECT_TRUE(ends_with_reset(CloseReason::NoEndpoints));
  EXPECT_TRUE(ends_with_reset(CloseReason::Shutdown));
}

}  // namespace
}  // namespace wherry::tcp
