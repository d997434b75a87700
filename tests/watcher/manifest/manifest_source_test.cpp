#include "tests/watcher/manifest/source_fixture.h"

#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// --- the first time

TEST_F(ManifestSourceTest, ReplacesEverythingOnceWhenAllHasBeenRead) {
  root_.write("a.yaml",
              "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: "
              "[{port: 80}]}}\n---\n" +
                  pod_text("p1"));
  root_.write("b.yaml",
              "{apiVersion: v1, kind: Endpoints, metadata: {name: db}}\n---\n" + pod_text("p2"));

  follow({root_.path()});

  EXPECT_TRUE(source_->has_synced());
  EXPECT_THAT(pods(), ElementsAre("p1", "p2"));
  EXPECT_THAT(services_.all(), SizeIs(1));
  EXPECT_THAT(slices_.all(), SizeIs(1));
  EXPECT_EQ(services_.replaced(), 1u);
  EXPECT_EQ(pods_.replaced(), 1u);
  EXPECT_EQ(slices_.replaced(), 1u);
  EXPECT_EQ(services_.calls() + pods_.calls() + slices_.calls(), 3u);
  EXPECT_EQ(changes_, 1);
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(ManifestSourceTest, HasNotSyncedBeforeTheFirstScanIsDone) {
  root_.write("a.yaml", pod_text("p1"));

  follow_on_another_thread({root_.path()});
  run();
  EXPECT_FALSE(source_->has_synced());
  EXPECT_EQ(pods_.calls(), 0u);

  run(work_);
  EXPECT_FALSE(source_->has_synced());
  run();
  EXPECT_TRUE(source_->has_synced());
  EXPECT_THAT(pods(), ElementsAre("p1"));
}

TEST_F(ManifestSourceTest, ReadsFilesOnAnotherThread) {
  root_.write("a.yaml", pod_text("p1"));
  asio::thread_pool pool(1);
  source_ = std::make_unique<ManifestSource>(loop_, pool.get_executor(), timers_, clock_,
                                             std::vector<std::string>{root_.path()}, sinks_,
                                             [this] { ++changes_; });

  source_->start();
  while (!source_->has_synced() && loop_.run_one_for(5s) > 0) {
  }

  EXPECT_THAT(pods(), ElementsAre("p1"));
  pool.join();
}

TEST_F(ManifestSourceTest, SyncsWithAnEmptyFolder) {
  follow({root_.path()});

  EXPECT_TRUE(source_->has_synced());
  EXPECT_EQ(pods_.replaced(), 1u);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ManifestSourceTest, SyncsWithAMissingPathAndTakesItWhenItComes) {
  follow({root_ / "later/manifests"});
  EXPECT_TRUE(source_->has_synced());
  EXPECT_EQ(log_.count("a path of manifests is gone"), 1u);

  root_.write("later/manifests/a.yaml", pod_text("p1"));
  pass(100ms);

  EXPECT_THAT(pods(), ElementsAre("p1"));
}

TEST_F(ManifestSourceTest, SyncsWithABrokenFileAndNamesIt) {
  root_.write("a.yaml", pod_text("p1"));
  root_.write("b.yaml", "kind: Pod\n");

  follow({root_.path()});

  EXPECT_TRUE(source_->has_synced());
  EXPECT_THAT(pods(), ElementsAre("p1"));
  EXPECT_THAT(broken(), ElementsAre(StartsWith((root_ / "b.yaml") + ":1:1: ")));
  EXPECT_EQ(changes_, 1);
}

// --- changes

TEST_F(ManifestSourceTest, TakesAFileThatIsWrittenInPlace) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});

  root_.write("a.yaml", pod_text("p2"));
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
  EXPECT_EQ(pods_.replaced(), 1u);
  EXPECT_EQ(changes_, 2);
}

TEST_F(ManifestSourceTest, TakesANewFile) {
  follow({root_.path()});

  root_.write("a.yaml", pod_text("p1"));
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p1"));
}

TEST_F(ManifestSourceTest, TakesAFileThatIsMovedIntoPlace) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});

  root_.replace("a.yaml", pod_text("p2"));
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_F(ManifestSourceTest, ForgetsAFileThatIsDeleted) {
  root_.write("a.yaml", pod_text("p1"));
  root_.write("b.yaml", pod_text("p2"));
  follow({root_.path()});

  root_.remove("a.yaml");
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p2"));
  EXPECT_EQ(pods_.erased(), 1u);
}

TEST_F(ManifestSourceTest, ForgetsAFileThatIsRenamedToWhatIsNoManifest) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});

  fs::rename(root_ / "a.yaml", root_ / "a.yaml.off");
  pass(50ms);

  EXPECT_THAT(pods(), IsEmpty());
}

