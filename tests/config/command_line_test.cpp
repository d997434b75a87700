#include "config/command_line.h"

#include "config/command_spec.h"
#include "tests/config/samples.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Arguments = std::vector<std::string>;

const std::string kHeader = "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n";

/// Its faults, each as one line; none if the command was understood.
std::vector<std::string> faults_of(const Arguments& arguments) {
  const auto result = read_command_line(arguments);
  std::vector<std::string> texts;
  const auto* faults = std::get_if<Faults>(&result);
  if (faults == nullptr) {
    const auto* check = std::get_if<CheckCommand>(&std::get<Command>(result));
    if (check != nullptr) faults = &check->faults;
  }
  if (faults != nullptr) {
    for (const Fault& fault : *faults) texts.push_back(fault.to_string());
  }
  return texts;
}

template <class T>
T read_as(const Arguments& arguments) {
  auto result = read_command_line(arguments);
  if (const auto* faults = std::get_if<Faults>(&result)) {
    throw std::runtime_error("fault: " + faults->at(0).to_string());
  }
  return std::get<T>(std::get<Command>(std::move(result)));
}

Options options_of(const Arguments& arguments) {
  const auto result = read_command_line(arguments);
  if (const auto* faults = std::get_if<Faults>(&result)) {
    throw std::runtime_error("fault: " + faults->at(0).to_string());
  }
  const Command& command = std::get<Command>(result);
  if (const auto* run = std::get_if<RunCommand>(&command)) return run->options;
  if (const auto* check = std::get_if<CheckCommand>(&command)) return check->options;
  if (const auto* explain = std::get_if<ExplainCommand>(&command)) return explain->options;
  if (const auto* cleanup = std::get_if<CleanupCommand>(&command)) return cleanup->options;
  return std::get<GetCommand>(command).options;
}

/// Arguments with which a command does something, whatever else is given.
Arguments enough_for(std::string_view command) {
  if (command == "get") return {"get", "services"};
  if (command == "explain") return {"explain", "pod", "10.96.0.1:80"};
  return {std::string(command)};
}

bool takes(const CommandSpec& spec, std::string_view flag) {
  return std::find(spec.settings.begin(), spec.settings.end(), flag) != spec.settings.end();
}

// --- every setting, by flag and by key ---

class EveryFlag : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (sample_of(GetParam()) == nullptr) FAIL() << "give --" << GetParam() << " a sample";
  }
  [[nodiscard]] const Sample& sample() const { return *sample_of(GetParam()); }
  [[nodiscard]] std::string key() const { return find_flag(GetParam())->key(); }
  [[nodiscard]] std::string write_config(const std::string& yaml) const {
    folder_.write("c.yaml", kHeader + key() + ": " + yaml + '\n');
    return folder_ / "c.yaml";
  }

  /// The flag with the sample's values as separate words, where it takes those.
  void add_sample(Arguments& arguments) const {
    if (find_flag(GetParam())->kind == ValueKind::Boolean) {
      return arguments.push_back("--" + GetParam() + '=' + sample().texts[0]);
    }
    arguments.push_back("--" + GetParam());
    arguments.insert(arguments.end(), sample().texts.begin(), sample().texts.end());
  }

  test::TempFolder folder_;
};

TEST_P(EveryFlag, SetsItsOptionInEveryCommandThatTakesIt) {
  int commands_that_take_it = 0;
  for (const CommandSpec& spec : commands()) {
    if (!takes(spec, GetParam())) continue;
    ++commands_that_take_it;
    Arguments arguments = enough_for(spec.name);
    add_sample(arguments);

    EXPECT_EQ(sample().seen(options_of(arguments)), sample().value) << spec.name;
  }
  EXPECT_GE(commands_that_take_it, 2);  // run and check
}

TEST_P(EveryFlag, TakesItsValueAfterAnEqualsSignToo) {
  Arguments arguments = enough_for("run");
  for (const std::string& text : sample().texts) {
    arguments.push_back("--" + GetParam() + '=' + text);
  }

  EXPECT_EQ(sample().seen(options_of(arguments)), sample().value);
}

TEST(CommandLine, ABooleanNeedsNoValueAndTakesNoWordForOne) {
  EXPECT_TRUE(options_of({"run", "--profiling"}).profiling);
  EXPECT_FALSE(options_of({"run", "--profiling", "--profiling=false"}).profiling);
  EXPECT_THAT(faults_of({"run", "--profiling", "false"}),
              ElementsAre("\"false\": an argument that wherry run does not take; see --help"));
}

