#include "tests/integration/rig.h"
#include "tests/support/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <linux/capability.h>
#include <unistd.h>

namespace wherry::test {
namespace {

using testing::HasSubstr;

TEST(Usage, HelpTeachesWithExamples) {
  const std::set<std::string> without_key = {"--help",      "--config",         "--output",
                                             "--namespace", "--cleanup",        "--init-only",
                                             "--protocol",  "--write-config-to"};
  for (const char* command : {"run", "check", "get", "explain"}) {
    const auto result = wherry({command, "--help"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("xample"));
    EXPECT_THAT(result.out, HasSubstr(std::string("wherry ") + command));
  }
  EXPECT_EQ(wherry({"--help"}).exit_code, 0);
}

TEST(Usage, VersionIsPrinted) {
  const auto result = wherry({"version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, testing::MatchesRegex("wherry [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Usage, RunWithoutAnythingToServeSaysWhatToGive) {
  const auto result = run_program({"env", "-i", wherry_binary(), "run"});
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr("--kubeconfig"));
  EXPECT_THAT(result.err, HasSubstr("--manifests"));
}

TEST(Usage, RunOnAPathThatDoesNotExistEndsWithExitCode64) {
  const auto result = wherry({"run", "--manifests", "/nowhere/at/all"});
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/at/all"));
}

TEST(Usage, H5_ABusyAdminPortEndsWithExitCode69WhereSomebodyAskedForThat) {
  const TestListener other;
  const TempFolder folder;
  const auto result = wherry({"run", "--manifests", folder.path().string(), "--admin-address",
                              other.address().to_string(), "--bind-address-hard-fail"});
  EXPECT_EQ(result.exit_code, 69);
  EXPECT_THAT(result.err, HasSubstr(other.address().to_string()));
  EXPECT_THAT(result.err, HasSubstr("--admin-address"));
}

TEST(Usage, H5_AnAdminPortThatIsNotAllowedEndsWithExitCode77WhereSomebodyAskedForThat) {
  std::ifstream first("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  int lowest = 0;
  first >> lowest;
  if (lowest <= 1) GTEST_SKIP() << "every port is open to everyone here: nothing to test";
  const TempFolder folder;
  std::vector<std::string> command = {wherry_binary(),
                                      "run",
                                      "--manifests",
                                      folder.path().string(),
                                      "--admin-address",
                                      "127.0.0.1:1",
                                      "--bind-address-hard-fail"};
  if (::geteuid() == 0) {
    const std::vector<std::string> without = {"setpriv", "--bounding-set=-net_bind_service",
                                              "--inh-caps=-net_bind_service"};
    command.insert(command.begin(), without.begin(), without.end());
  }
  const auto result = run_program(command);
  EXPECT_EQ(result.exit_code, 77) << result.err;
  EXPECT_THAT(result.err, HasSubstr("127.0.0.1:1"));
}

/// Of each of a process's threads, from /proc: "CapEff", "CapPrm", "CapBnd".
std::vector<std::uint64_t> capabilities(pid_t process, const std::string& set) {
  std::vector<std::uint64_t> all;
  const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(set + ":")) all.push_back(std::stoull(line.substr(8), nullptr, 16));
    }
  }
  return all;
}

TEST(Usage, InSteeringBindCapabilitiesThatAreNotNeededAreDropped) {
  const auto bit = [](int capability) { return std::uint64_t{1} << capability; };
  const std::uint64_t kept = bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW) | bit(CAP_NET_BIND_SERVICE) |
                             bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH);
  const auto own = capabilities(::getpid(), "CapEff");
  if ((own.at(0) & bit(CAP_SETPCAP)) == 0) GTEST_SKIP() << "needs capabilities to drop";
  Rig rig;
  rig.run({"--steering", "bind", "--workers", "2"});

