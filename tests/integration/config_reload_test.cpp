#include "tests/integration/rig.h"
#include "tests/support/net_namespace.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace wherry::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kOwn = "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n";
const std::string kKubeProxys =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

/// Whether wherry's log says it before long.
bool says(const WherryProcess& wherry, const std::string& text) {
  return eventually([&] { return wherry.log().find(text) != std::string::npos; });
}

class ConfigReload : public ::testing::Test {
 protected:
  WherryProcess& run_with(const std::string& text) {
    rig_.folder.write("conf/c.yaml", text);
    // A KubeProxyConfiguration alone would take the traffic of the machine.
    return rig_.run({"--config", rig_.folder / "conf/c.yaml", "--steering", "bind"});
  }
  void change_to(const std::string& text) { rig_.folder.write("conf/c.yaml", text); }

  Rig rig_;
};

TEST_F(ConfigReload, C1_WhatIsSafeIsTakenAtOnceAndABrokenFileChangesNothing) {
  WherryProcess& wherry = run_with(kOwn + "maxSessions: 5\n");

  change_to(kOwn + "maxSessions: many\n");
  ASSERT_TRUE(says(wherry, "the configuration file is broken")) << wherry.log();
  EXPECT_EQ(wherry.metric("wherry_tcp_sessions_limit"), 5);
  change_to(kOwn + "maxSessions: 7\n");
  ASSERT_TRUE(says(wherry, "the change is in force")) << wherry.log();

  EXPECT_EQ(wherry.metric("wherry_tcp_sessions_limit"), 7);
  EXPECT_EQ(wherry.stop(), 0);
}

TEST_F(ConfigReload, C1_WhatIsNotEndsTheProcessWithTheNameOfTheSetting) {
  WherryProcess& wherry = run_with(kOwn + "nodeName: a\n");

  change_to(kOwn + "nodeName: b\n");

  EXPECT_EQ(wherry.wait(), 75);
  EXPECT_THAT(wherry.log(), HasSubstr("node-name"));
}

TEST_F(ConfigReload, C1_AConfigMapIsSwappedByItsLink) {
  rig_.folder.write("conf/v1/c.yaml", kOwn + "maxSessions: 5\n");
  rig_.folder.write("conf/v2/c.yaml", kOwn + "maxSessions: 7\n");
  const fs::path conf = rig_.folder.path() / "conf";
  fs::create_directory_symlink("v1", conf / "..data");
  fs::create_symlink("..data/c.yaml", conf / "c.yaml");
  WherryProcess& wherry = rig_.run({"--config", (conf / "c.yaml").string()});

  fs::create_directory_symlink("v2", conf / "..data_tmp");
  fs::rename(conf / "..data_tmp", conf / "..data");

  ASSERT_TRUE(says(wherry, "the change is in force")) << wherry.log();
  EXPECT_EQ(wherry.metric("wherry_tcp_sessions_limit"), 7);
}

TEST_F(ConfigReload, C1_AnyChangeOfKubeProxysFileEndsTheProcessAndNoChangeDoesNot) {
  WherryProcess& wherry = run_with(kKubeProxys + "oomScoreAdj: 0\n");

  change_to(kKubeProxys + "# the same\noomScoreAdj: 0\n");
  EXPECT_FALSE(eventually([&] { return !wherry.runs(); }, std::chrono::milliseconds(500)));
  change_to(kKubeProxys + "oomScoreAdj: 0\nconntrack: {min: 5}\n");

  EXPECT_EQ(wherry.wait(), 75);
  EXPECT_THAT(wherry.log(), HasSubstr("conntrack.min"));
}

TEST_F(ConfigReload, R6_TheScoreIsSetWhereThatIsAllowed) {
  WherryProcess& wherry = run_with(kOwn + "oomScoreAdj: 500\n");

  std::ifstream file("/proc/" + std::to_string(wherry.pid()) + "/oom_score_adj");
  int score = 0;
  file >> score;
  EXPECT_EQ(score, 500);
}

TEST(ConfigCommands, C6_WritesAKubeProxyConfigurationThatIsReadAgain) {
  const TempFolder folder;
  const auto written =
      wherry({"--write-config-to", folder / "k.yaml", "--proxy-mode=ipvs", "--ipvs-scheduler=lc"});
  EXPECT_EQ(written.exit_code, 0) << written.err;

  std::ifstream file(folder / "k.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_THAT(text, HasSubstr("\n  scheduler: lc\n"));
  const auto again =
      wherry({"run", "--config", folder / "k.yaml", "--write-config-to", folder / "l.yaml"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(wherry({"run", "--write-config-to", "/nowhere/k.yaml"}).exit_code, 74);
}

TEST(ConfigCommands, R5_CleanupAndInitSayWhatIsLeft) {
  // Cleaning up takes the node's lock for a moment, and what it finds: not the machine's own.
  if (const std::string why = why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
  const NetNamespace node;
  const NetNamespace::Inside inside(node);
  const TempFolder folder;
  const std::string run_dir = "--run-dir=" + folder.path().string();
  const auto cleanup = wherry({"cleanup", run_dir});
  EXPECT_EQ(cleanup.exit_code, 0) << cleanup.err;
  EXPECT_THAT(cleanup.out, HasSubstr("nothing is left of steering node"));
  EXPECT_EQ(wherry({"--cleanup", run_dir}).exit_code, 0);
  const auto init = wherry({"init"});
  EXPECT_EQ(init.exit_code, 0) << init.err;
  EXPECT_THAT(init.out, HasSubstr("nothing has to be set up before run"));
}

TEST(ConfigCommands, C1_CheckWarnsOfWhatCountsForNothing) {
  const TempFolder folder;
  folder.write("manifests/a.yaml", "");
  folder.write("k.yaml", kKubeProxys + "udpIdleTimeout: 250ms\n");
  const auto result = wherry({"check", "--config", folder / "k.yaml", "--manifests",
                              folder / "manifests", "--masquerade-all"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("k.yaml:3:17: udpIdleTimeout: a KubeProxyConfiguration has no"));
  EXPECT_THAT(result.err, HasSubstr("--masquerade-all"));
}

}  // namespace
}  // namespace wherry::test
