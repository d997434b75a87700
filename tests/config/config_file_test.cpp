#include "config/config_file.h"

#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kHeader = "apiVersion: wherry.io/v1alpha1\nkind: Configuration\n";

/// What was read, as "key=texts at line:column".
std::vector<std::string> described(const std::vector<Given>& all) {
  std::vector<std::string> lines;
  for (const Given& given : all) {
    std::string line = given.field + '=';
    for (const std::string& text : given.texts) {
      line += (&text == &given.texts.front() ? "" : ",") + text;
    }
    lines.push_back(line + " at " + std::to_string(given.place.line) + ':' +
                    std::to_string(given.place.column));
  }
  return lines;
}

std::vector<std::string> texts_of(const Faults& faults) {
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(fault.to_string());
  return texts;
}

struct ReadCase {
  const char* name;
  std::string text;
  std::vector<std::string> given;
};
std::ostream& operator<<(std::ostream& out, const ReadCase& each) { return out << each.name; }

class ConfigText : public ::testing::TestWithParam<ReadCase> {};

TEST_P(ConfigText, IsRead) {
  Faults faults;

  const auto given = read_config_text(GetParam().text, "c.yaml", "/etc/wherry", faults).given;

  EXPECT_EQ(described(given), GetParam().given);
  EXPECT_THAT(texts_of(faults), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Values, ConfigText,
    ::testing::Values(
        ReadCase{"NothingButTheHeader", kHeader, {}},
        ReadCase{"EveryKindOfValue",
                 kHeader + "workers: 4\nnodeName: a\nidleTimeout: 1m\nmanifests: [/a, /b]\n",
                 {"workers=4 at 3:10", "nodeName=a at 4:11", "idleTimeout=1m at 5:14",
                  "manifests=/a,/b at 6:12"}},
        ReadCase{"OneManifestNeedsNoList", kHeader + "manifests: /a\n", {"manifests=/a at 3:12"}},
        ReadCase{
            "AZeroDurationNeedsNoUnit", kHeader + "idleTimeout: 0\n", {"idleTimeout=0 at 3:14"}},
        ReadCase{"NullIsAbsent", kHeader + "workers:\nnodeName: null\nlogLevel: ~\n", {}},
        ReadCase{
            "WholeNumbersMayLookLikeFractions", kHeader + "workers: 4.0\n", {"workers=4 at 3:10"}},
        ReadCase{"Json",
                 "{\"kind\": \"Configuration\",\n \"apiVersion\": \"wherry.io/v1alpha1\",\n"
                 " \"workers\": 4}",
                 {"workers=4 at 3:13"}},
        ReadCase{"CommentsAndADocumentStart",
                 "# wherry\n---\n" + kHeader + "workers: 4 # four\n",
                 {"workers=4 at 5:10"}},
        ReadCase{"AnEmptyDocumentAfterIt", kHeader + "workers: 4\n---\n", {"workers=4 at 3:10"}},
        ReadCase{"AnEmptyDocumentBeforeIt",
                 "---\n# nothing\n---\n" + kHeader + "workers: 4\n",
                 {"workers=4 at 6:10"}},
        ReadCase{"AnAlias",
                 kHeader + "nodeName: &n node-1\nhostnameOverride: *n\n",
                 {"nodeName=node-1 at 3:11", "hostnameOverride=node-1 at 4:19"}},
        ReadCase{"RelativeManifestsAreTakenFromTheFilesFolder",
                 kHeader + "manifests: [m, ./n/, ../o, /p/../q]\n",
                 {"manifests=/etc/wherry/m,/etc/wherry/n/,/etc/o,/q at 3:12"}},
        ReadCase{"AnEmptyPathStaysEmptyAndDoesNotMeanTheFolder",
                 kHeader + "manifests: [\"\"]\n",
                 {"manifests= at 3:12"}}),
    [](const auto& row) { return row.param.name; });

struct FaultCase {
  const char* name;
  std::string text;
  std::vector<std::string> faults;
};
std::ostream& operator<<(std::ostream& out, const FaultCase& each) { return out << each.name; }

class ConfigTextFault : public ::testing::TestWithParam<FaultCase> {};

TEST_P(ConfigTextFault, HasItsPlaceKeyAndRemedy) {
  Faults faults;

  (void)read_config_text(GetParam().text, "c.yaml", "", faults);

  EXPECT_EQ(texts_of(faults), GetParam().faults);
}

const std::string kRight = "write apiVersion: wherry.io/v1alpha1 and kind: Configuration";

INSTANTIATE_TEST_SUITE_P(
    Header, ConfigTextFault,
    ::testing::Values(
        FaultCase{
            "EmptyFile",
            "",
            {"c.yaml:1:1: apiVersion: missing; " + kRight, "c.yaml:1:1: kind: missing; " + kRight}},
        FaultCase{
            "OnlyKeys",
            "workers: 4\n",
            {"c.yaml:1:1: apiVersion: missing; " + kRight, "c.yaml:1:1: kind: missing; " + kRight}},
        FaultCase{"WrongApiVersion",
                  "apiVersion: wherry.io/v2\nkind: Configuration\n",
                  {"c.yaml:1:13: apiVersion: \"wherry.io/v2\" is not read here; " + kRight}},
        FaultCase{"WrongKind",
                  "apiVersion: wherry.io/v1alpha1\nkind: Service\n",
                  {"c.yaml:2:7: kind: \"Service\" is not read here; " + kRight}},
        FaultCase{"KubeletsOwn",
                  "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
                  {"c.yaml:1:13: apiVersion: \"kubelet.config.k8s.io/v1beta1\" is not read "
                   "here; " +
                       kRight,
                   "c.yaml:2:7: kind: \"KubeletConfiguration\" is not read here; " + kRight}},
        FaultCase{"NoString",
                  "apiVersion: 1\nkind: Configuration\n",
                  {"c.yaml:1:13: apiVersion: expected a string, found the number 1; put it in "
                   "quotes"}}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Shape, ConfigTextFault,
    ::testing::Values(
        FaultCase{"AList",
                  "[1, 2]\n",
                  {"c.yaml:1:1: expected a mapping with apiVersion and kind, found a list"}},
        FaultCase{"AWord",
                  "hello\n",
                  {"c.yaml:1:1: expected a mapping with apiVersion and kind, found the string "
                   "\"hello\""}},
        FaultCase{"ASecondDocument",
                  kHeader + "workers: 4\n---\nworkers: 5\n",
                  {"c.yaml:5:1: a second document; a configuration is one document"}},
        FaultCase{"AThirdDocumentIsSaidOnce",
                  kHeader + "---\na: 1\n---\nb: 1\n",
                  {"c.yaml:4:1: a second document; a configuration is one document"}},
        FaultCase{"AKeyThatStandsTwice",
                  kHeader + "workers: 4\nnodeName: a\nworkers: 5\n",
                  {"c.yaml:5:1: the key \"workers\" stands twice in one mapping"}},
        FaultCase{"AnAliasToNothing",
                  kHeader + "nodeName: *n\n",
                  {"c.yaml:3:11: the alias *n refers to no anchor before it"}}),
    [](const auto& row) { return row.param.name; });

std::string all_keys() {
  std::string keys;
  for (const Setting& setting : settings()) keys += (keys.empty() ? "" : ", ") + setting.key();
  return keys;
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ConfigTextFault,
    ::testing::Values(
        FaultCase{"AMisspelledOne",
                  kHeader + "listenAdress: 127.0.0.1\n",
                  {"c.yaml:3:15: listenAdress: unknown key; did you mean listenAddress?"}},
        FaultCase{"AFlagInPlaceOfAKey",
                  kHeader + "listen-address: 127.0.0.1\n",
                  {"c.yaml:3:17: listen-address: unknown key; did you mean listenAddress?"}},
        FaultCase{"OneLikeNoOther",
                  kHeader + "spec: 1\n",
                  {"c.yaml:3:7: spec: unknown key; the keys are " + all_keys()}},
        FaultCase{"OneWithoutAValueToo",
                  kHeader + "worker:\n",
                  {"c.yaml:3:8: worker: unknown key; did you mean workers?"}},
        FaultCase{"SeveralAtOnce",
                  kHeader + "worker: 4\nworkers: x\nlogLevels: y\n",
                  {"c.yaml:3:9: worker: unknown key; did you mean workers?",
                   "c.yaml:4:10: workers: expected a whole number, found the string \"x\"",
                   "c.yaml:5:12: logLevels: unknown key; did you mean logLevel?"}}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Types, ConfigTextFault,
    ::testing::Values(
        FaultCase{"ANumberInQuotes",
                  kHeader + "workers: '4'\n",
                  {"c.yaml:3:10: workers: expected a whole number, found the string \"4\"; write "
                   "it without quotes"}},
        FaultCase{"AFraction",
                  kHeader + "workers: 1.5\n",
                  {"c.yaml:3:10: workers: expected a whole number, found the number 1.5"}},
        FaultCase{"AListWhereOneIsWanted",
                  kHeader + "workers: [4]\n",
                  {"c.yaml:3:10: workers: expected a whole number, found a list"}},
        FaultCase{"ANumberWhereATextIsWanted",
                  kHeader + "nodeName: 5\n",
                  {"c.yaml:3:11: nodeName: expected a string, found the number 5; put it in "
                   "quotes"}},
        FaultCase{"YamlsOldBooleans",
                  kHeader + "logLevel: off\n",
                  {"c.yaml:3:11: logLevel: expected a string, found the boolean false; put it in "
                   "quotes"}},
        FaultCase{"AMappingWhereATextIsWanted",
                  kHeader + "adminAddress:\n  port: 1\n",
                  {"c.yaml:4:3: adminAddress: expected a string, found a mapping"}},
        FaultCase{"AFractionAsADuration",
                  kHeader + "idleTimeout: 1.5\n",
                  {"c.yaml:3:14: idleTimeout: expected a string, found the number 1.5; put it "
                   "in quotes"}},
        FaultCase{"AnEmptyList",
                  kHeader + "manifests: []\n",
                  {"c.yaml:3:12: manifests: the list is empty; name at least one, or leave the "
                   "key out"}},
        FaultCase{"NothingInAList",
                  kHeader + "manifests:\n- /a\n-\n",
                  {"c.yaml:4:1: manifests: an element of the list is empty; fill it in, or take "
                   "it away"}},
        FaultCase{"NothingElseInAList",
                  kHeader + "manifests: [null]\n",
                  {"c.yaml:3:12: manifests: an element of the list is empty; fill it in, or take "
                   "it away"}},
        FaultCase{"NoTextInAList",
                  kHeader + "manifests: [/a, 5, true]\n",
                  {"c.yaml:3:17: manifests[1]: expected a string, found the number 5; put it in "
                   "quotes",
                   "c.yaml:3:20: manifests[2]: expected a string, found the boolean true; put it "
                   "in quotes"}}),
    [](const auto& row) { return row.param.name; });

TEST(ConfigText, ThatIsNoYamlIsOneFaultWithItsPlace) {
  Faults faults;

  const auto given = read_config_text(kHeader + "workers: [4\n", "c.yaml", "", faults).given;

  EXPECT_THAT(given, IsEmpty());
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_THAT(faults[0].to_string(), HasSubstr("c.yaml:4:1: is no YAML: "));
}

TEST(ConfigText, GivesWhatItCouldReadBesideItsFaults) {
  Faults faults;

  const auto given =
      read_config_text(kHeader + "wrong: 1\nworkers: 4\n", "c.yaml", "", faults).given;

  EXPECT_THAT(described(given), ElementsAre("workers=4 at 4:10"));
  EXPECT_EQ(faults.size(), 1u);
}

TEST(ConfigText, OfAFileInTheWorkingFolderKeepsRelativeManifestsRelative) {
  Faults faults;

  const auto given = read_config_text(kHeader + "manifests: ./m\n", "c.yaml", "", faults).given;

  EXPECT_THAT(described(given), ElementsAre("manifests=m at 3:12"));
}

class ConfigFileTest : public ::testing::Test {
 protected:
  std::vector<Given> read(const std::string& path) { return read_config_file(path, faults_).given; }

  test::TempFolder folder_;
  Faults faults_;
};

TEST_F(ConfigFileTest, IsReadFromItsFolder) {
  folder_.write("wherry.yaml", kHeader + "manifests: m\n");

  const auto given = read(folder_ / "wherry.yaml");

  ASSERT_EQ(given.size(), 1u);
  EXPECT_THAT(given[0].texts, ElementsAre(folder_ / "m"));
  EXPECT_EQ(given[0].place.to_string(), (folder_ / "wherry.yaml") + ":3:12");
}

TEST_F(ConfigFileTest, ThatDoesNotExistIsAFault) {
  EXPECT_THAT(read(folder_ / "none.yaml"), IsEmpty());

  EXPECT_THAT(texts_of(faults_),
              ElementsAre((folder_ / "none.yaml") +
                          ": No such file or directory; name a configuration file that can be "
                          "read"));
}

TEST_F(ConfigFileTest, ThatIsAFolderIsAFault) {
  EXPECT_THAT(read(folder_.path()), IsEmpty());

  EXPECT_THAT(texts_of(faults_),
              ElementsAre(folder_.path().string() +
                          ": Is a directory; name a configuration file that can be read"));
}

TEST_F(ConfigFileTest, OfAMebibyteIsReadAndALargerOneIsAFault) {
  const std::string comment = kHeader + "# ";
  folder_.write("fits.yaml", comment + std::string((1u << 20) - comment.size(), 'x'));
  folder_.write("large.yaml", comment + std::string((1u << 20) - comment.size() + 1, 'x'));

  (void)read(folder_ / "fits.yaml");
  EXPECT_THAT(texts_of(faults_), IsEmpty());

  (void)read(folder_ / "large.yaml");
  EXPECT_THAT(texts_of(faults_),
              ElementsAre((folder_ / "large.yaml") +
                          ": is larger than 1 MiB; a configuration is a few lines of YAML"));
}

}  // namespace
}  // namespace wherry::config