TEST_F(ManifestSourceTest, SaysNothingOfAFileThatIsOnlyRenamed) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});
  const std::size_t told = pods_.calls();

  fs::rename(root_ / "a.yaml", root_ / "b.yaml");
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p1"));
  EXPECT_EQ(pods_.calls(), told);
}

TEST_F(ManifestSourceTest, TheFileBeforeTakesOverWhenTheLastOneIsDeleted) {
  root_.write("a.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: one}}");
  root_.write("b.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: two}}");
  follow({root_.path()});
  EXPECT_EQ(pods_.all().at(0).node, "two");

  root_.remove("b.yaml");
  pass(50ms);

  EXPECT_EQ(pods_.all().at(0).node, "one");
  EXPECT_EQ(pods_.erased(), 0u);
}

TEST_F(ManifestSourceTest, IgnoresSubfolders) {
  follow({root_.path()});

  root_.write("sub.yaml/a.yaml", pod_text("p1"));
  pass(50ms);

  EXPECT_THAT(pods(), IsEmpty());
}

TEST_F(ManifestSourceTest, FollowsManyPaths) {
  root_.write("one/a.yaml", pod_text("p1"));
  root_.write("two/a.yaml", pod_text("p2"));
  root_.write("three.txt", pod_text("p3"));
  follow({root_ / "one", root_ / "two", root_ / "three.txt"});
  EXPECT_THAT(pods(), ElementsAre("p1", "p2", "p3"));

  root_.write("one/b.yaml", pod_text("p4"));
  root_.write("three.txt", pod_text("p5"));
  root_.remove("two/a.yaml");
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p1", "p4", "p5"));
}

TEST_F(ManifestSourceTest, TakesABurstOfChangesAtOnce) {
  follow({root_.path()});

  for (int i = 10; i < 60; ++i) {
    root_.write("f" + std::to_string(i) + ".yaml", pod_text("p" + std::to_string(i)));
  }
  pass(50ms);

  EXPECT_THAT(pods(), SizeIs(50));
  EXPECT_EQ(changes_, 2);
}

// --- broken files

TEST_F(ManifestSourceTest, ABrokenFileLeavesItsLastGoodContentInForce) {
  root_.write("a.yaml", pod_text("p1"));
  root_.write("b.yaml", pod_text("q1"));
  follow({root_.path()});

  root_.write("a.yaml", pod_text("p2") + "---\nkind: Pod\n");
  root_.write("b.yaml", pod_text("q2"));
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p1", "q2"));
  EXPECT_THAT(broken(), ElementsAre((root_ / "a.yaml") +
                                    ":3:1: is no Kubernetes object: it has no apiVersion"));
  EXPECT_EQ(metric("wherry_manifest_errors"), 1);
  EXPECT_EQ(changes_, 2);
}

TEST_F(ManifestSourceTest, ABrokenFileIsNamedInTheLogWithLineAndColumn) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});

  root_.write("a.yaml", "kind: Pod\n");
  pass(50ms);

  EXPECT_THAT(log_.lines(), ElementsAre("a manifest is broken: " + (root_ / "a.yaml") +
                                            ":1:1: is no Kubernetes object: it has no apiVersion",
                                        "what it said when it was last whole stays in force file=" +
                                            (root_ / "a.yaml") + " faults=1"));
}

TEST_F(ManifestSourceTest, TheSameFaultIsLoggedOnce) {
  root_.write("a.yaml", "kind: Pod\n");
  follow({root_.path()});
  EXPECT_EQ(log_.count("a manifest is broken"), 1u);

  root_.write("a.yaml", "kind: Pod\n");
  pass(50ms);
  fs::permissions(root_ / "a.yaml", fs::perms(0640));
  pass(30s);
  EXPECT_EQ(log_.count("a manifest is broken"), 1u);

  root_.write("a.yaml", "kind: Service\n");
  pass(50ms);
  EXPECT_EQ(log_.count("a manifest is broken"), 1u);
  root_.write("a.yaml", "\n\nkind: Service\n");
  pass(50ms);
  EXPECT_EQ(log_.count("a manifest is broken"), 2u);
}

TEST_F(ManifestSourceTest, ManyFaultsOfAFileAreLoggedInPart) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "kind: Pod\n---\n";
  root_.write("a.yaml", text);

  follow({root_.path()});

  EXPECT_EQ(log_.count("a manifest is broken"), 10u);
  EXPECT_EQ(log_.count("faults=30"), 1u);
  EXPECT_THAT(broken(), SizeIs(30));
}