class EveryFlagOfOneValue : public EveryFlag {};

TEST_P(EveryFlagOfOneValue, LeavesTheNextArgumentAlone) {
  Arguments arguments = enough_for("run");
  arguments.insert(arguments.end(), {"--" + GetParam(), sample().texts[0], "more"});

  EXPECT_THAT(faults_of(arguments),
              ElementsAre("\"more\": an argument that wherry run does not take; see --help"));
}

TEST_P(EveryFlag, LacksItsValue) {
  if (find_flag(GetParam())->kind == ValueKind::Boolean) return;
  Arguments arguments = enough_for("run");
  arguments.push_back("--" + GetParam());

  EXPECT_THAT(faults_of(arguments),
              ElementsAre(AllOf(HasSubstr("--" + GetParam()), HasSubstr("missing"))));
}

TEST(CommandLine, ReportsEveryValueThatIsMissingWithAllOtherFaults) {
  EXPECT_THAT(faults_of({"run", "--bogus", "--listen-pool", "zz", "--workers", "--node-name",
                         "--port-offset"}),
              ::testing::IsSupersetOf(
                  {HasSubstr("--bogus: unknown flag"), HasSubstr("--listen-pool: \"zz\""),
                   HasSubstr("--workers: its value is missing; write --workers N"),
                   HasSubstr("--node-name: its value is missing"),
                   HasSubstr("--port-offset: its value is missing")}));
}

TEST(CommandLine, AValueMayLookLikeAnything) {
  EXPECT_THAT(faults_of({"run", "--manifests", "/", "--port-offset", "-1"}),
              ElementsAre(HasSubstr("--port-offset: -1 is out of range")));
}

TEST(CommandLine, CheckKeepsItsFaultsForThoseOfManifests) {
  const auto check = read_as<CheckCommand>({"check", "--manifests", "/", "--workers", "x"});

  EXPECT_EQ(check.options.manifests, (std::vector<std::string>{"/"}));
  ASSERT_EQ(check.faults.size(), 1u);
  EXPECT_THAT(check.faults[0].to_string(), HasSubstr("--workers: \"x\""));
}

TEST_P(EveryFlag, IsSetByItsKeyInAFile) {
  const Options options = options_of({"run", "--config", write_config(sample().yaml)});

  EXPECT_EQ(sample().seen(options), sample().value);
}

TEST_P(EveryFlag, WinsOverTheFile) {
  const std::string config = write_config(sample().other_yaml);
  ASSERT_EQ(sample().seen(options_of({"run", "--config", config})), sample().other_value);
  Arguments arguments{"run", "--config", config};
  add_sample(arguments);

  EXPECT_EQ(sample().seen(options_of(arguments)), sample().value);
}