  for (const char* set : {"CapEff", "CapPrm", "CapBnd"}) {
    const auto found = capabilities(rig.wherry().pid(), set);
    EXPECT_GE(found.size(), 3u);
    for (const std::uint64_t each : found) EXPECT_EQ(each, kept & own.at(0)) << set;
  }
}

TEST(Usage, FlagsWinOverTheFile) {
  Rig rig;
  rig.folder.write("conf/wherry.yaml",
                   "apiVersion: wherry.io/v1alpha1\nkind: Configuration\nmaxSessions: 5\n"
                   "workers: 1\n");
  rig.run({"--config", rig.folder / "conf/wherry.yaml", "--max-sessions", "7"});
  EXPECT_EQ(rig.wherry().metric("wherry_tcp_sessions_limit"), 7);
}

TEST(Usage, LogsAsTextOrJsonFromTheLevelThatIsAsked) {
  Rig text;
  EXPECT_THAT(text.run({"--log-format", "text"}).log(), HasSubstr("wherry starts"));
  Rig json;
  EXPECT_THAT(json.run({"--log-format", "json"}).log(), testing::StartsWith("{\""));
  Rig quiet;
  EXPECT_EQ(quiet.run({"--log-level", "error"}).log(), "");
}

TEST(Usage, NodeNameIsTakenUnderBothNames) {
  Rig rig;
  EXPECT_THAT(rig.run({"--hostname-override", "Node-7"}).log(), HasSubstr("node-7"));
  const auto both = wherry({"check", "--node-name", "a", "--hostname-override", "b", "--manifests",
                            rig.folder.path().string()});
  EXPECT_EQ(both.exit_code, 64);
  EXPECT_THAT(both.err, HasSubstr("hostname-override"));
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::erase(text, '\\');
  return text;
}

/// Flags as --help lists them.
std::vector<std::string> flags_of(const std::string& help) {
  std::vector<std::string> flags;
  for (std::size_t at = help.find("--"); at != std::string::npos; at = help.find("--", at + 2)) {
    const std::size_t end = help.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    const std::string flag = help.substr(at, end - at);
    if (flag.size() > 3) flags.push_back(flag);
  }
  return flags;
}

std::string key_of(const std::string& flag) {
  std::string key;
  for (std::size_t i = 2; i < flag.size(); ++i) {
    key += flag[i] != '-' ? flag[i] : static_cast<char>(flag[++i] - 32);
  }
  return key;
}

TEST(Usage, TheManPageAndTheManualNameEveryFlagAndKey) {
  const std::string page = read(repository_path("deploy/man/wherry.1"));
  const std::string manual = read(repository_path("deploy/operations.md"));
  ASSERT_FALSE(page.empty());
  std::size_t seen = 0;
  const std::set<std::string> without_key = {"--help",      "--config",         "--output",
                                             "--namespace", "--cleanup",        "--init-only",
                                             "--protocol",  "--write-config-to"};
  for (const char* command : {"run", "check", "get", "explain"}) {
    for (const std::string& flag : flags_of(wherry({command, "--help"}).out)) {
      ++seen;
      EXPECT_THAT(page, HasSubstr(flag));
      EXPECT_THAT(manual, HasSubstr(flag));
      if (without_key.contains(flag)) continue;
      EXPECT_THAT(page, HasSubstr(key_of(flag)));
      EXPECT_THAT(manual, HasSubstr("`" + key_of(flag) + "`"));
    }
  }
  EXPECT_GT(seen, 30u);
}

TEST(Usage, TheManualNamesEveryMetric) {
  Rig rig;
  const std::string manual = read(repository_path("deploy/operations.md"));
  const std::string metrics = rig.run().get("/metrics");
  std::size_t seen = 0;
  for (std::size_t at = metrics.find("# TYPE "); at != std::string::npos;
       at = metrics.find("# TYPE ", at + 1)) {
    ++seen;
    EXPECT_THAT(manual, HasSubstr(metrics.substr(at + 7, metrics.find(' ', at + 7) - at - 7)));
  }
  EXPECT_GT(seen, 15u);
}

}  // namespace
}  // namespace wherry::test
