#include "config/compose.h"

#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace wherry::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Given by_flag(const std::string& flag, std::vector<std::string> texts) {
  return {find_flag(flag), std::move(texts), Place{"--" + flag}, ""};
}

Given by_key(const std::string& key, std::vector<std::string> texts, int line) {
  return {find_key(key), std::move(texts), Place{"c.yaml", line, 3}, key};
}

class ComposeTest : public ::testing::Test {
 protected:
  Options compose(const std::vector<Given>& file, const std::vector<Given>& flags) {
    return config::compose(file, flags, faults_);
  }
  [[nodiscard]] std::vector<std::string> faults() const {
    std::vector<std::string> texts;
    for (const Fault& fault : faults_) texts.push_back(fault.to_string());
    return texts;
  }

  Faults faults_;
};

TEST_F(ComposeTest, NothingGivenIsTheDefaults) {
  const Options options = compose({}, {});

  EXPECT_EQ(options.workers, 0u);
  EXPECT_EQ(options.admin_address.to_string(), "127.0.0.1:10249");
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, H1_WhereTheHealthOfANodeIsIfNobodySaysWhere) {
  EXPECT_EQ(compose({}, {}).healthz_bind_address, std::nullopt);
  EXPECT_FALSE(compose({}, {}).healthz_is_given);
  EXPECT_TRUE(compose({}, {by_flag("healthz-bind-address", {""})}).healthz_is_given);
  EXPECT_EQ(default_healthz(compose({}, {})).to_string(), "0.0.0.0:10256");
  EXPECT_EQ(default_healthz(compose({}, {by_flag("bind-address", {"fd00::7"})})).to_string(),
            "[::]:10256");
}

TEST_F(ComposeTest, ANodeIsNotToldWhatContradictsItself) {
  compose({by_key("detectLocalMode", {"BridgeInterface"}, 3)},
          {by_flag("min-sync-period", {"1m"})});
  compose({by_key("detectLocalMode", {"InterfaceNamePrefix"}, 3)},
          {by_flag("sync-period", {"10s"}), by_flag("min-sync-period", {"10s"})});

  EXPECT_THAT(
      faults(),
      ElementsAre("--min-sync-period: the least time between two tables (1m) is longer than the "
                  "sync period (30s); make one longer or the other shorter",
                  "c.yaml:3:3: detectLocalMode: BridgeInterface needs the bridge's name; give "
                  "pod-bridge-interface",
                  "c.yaml:3:3: detectLocalMode: InterfaceNamePrefix needs the prefix; give "
                  "pod-interface-name-prefix"));
}

TEST_F(ComposeTest, FlagsWinOverTheFile) {
  const Options options = compose({by_key("workers", {"2"}, 3), by_key("maxAttempts", {"9"}, 4)},
                                  {by_flag("workers", {"4"})});

  EXPECT_EQ(options.workers, 4u);
  EXPECT_EQ(options.max_attempts, 9u);
}

TEST_F(ComposeTest, AFlagWinsUnderItsOtherNameToo) {
  const Options options =
      compose({by_key("nodeName", {"a"}, 3)}, {by_flag("hostname-override", {"b"})});

  EXPECT_EQ(options.node_name, "b");
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, AFlagWinsOverAKeyUnderAnotherName) {
  const Options options = compose({by_key("metricsBindAddress", {"127.0.0.1:1"}, 3)},
                                  {by_flag("admin-address", {"127.0.0.1:2"})});

  EXPECT_EQ(options.admin_address.to_string(), "127.0.0.1:2");
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, ABadValueIsAFaultEvenIfAFlagWinsOverIt) {
  compose({by_key("workers", {"many"}, 3)}, {by_flag("workers", {"4"})});

  EXPECT_THAT(faults(), ElementsAre("c.yaml:3:3: workers: \"many\" is no whole number; write one "
                                    "from 0 to 1024"));
}

TEST_F(ComposeTest, FaultsOfFlagsNameTheFlag) {
  compose({}, {by_flag("workers", {"many"})});

  EXPECT_THAT(faults(),
              ElementsAre("--workers: \"many\" is no whole number; write one from 0 to 1024"));
}

