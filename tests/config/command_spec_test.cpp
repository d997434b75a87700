#include "config/command_spec.h"

#include "config/setting.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

using Words = std::vector<std::string>;

/// What a shell command prints; fails the test if the command does.
std::string run(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no shell");
  std::string output;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe)) {
    output.append(part.data(), size);
  }
  EXPECT_EQ(::pclose(pipe), 0) << command << '\n' << output;
  return output;
}

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

/// Every word that the shells must be able to offer.
std::set<std::string> all_words() {
  std::set<std::string> words;
  for (const CommandSpec& spec : commands()) {
    words.emplace(spec.name);
    words.insert(spec.first_argument.begin(), spec.first_argument.end());
    for (const std::string_view flag : spec.settings) words.insert("--" + std::string(flag));
    for (const ActionFlag& flag : spec.flags) {
      std::istringstream names{std::string(flag.names)};
      for (std::string name; std::getline(names, name, ',');) words.insert(name);
      words.insert(flag.choices.begin(), flag.choices.end());
    }
  }
  return words;
}

TEST(Commands, AreThoseOfTheDocumentation) {
  Words names;
  for (const CommandSpec& spec : commands()) names.emplace_back(spec.name);

  EXPECT_THAT(names, ElementsAre("run", "check", "get", "explain", "cleanup", "init", "version",
                                 "completion"));
}

TEST(Commands, RunAndCheckTakeEverySetting) {
  for (const Setting& setting : settings()) {
    EXPECT_THAT(command("run").settings, Contains(setting.flag));
    EXPECT_THAT(command("check").settings, Contains(setting.flag));
  }
}

TEST(Commands, TakeOnlySettingsThatExist) {
  for (const CommandSpec& spec : commands()) {
    for (const std::string_view flag : spec.settings) EXPECT_NE(find_flag(flag), nullptr) << flag;
  }
}

TEST(Commands, TeachWithExamplesWhereThereIsSomethingToTeach) {
  for (const CommandSpec& spec : commands()) {
    EXPECT_THAT(spec.summary, Not(IsEmpty()));
    if (spec.name != "version") {
      EXPECT_THAT(std::string(spec.examples), HasSubstr("  wherry " + std::string(spec.name)));
    }
  }
}

TEST(Completion, KnowsEveryCommandFlagAndChoice) {
  for (const std::string& word : all_words()) {
    EXPECT_THAT(bash_completion(), HasSubstr(word));
    EXPECT_THAT(zsh_completion(), HasSubstr(word));
  }
  EXPECT_THAT(bash_completion(), HasSubstr("debug info warn error"));
  EXPECT_THAT(zsh_completion(), HasSubstr("debug info warn error"));
}

class BashCompletion : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed("bash")) GTEST_SKIP() << "bash is not installed";
    folder_.write("wherry.bash", bash_completion());
  }

  /// What bash offers for the last of these words, the first being "wherry".
  [[nodiscard]] Words offered(const Words& line) const {
    std::string script = "source " + (folder_ / "wherry.bash") + "\nCOMP_WORDS=(";
    for (const std::string& word : line) script += " '" + word + '\'';
    script +=
        ")\nCOMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))\n_wherry\nprintf '%s\\n' "
        "\"${COMPREPLY[@]}\"\n";
    folder_.write("ask.bash", script);
    std::istringstream lines(run("cd / && bash " + (folder_ / "ask.bash")));
    Words words;
    for (std::string word; std::getline(lines, word);) {
      if (!word.empty()) words.push_back(word);
    }
    return words;
  }

  test::TempFolder folder_;
};

TEST_F(BashCompletion, IsAcceptedByBash) {
  EXPECT_EQ(run("bash -n " + (folder_ / "wherry.bash")), "");
}

TEST_F(BashCompletion, OffersCommandsFirst) {
  EXPECT_THAT(offered({"wherry", ""}),
              ElementsAre("run", "check", "get", "explain", "cleanup", "init", "version",
                          "completion", "--help", "--version"));
  EXPECT_THAT(offered({"wherry", "co"}), ElementsAre("completion"));
}