TEST_P(EveryFlag, IsInTheHelpOfEveryCommandThatTakesIt) {
  for (const CommandSpec& spec : commands()) {
    const std::string help = read_as<PrintCommand>({std::string(spec.name), "--help"}).text;
    // get has a --namespace of its own.
    const bool has_its_own =
        std::any_of(spec.flags.begin(), spec.flags.end(),
                    [](const ActionFlag& flag) { return flag.names.ends_with("--" + GetParam()); });
    EXPECT_EQ(help.find("--" + GetParam() + ' ') != std::string::npos,
              has_its_own || takes(spec, GetParam()))
        << spec.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryFlag, ::testing::ValuesIn(all_flags()),
                         [](const auto& row) { return test_name(row.param); });

std::vector<std::string> flags_of_one_value() {
  std::vector<std::string> flags = all_flags();
  std::erase_if(flags, [](const auto& flag) {
    const ValueKind kind = find_flag(flag)->kind;
    return kind == ValueKind::List || kind == ValueKind::Boolean;
  });
  return flags;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryFlagOfOneValue, ::testing::ValuesIn(flags_of_one_value()),
                         [](const auto& row) { return test_name(row.param); });

// --- run and check ---

TEST(CommandLine, WithoutManifestsAClusterIsServed) {
  EXPECT_TRUE(options_of({"run"}).manifests.empty());
  EXPECT_TRUE(read_as<CheckCommand>({"check"}).tries_cluster);
  EXPECT_TRUE(read_as<CheckCommand>({"check", "--master", "http://a"}).tries_cluster);
  EXPECT_FALSE(read_as<CheckCommand>({"check", "--manifests", "/"}).tries_cluster);
}

TEST(CommandLine, ManifestsAndAClusterAreTwoSourcesOfOneThing) {
  for (const char* flag : {"--kubeconfig", "--context", "--master"}) {
    for (const char* command : {"run", "check"}) {
      EXPECT_THAT(faults_of({command, "--manifests", "/", flag, "x"}),
                  ElementsAre(HasSubstr("are both given; give one of them")));
    }
  }
}

TEST(CommandLine, TheEnvironmentIsHandedOn) {
  const Environment environment(Environment::Variables{{"KUBECONFIG", "/a"}});
  const auto result = read_command_line(Arguments{"run"}, environment);

  EXPECT_EQ(std::get<RunCommand>(std::get<Command>(result)).options.environment.get("KUBECONFIG"),
            "/a");
}

TEST(CommandLine, CheckOfAConfigurationNeedsNoManifests) {
  const test::TempFolder folder;
  folder.write("c.yaml", kHeader);

  EXPECT_FALSE(read_as<CheckCommand>({"check", "--config", folder / "c.yaml"}).tries_cluster);
}

TEST(CommandLine, ManifestsAreGivenOneAfterTheOtherOrEachWithItsFlag) {
  EXPECT_THAT(options_of({"run", "--manifests", "/", "/usr", "--manifests", "/tmp"}).manifests,
              ElementsAre("/", "/usr", "/tmp"));
}

TEST(CommandLine, TheLastOfAFlagCounts) {
  EXPECT_EQ(options_of({"run", "--manifests", "/", "--workers", "2", "--workers", "3"}).workers,
            3u);
}

TEST(CommandLine, ANegativeNumberIsAValueAndNoFlag) {
  EXPECT_THAT(faults_of({"run", "--manifests", "/", "--port-offset", "-5"}),
              ElementsAre("--port-offset: -5 is out of range; write a whole number from 0 to "
                          "65534"));
}

TEST(CommandLine, ABracketedTextIsOneText) {
  EXPECT_THAT(faults_of({"run", "--manifests", "/", "--node-name", "[a,b]"}),
              ElementsAre("--node-name: \"[a,b]\" is no node name; write lower-case letters, "
                          "digits, '-' and '.'"));
}

TEST(CommandLine, FaultsOfTheFileAndOfFlagsAreReportedTogether) {
  const test::TempFolder folder;
  folder.write("c.yaml", kHeader +
                             "workers: -1\nlistenAdress: ::1\nnodeName: a\n"
                             "hostnameOverride: b\n");
  const std::string file = folder / "c.yaml";

  EXPECT_THAT(
      faults_of({"run", "--config", file, "--max-attempts", "0", "--manifests", "/nowhere",
                 "--log-levle", "surplus"}),
      ElementsAre(
          "--log-levle: unknown flag; did you mean --log-level?",
          "\"surplus\": an argument that wherry run does not take; see --help",
          file + ":4:15: listenAdress: unknown key; did you mean listenAddress?",
          file + ":6:19: hostnameOverride: contradicts nodeName, which says a; they are one "
                 "setting, give one of them",
          file + ":3:10: workers: -1 is out of range; write a whole number from 0 to 1024",
          "--max-attempts: 0 is out of range; write a whole number from 1 to 100",
          "--manifests: /nowhere: No such file or directory; name a file or a folder that exists "
          "and can be read"));
}

TEST(CommandLine, AConfigurationThatDoesNotExistIsAFault) {
  EXPECT_THAT(faults_of({"run", "--manifests", "/", "--config", "/nowhere/c.yaml"}),
              ElementsAre("/nowhere/c.yaml: No such file or directory; name a configuration file "
                          "that can be read"));
}

TEST(CommandLine, AnEmptyConfigurationPathIsAFaultInEveryCommand) {
  const std::string fault = "--config: an empty path; name a configuration file";

  EXPECT_THAT(faults_of({"run", "--manifests", "/", "--config", ""}), ElementsAre(fault));
  EXPECT_THAT(faults_of({"check", "--manifests", "/", "--config", ""}), ElementsAre(fault));
  EXPECT_THAT(faults_of({"get", "services", "--config", ""}), ElementsAre(fault));
}

// --- get ---

struct ResourceCase {
  const char* word;
  Resource resource;
};
std::ostream& operator<<(std::ostream& out, const ResourceCase& each) { return out << each.word; }

class GetResource : public ::testing::TestWithParam<ResourceCase> {};

TEST_P(GetResource, IsUnderstood) {
  const GetCommand get = read_as<GetCommand>({"get", GetParam().word});

  EXPECT_EQ(get.resource, GetParam().resource);
  EXPECT_EQ(get.output, OutputFormat::Table);
  EXPECT_EQ(get.name, "");
  EXPECT_EQ(get.name_space, "");
  EXPECT_FALSE(get.from_manifests);
}

INSTANTIATE_TEST_SUITE_P(Words, GetResource,
                         ::testing::Values(ResourceCase{"services", Resource::Services},
                                           ResourceCase{"service", Resource::Services},
                                           ResourceCase{"svc", Resource::Services},
                                           ResourceCase{"endpoints", Resource::Endpoints},
                                           ResourceCase{"endpoint", Resource::Endpoints},
                                           ResourceCase{"ep", Resource::Endpoints},
                                           ResourceCase{"sessions", Resource::Sessions},
                                           ResourceCase{"session", Resource::Sessions}),
                         [](const auto& row) { return row.param.word; });

struct FormatCase {
  const char* word;
  OutputFormat format;
};
std::ostream& operator<<(std::ostream& out, const FormatCase& each) { return out << each.word; }

class GetFormat : public ::testing::TestWithParam<FormatCase> {};

TEST_P(GetFormat, IsUnderstoodUnderBothNames) {
  const std::string word = GetParam().word;

  for (const Arguments& flag :
       {Arguments{"-o", word}, {"-o" + word}, {"--output", word}, {"--output=" + word}}) {
    Arguments arguments{"get", "services"};
    arguments.insert(arguments.end(), flag.begin(), flag.end());
    EXPECT_EQ(read_as<GetCommand>(arguments).output, GetParam().format);
  }
}

INSTANTIATE_TEST_SUITE_P(Words, GetFormat,
                         ::testing::Values(FormatCase{"table", OutputFormat::Table},
                                           FormatCase{"wide", OutputFormat::Wide},
                                           FormatCase{"json", OutputFormat::Json},
                                           FormatCase{"yaml", OutputFormat::Yaml},
                                           FormatCase{"hosts", OutputFormat::Hosts}),
                         [](const auto& row) { return row.param.word; });

TEST(CommandLineGet, TakesANameAndANamespace) {
  const GetCommand get = read_as<GetCommand>({"get", "endpoints", "web", "-n", "shop"});

  EXPECT_EQ(get.name, "web");
  EXPECT_EQ(get.name_space, "shop");
  EXPECT_EQ(read_as<GetCommand>({"get", "ep", "--namespace", "x"}).name_space, "x");
}

TEST(CommandLineGet, FlagsMayStandAnywhere) {
  const GetCommand get =
      read_as<GetCommand>({"get", "--node-name", "n1", "-o", "json", "svc", "-n", "shop", "web"});

  EXPECT_EQ(get.resource, Resource::Services);
  EXPECT_EQ(get.name, "web");
  EXPECT_EQ(get.options.node_name, "n1");
  EXPECT_EQ(get.output, OutputFormat::Json);
}

TEST(CommandLineGet, BuildsTablesFromManifestsOnlyIfAFlagSaysSo) {
  const test::TempFolder folder;
  folder.write("c.yaml", kHeader + "manifests: /\n");

  EXPECT_TRUE(read_as<GetCommand>({"get", "svc", "--manifests", "/"}).from_manifests);
  EXPECT_FALSE(read_as<GetCommand>({"get", "svc", "--config", folder / "c.yaml"}).from_manifests);
}

struct UsageCase {
  const char* name;
  Arguments arguments;
  std::vector<std::string> faults;
};
std::ostream& operator<<(std::ostream& out, const UsageCase& each) { return out << each.name; }

class Usage : public ::testing::TestWithParam<UsageCase> {};

TEST_P(Usage, IsAnswered) { EXPECT_EQ(faults_of(GetParam().arguments), GetParam().faults); }

INSTANTIATE_TEST_SUITE_P(
    Get, Usage,
    ::testing::Values(
        UsageCase{"NothingToGet", {"get"}, {"get: say what: services, endpoints or sessions"}},
        UsageCase{"SomethingUnknown",
                  {"get", "pods"},
                  {"get: \"pods\" is nothing to get; write services, endpoints or sessions"}},
        UsageCase{"AnUnknownFormat",
                  {"get", "services", "-o", "xml"},
                  {"--output: \"xml\" is no format; write table, wide, json or yaml (services "
                   "also hosts)"}},
        UsageCase{"HostsOfEndpoints",
                  {"get", "endpoints", "-o", "hosts"},
                  {"--output: hosts is for services only"}},
        UsageCase{"HostsOfSessions",
                  {"get", "sessions", "-o", "hosts"},
                  {"--output: hosts is for services only"}},
        UsageCase{"SessionsOfManifests",
                  {"get", "sessions", "--manifests", "/"},
                  {"--manifests: sessions live in a running wherry; leave --manifests out"}},
        UsageCase{"TwoNames",
                  {"get", "services", "a", "b", "c"},
                  {"\"b\": one NAME at most", "\"c\": one NAME at most"}},
        UsageCase{"AFlagOfRunOnly",
                  {"get", "services", "--workers=3"},
                  {"--workers: unknown flag; see --help"}},
        UsageCase{"SeveralThings",
                  {"get", "pods", "-o", "xml", "--admin-address", "here"},
                  {"--admin-address: \"here\" is no ADDR:PORT; write for example 127.0.0.1:10249 "
                   "or [::1]:10249",
                   "get: \"pods\" is nothing to get; write services, endpoints or sessions",
                   "--output: \"xml\" is no format; write table, wide, json or yaml (services "
                   "also hosts)"}}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Commands, Usage,
    ::testing::Values(
        UsageCase{"None", {}, {"wherry: A subcommand is required; see wherry --help"}},
        UsageCase{"AMisspelledOne", {"rnu"}, {"\"rnu\": unknown command; did you mean run?"}},
        UsageCase{"OneLikeNoOther", {"serve"}, {"\"serve\": unknown command; see --help"}},
        UsageCase{"TheEmptyOne", {""}, {"\"\": unknown command; see --help"}},
        UsageCase{"TwoOfThem",
                  {"version", "run"},
                  {"\"run\": an argument that wherry version does not take; see --help"}},
        UsageCase{"AnUnknownFlag",
                  {"run", "--manifests", "/", "--zzz"},
                  {"--zzz: unknown flag; see --help"}},
        UsageCase{"AMisspelledFlag",
                  {"run", "--manifests", "/", "--listen-adress=::1"},
                  {"--listen-adress: unknown flag; did you mean --listen-address?"}},
        UsageCase{"AnUnknownShortFlag",
                  {"run", "--manifests", "/", "-x"},
                  {"-x: unknown flag; see --help"}},
        UsageCase{"AnArgumentOfRun",
                  {"run", "/"},
                  {"\"/\": an argument that wherry run does not take; see --help"}},
        UsageCase{"NoShell", {"completion"}, {"completion: say for which shell: bash or zsh"}},
        UsageCase{"AnUnknownShell",
                  {"completion", "fish"},
                  {"completion: say for which shell: bash or zsh"}},
        UsageCase{"TwoShells", {"completion", "bash", "zsh"}, {"\"zsh\": one shell at most"}}),
    [](const auto& row) { return row.param.name; });

// --- help and version ---

TEST(CommandLineHelp, NamesEveryCommandAndWhatItDoes) {
  for (const char* flag : {"--help", "-h"}) {
    const std::string help = read_as<PrintCommand>({flag}).text;
    for (const CommandSpec& spec : commands()) {
      EXPECT_THAT(help, HasSubstr("  " + std::string(spec.name) + ' '));
      EXPECT_THAT(help, HasSubstr(std::string(spec.summary)));
    }
  }
}

TEST(CommandLineHelp, OfACommandShowsItsFlagsDefaultsAndExamples) {
  const std::string help = read_as<PrintCommand>({"run", "--help"}).text;

  EXPECT_THAT(help, HasSubstr("wherry run"));
  EXPECT_THAT(help, HasSubstr("--config FILE"));
  EXPECT_THAT(help, HasSubstr("(default 127.0.0.1:10249)"));
  EXPECT_THAT(help, HasSubstr("wherry run --manifests ./manifests --port-offset 8000"));
  EXPECT_THAT(help, HasSubstr("Exit codes:"));
}

TEST(CommandLineHelp, WinsOverEveryFault) {
  EXPECT_THAT(read_as<PrintCommand>({"run", "--workers", "many", "--help"}).text,
              HasSubstr("Usage:"));
}

TEST(CommandLineVersion, IsPrintedByTheCommandAndByTheFlag) {
  const std::string version = read_as<PrintCommand>({"version"}).text;

  EXPECT_THAT(version, ::testing::MatchesRegex("wherry [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_EQ(read_as<PrintCommand>({"--version"}).text, version);
}

TEST(CommandLineCompletion, PrintsTheScriptOfTheShell) {
  EXPECT_EQ(read_as<PrintCommand>({"completion", "bash"}).text, bash_completion());
  EXPECT_EQ(read_as<PrintCommand>({"completion", "zsh"}).text, zsh_completion());
}

}  // namespace
}  // namespace wherry::config
