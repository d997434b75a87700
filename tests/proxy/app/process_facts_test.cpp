#include "proxy/app/process_facts.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::app {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::Pair;

config::Options options() {
  config::Options options;
  options.manifests = {"/a folder", "/b"};
  options.workers = 2;
  return options;
}

TEST(FlagsInForce, H4_NameEveryValueOnce) {
  const auto flags = flags_in_force(options());

  EXPECT_THAT(flags, Contains(Pair("workers", "2")));
  EXPECT_THAT(flags, Contains(Pair("admin-address", "127.0.0.1:10249")));
  EXPECT_THAT(flags, Not(Contains(Pair("metrics-bind-address", ::testing::_))));
  EXPECT_THAT(flags, Not(Contains(Pair(::testing::_, ""))));
  EXPECT_TRUE(std::is_sorted(flags.begin(), flags.end()));
}

TEST(ConfigurationInForce, H4_IsAConfigurationFileAsJson) {
  const boost::json::object read =
      boost::json::parse(configuration_in_force(options())).as_object();

  EXPECT_EQ(read.at("apiVersion"), "wherry.io/v1alpha1");
  EXPECT_EQ(read.at("kind"), "Configuration");
  EXPECT_EQ(read.at("workers"), 2);
  EXPECT_EQ(read.at("bindAddressHardFail"), false);
  EXPECT_EQ(read.at("manifests"), (boost::json::array{"/a folder", "/b"}));
  EXPECT_EQ(read.at("drainTimeout"), "25s");
}

}  // namespace
}  // namespace wherry::app