TEST_F(BashCompletion, OffersWhatACommandIsAbout) {
  EXPECT_THAT(offered({"wherry", "get", ""}), ElementsAre("services", "endpoints", "sessions"));
  EXPECT_THAT(offered({"wherry", "completion", "z"}), ElementsAre("zsh"));
}

TEST_F(BashCompletion, OffersTheFlagsOfTheCommand) {
  EXPECT_THAT(offered({"wherry", "get", "services", "--"}),
              IsSupersetOf({"--manifests", "--namespace", "--output", "--config", "--help"}));
  EXPECT_THAT(offered({"wherry", "get", "services", "--"}), Not(Contains("--workers")));
  EXPECT_THAT(offered({"wherry", "run", "--wo"}), ElementsAre("--workers"));
}

TEST_F(BashCompletion, OffersTheChoicesOfAFlag) {
  EXPECT_THAT(offered({"wherry", "get", "services", "-o", ""}),
              ElementsAre("table", "wide", "json", "yaml", "hosts"));
  EXPECT_THAT(offered({"wherry", "explain", "pod", "10.96.0.1:80", "-o", ""}),
              ElementsAre("text", "json"));
  EXPECT_THAT(offered({"wherry", "run", "--log-format", ""}), ElementsAre("text", "json"));
  EXPECT_THAT(offered({"wherry", "run", "--transparent", ""}), ElementsAre("auto", "off", "nft"));
  EXPECT_THAT(offered({"wherry", "run", "--profiling", ""}), ElementsAre("true", "false"));
  EXPECT_THAT(offered({"wherry", "run", "--workers", ""}), IsEmpty());
}

TEST(Completion, OffersEveryWordThatASettingTakesAndNoOther) {
  for (const Setting& setting : settings()) {
    for (const std::string_view word : setting.words) {
      Options options;
      const std::vector<std::string> texts{std::string(word)};
      EXPECT_EQ(setting.apply(options, texts), std::nullopt) << setting.flag << ' ' << word;
      EXPECT_EQ(setting.show(options), word) << setting.flag;
    }
    if (setting.words.empty()) continue;
    Options options;
    const std::vector<std::string> texts{"Other"};
    EXPECT_NE(setting.apply(options, texts), std::nullopt) << setting.flag;
    std::string joined;
    for (const std::string_view word : setting.words) {
      joined += (joined.empty() ? "" : " ") + std::string(word);
    }
    EXPECT_THAT(bash_completion(), HasSubstr("--" + std::string(setting.flag) +
                                             ") COMPREPLY=($(compgen -W \"" + joined + '"'));
    EXPECT_THAT(zsh_completion(), HasSubstr("(" + joined + ")"));
  }
}

TEST_F(BashCompletion, OffersFilesWhereAPathIsWanted) {
  folder_.write("manifests/a.yaml", "");

  EXPECT_THAT(offered({"wherry", "run", "--manifests", folder_ / "mani"}),
              ElementsAre(folder_ / "manifests"));
  EXPECT_THAT(offered({"wherry", "run", "--config", folder_ / "mani"}),
              ElementsAre(folder_ / "manifests"));
}

TEST(ZshCompletion, IsAcceptedByZsh) {
  if (!is_installed("zsh")) GTEST_SKIP() << "zsh is not installed";
  const test::TempFolder folder;
  folder.write("_wherry", zsh_completion());

  EXPECT_EQ(run("zsh -n " + (folder / "_wherry")), "");
}

TEST(ZshCompletion, QuotesWhatZshWouldRead) {
  // _arguments takes "[" and ":" for its own signs; a quote would end the word.
  std::istringstream lines(zsh_completion());
  for (std::string line; std::getline(lines, line);) {
    if (line.find("[add N to every") == std::string::npos) continue;
    EXPECT_EQ(line,
              "        '--port-offset[add N to every service port (for users who may not open "
              "ports below 1024)]:N:' \\");
  }
  EXPECT_THAT(zsh_completion(), HasSubstr("(default\\: the host'\\''s name)"));
}

}  // namespace
}  // namespace wherry::config