TEST_F(ManifestSourceTest, ABrokenFileThatIsMendedIsWholeAgain) {
  root_.write("a.yaml", "kind: Pod\n");
  follow({root_.path()});

  root_.write("a.yaml", pod_text("p1"));
  pass(50ms);

  EXPECT_THAT(pods(), ElementsAre("p1"));
  EXPECT_THAT(broken(), IsEmpty());
  EXPECT_EQ(log_.count("a manifest is whole again file=" + (root_ / "a.yaml")), 1u);
  EXPECT_EQ(metric("wherry_manifest_errors"), 0);
}

TEST_F(ManifestSourceTest, ABrokenFileThatIsMendedWithoutNewsIsAChangeToo) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});
  root_.write("a.yaml", "kind: Pod\n");
  pass(50ms);
  EXPECT_EQ(changes_, 2);

  root_.write("a.yaml", pod_text("p1"));
  pass(50ms);

  EXPECT_THAT(broken(), IsEmpty());
  EXPECT_EQ(changes_, 3);
  EXPECT_EQ(pods_.calls(), 1u);
}

TEST_F(ManifestSourceTest, ABrokenFileThatIsDeletedIsForgottenWithItsLastGoodContent) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});
  root_.write("a.yaml", "kind: Pod\n");
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));

  root_.remove("a.yaml");
  pass(50ms);

  EXPECT_THAT(pods(), IsEmpty());
  EXPECT_THAT(broken(), IsEmpty());
}

TEST_F(ManifestSourceTest, AFileThatGrowsTooLargeKeepsItsLastGoodContent) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});

  fs::resize_file(root_ / "a.yaml", (32u << 20) + 1);
  pass(600ms);

  EXPECT_THAT(pods(), ElementsAre("p1"));
  EXPECT_THAT(broken(), ElementsAre((root_ / "a.yaml") +
                                    ": is larger than 32 MiB; split it into several files"));
}

// --- the end

TEST_F(ManifestSourceTest, TellsNobodyAfterItStopped) {
  root_.write("a.yaml", pod_text("p1"));
  follow({root_.path()});
  const std::size_t told = pods_.calls();

  root_.write("a.yaml", pod_text("p2"));
  run();
  source_->stop();
  root_.write("a.yaml", pod_text("p3"));
  pass(30s);

  EXPECT_EQ(pods_.calls(), told);
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(timers_.waiting(), 0u);
}

TEST_F(ManifestSourceTest, MayBeDestroyedWhileAScanIsUnderWay) {
  root_.write("a.yaml", pod_text("p1"));
  follow_on_another_thread({root_.path()});

  source_->stop();
  source_.reset();
  run(work_);
  run();

  EXPECT_EQ(pods_.calls(), 0u);
}

TEST_F(ManifestSourceTest, MayBeDestroyedWhileTheResultIsOnItsWay) {
  root_.write("a.yaml", pod_text("p1"));
  follow_on_another_thread({root_.path()});
  run(work_);

  source_->stop();
  source_.reset();
  run();

  EXPECT_EQ(pods_.calls(), 0u);
}

TEST_F(ManifestSourceTest, CountsWhatItFollows) {
  root_.write("a.yaml", pod_text("p1") + "---\n" + pod_text("p2") +
                            "---\n{apiVersion: apps/v1, kind: Deployment}\n");
  root_.write("b.yaml", "{apiVersion: v1, kind: ConfigMap}\n");
  root_.write("c.yaml", "kind: Pod\n");
  follow({root_.path()});

  EXPECT_EQ(metric("wherry_manifest_files"), 3);
  EXPECT_EQ(metric("wherry_manifest_errors"), 1);
  EXPECT_EQ(metric("wherry_manifest_ignored_objects"), 2);

  root_.remove("a.yaml");
  pass(50ms);
  EXPECT_EQ(metric("wherry_manifest_files"), 2);
  EXPECT_EQ(metric("wherry_manifest_ignored_objects"), 1);
}

TEST_F(ManifestSourceTest, CountsObjectsByKind) {
  root_.write("a.yaml", pod_text("p1") + "---\n" + pod_text("p2"));
  follow({root_.path()});

  MetricFamilies families;
  source_->collect(families);

  const auto objects = std::find_if(families.begin(), families.end(), [](const auto& family) {
    return family.name == "wherry_manifest_objects";
  });
  ASSERT_NE(objects, families.end());
  std::map<std::string, double> counts;
  for (const MetricSample& sample : objects->samples) {
    counts[sample.labels.at(0).first + '=' + sample.labels.at(0).second] = sample.value;
  }
  EXPECT_EQ(counts, (std::map<std::string, double>{{"kind=Service", 0},
                                                   {"kind=Pod", 2},
                                                   {"kind=EndpointSlice", 0},
                                                   {"kind=Node", 0},
                                                   {"kind=ServiceCIDR", 0}}));
}

}  // namespace
}  // namespace wherry::manifest