TEST_F(ComposeTest, EveryFaultIsReportedTheFilesFirst) {
  compose({by_key("workers", {"x"}, 3), by_key("logLevel", {"y"}, 4)},
          {by_flag("max-attempts", {"0"}), by_flag("manifests", {"/nowhere"})});

  EXPECT_THAT(
      faults(),
      ElementsAre("c.yaml:3:3: workers: \"x\" is no whole number; write one from 0 to 1024",
                  "c.yaml:4:3: logLevel: \"y\" is no level; write debug, info, warn or error",
                  "--max-attempts: 0 is out of range; write a whole number from 1 to 100",
                  "--manifests: /nowhere: No such file or directory; name a file or a folder that "
                  "exists and can be read"));
}

TEST_F(ComposeTest, NodeNameAndHostnameOverrideMustNotContradictEachOther) {
  compose({}, {by_flag("node-name", {"a"}), by_flag("hostname-override", {"b"})});

  EXPECT_THAT(faults(),
              ElementsAre("--hostname-override: contradicts --node-name, which says a; they are "
                          "one setting, give one of them"));
}

TEST_F(ComposeTest, AdminAddressAndMetricsBindAddressMustNotContradictEachOther) {
  compose({by_key("adminAddress", {"127.0.0.1:1"}, 3),
           by_key("metricsBindAddress", {"127.0.0.1:2"}, 4)},
          {});

  EXPECT_THAT(faults(), ElementsAre("c.yaml:4:3: metricsBindAddress: contradicts adminAddress, "
                                    "which says 127.0.0.1:1; they are one setting, give one of "
                                    "them"));
}

TEST_F(ComposeTest, TwoNamesThatMeanTheSameAreNoContradiction) {
  const Options options =
      compose({}, {by_flag("node-name", {"Node-1"}), by_flag("hostname-override", {"node-1"})});

  EXPECT_EQ(options.node_name, "node-1");
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, TwoNamesThatSayTheSameAreNoContradiction) {
  const Options options =
      compose({}, {by_flag("node-name", {"a"}), by_flag("hostname-override", {"a"})});

  EXPECT_EQ(options.node_name, "a");
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, ManifestsOfFlagsReplaceThoseOfTheFile) {
  const Options options =
      compose({by_key("manifests", {"/usr"}, 3)}, {by_flag("manifests", {"/", "/tmp"})});

  EXPECT_THAT(options.manifests, ElementsAre("/", "/tmp"));
}

TEST_F(ComposeTest, ManifestsThatDoNotCountNeedNotExist) {
  compose({by_key("manifests", {"/nowhere"}, 3)}, {by_flag("manifests", {"/"})});

  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, EveryManifestThatDoesNotExistIsAFault) {
  compose({by_key("manifests", {"/nowhere", "/", "/nothing"}, 3)}, {});

  EXPECT_THAT(faults(), ElementsAre("c.yaml:3:3: manifests: /nowhere: No such file or directory; "
                                    "name a file or a folder that exists and can be read",
                                    "c.yaml:3:3: manifests: /nothing: No such file or directory; "
                                    "name a file or a folder that exists and can be read"));
}

TEST_F(ComposeTest, AnEmptyPathIsAFault) {
  compose({}, {by_flag("manifests", {""})});

  EXPECT_THAT(faults(), ElementsAre("--manifests: an empty path; name a file or a folder that "
                                    "exists and can be read"));
}

TEST_F(ComposeTest, AManifestMayBeAFileOrAFolderOrALinkToOne) {
  const test::TempFolder folder;
  folder.write("a.yaml", "");
  ASSERT_EQ(::symlink((folder / "a.yaml").c_str(), (folder / "link").c_str()), 0);

  compose({}, {by_flag("manifests", {folder / "a.yaml", folder / "", folder / "link"})});

  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(ComposeTest, AManifestThatIsNeitherFileNorFolderIsAFault) {
  const test::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);

  compose({}, {by_flag("manifests", {folder / "pipe"})});

  EXPECT_THAT(faults(), ElementsAre("--manifests: " + (folder / "pipe") +
                                    " is neither a regular file nor a folder"));
}

}  // namespace
}  // namespace wherry::config
