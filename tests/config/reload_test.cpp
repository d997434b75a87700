#include "config/reload.h"

#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kOwn = "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n";
const std::string kKubeProxys =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

class Reload : public ::testing::Test {
 protected:
  /// What the second text changes for a process that was started with the first.
  std::variant<ConfigChange, Faults> change(const std::string& before, const std::string& after,
                                            std::vector<std::string> flags = {}) {
    folder_.write("c.yaml", before);
    std::vector<std::string> arguments{"run", "--config", folder_ / "c.yaml"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto read = read_command_line(arguments);
    const auto& run = std::get<RunCommand>(std::get<Command>(read));
    folder_.write("c.yaml", after);
    return reread(run);
  }
  ConfigChange changed(const std::string& before, const std::string& after,
                       std::vector<std::string> flags = {}) {
    return std::get<ConfigChange>(change(before, after, std::move(flags)));
  }

  test::TempFolder folder_;
};

TEST_F(Reload, C1_OfOurOwnFileSomeSettingsAreTakenAtOnce) {
  const ConfigChange found =
      changed(kOwn, kOwn + "logLevel: debug\nlogFormat: json\ndrainTimeout: 1s\nmaxSessions: 9\n");

  EXPECT_THAT(found.live, ElementsAre("max-sessions", "drain-timeout", "log-level", "log-format"));
  EXPECT_THAT(found.restart, IsEmpty());
  EXPECT_EQ(found.options.max_sessions, 9u);
}

TEST_F(Reload, C1_OthersNeedANewProcess) {
  const ConfigChange found =
      changed(kOwn + "workers: 2\n", kOwn + "logLevel: debug\nnodeName: b\n");

  EXPECT_THAT(found.live, ElementsAre("log-level"));
  EXPECT_THAT(found.restart, ElementsAre("node-name", "workers"));
}

TEST_F(Reload, C1_WhatAFlagOverridesOrSaysTheSameIsNoChange) {
  const ConfigChange found =
      changed(kOwn + "workers: 2\nidleTimeout: 60s\n",
              kOwn + "# as before\nidleTimeout: 1m\nworkers: 3\n", {"--workers=4"});

  EXPECT_THAT(found.live, IsEmpty());
  EXPECT_THAT(found.restart, IsEmpty());
}

TEST_F(Reload, C1_ABrokenFileSaysWhatIsWrong) {
  const auto found = change(kOwn, kOwn + "workers: many\n");

  EXPECT_THAT(std::get<Faults>(found).at(0).to_string(), HasSubstr("workers"));
}

TEST_F(Reload, C1_OfKubeProxysFileEveryChangeNeedsANewProcess) {
  EXPECT_THAT(changed(kKubeProxys, kKubeProxys + "logging: {verbosity: 4}\n"
                                                 "conntrack: {maxPerCore: 0}\n")
                  .restart,
              ElementsAre("logging.verbosity", "conntrack.maxPerCore"));
  EXPECT_THAT(
      changed(kKubeProxys + "mode: ipvs\n", kKubeProxys + "# same\nmode: \"ipvs\"\n").restart,
      IsEmpty());
  EXPECT_THAT(changed(kOwn, kKubeProxys + "mode: ipvs\n").restart,
              ElementsAre("apiVersion", "mode"));
}

}  // namespace
}  // namespace wherry::config
