#include "tests/watcher/manifest/source_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace wherry::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HalfWritten : public ManifestSourceTest, public ::testing::WithParamInterface<const char*> {
 protected:
  /// The folder as it is given on the command line.
  std::string given() const { return root_.path().string() + GetParam(); }
};

TEST_P(HalfWritten, AreNotTakenBeforeTheWriterClosesThem) {
  root_.write("a.yaml", pod_text("p1"));
  root_.write("other.yaml", pod_text("q1"));
  follow({given()});

  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  file << pod_text("p2") << std::flush;
  pass(300ms);
  root_.write("other.yaml", pod_text("q2"));
  pass(100ms);
  EXPECT_THAT(pods(), ElementsAre("p1", "q2"));

  file << "---\n" << pod_text("p3");
  file.close();
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2", "p3", "q2"));
  EXPECT_THAT(broken(), IsEmpty());
}

TEST_P(HalfWritten, NewOnesAreNotTakenEither) {
  follow({given()});

  std::ofstream file(root_ / "a.yaml");
  file << "{apiVersion: v1, " << std::flush;
  pass(300ms);
  root_.write("other.yaml", pod_text("q1"));
  pass(100ms);
  EXPECT_THAT(pods(), ElementsAre("q1"));
  EXPECT_THAT(broken(), IsEmpty());

  file << "kind: Pod, metadata: {name: p1}}\n";
  file.close();
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p1", "q1"));
}

TEST_P(HalfWritten, AreTakenAfterHalfASecondOfQuietIfNobodyClosesThem) {
  root_.write("a.yaml", pod_text("p1"));
  follow({given()});

  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  file << pod_text("p2") << std::flush;
  pass(480ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));

  pass(60ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_P(HalfWritten, AreTakenAfterFiveSecondsIfTheyNeverGetQuiet) {
  root_.write("a.yaml", pod_text("p1"));
  follow({given()});

  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  file << pod_text("p2") << std::flush;
  for (int i = 0; i < 48; ++i) {
    pass(100ms);
    file << "# more\n" << std::flush;
    ASSERT_THAT(pods(), ElementsAre("p1")) << i;
  }
  for (int i = 0; i < 5; ++i) {
    pass(100ms);
    file << "# more\n" << std::flush;
  }
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_P(HalfWritten, AreNotTakenWhileTheyAreEmptyHoweverLongThatTakes) {
  // `kubectl get service,pod -o yaml > a.yaml`
  root_.write("a.yaml", pod_text("p1"));
  follow({given()});

  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  pass(30s);
  EXPECT_THAT(pods(), ElementsAre("p1"));

  file << pod_text("p2");
  file.close();
  pass(50ms);
  EXPECT_THAT(pods(), ElementsAre("p2"));
}

TEST_P(HalfWritten, AreTakenEmptyOnceTheyAreClosed) {
  root_.write("a.yaml", pod_text("p1"));
  follow({given()});

  root_.write("a.yaml", "");
  pass(50ms);

  EXPECT_THAT(pods(), IsEmpty());
}

TEST_P(HalfWritten, AreTakenAfterFiveSecondsOfQuietWhileTheyAreShorterThanBefore) {
  root_.write("a.yaml", pod_text("p1") + "---\n" + pod_text("p2"));
  follow({given()});

  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  file << pod_text("p1") << std::flush;
  pass(4900ms);
  EXPECT_THAT(pods(), ElementsAre("p1", "p2"));

  pass(200ms);
  EXPECT_THAT(pods(), ElementsAre("p1"));
}

INSTANTIATE_TEST_SUITE_P(Folders, HalfWritten, ::testing::Values("", "/", "//", "/."),
                         [](const auto& each) {
                           return std::string(std::strcmp(each.param, "") == 0     ? "Plain"
                                              : std::strcmp(each.param, "/") == 0  ? "Slash"
                                              : std::strcmp(each.param, "//") == 0 ? "TwoSlashes"
                                                                                   : "Dot");
                         });

TEST_F(ManifestSourceTest, DoesNotTakeAFileThatIsHalfWrittenWhenAScanComesBy) {
  root_.write("a.yaml", pod_text("p1"));
  root_.write("other.yaml", pod_text("q1"));
  follow_on_another_thread({root_.path()});
  for (int i = 0; i < 20; ++i, timers_.advance(10ms)) {
    run();
    run(work_);
  }
  root_.write("other.yaml", pod_text("q2"));
  run();
  timers_.advance(20ms);

  // The scan has begun; before it gets to the file, somebody begins to write it.
  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  file << "# only the beginning\n" << std::flush;
  run(work_);
  run();
  EXPECT_THAT(pods(), ElementsAre("p1", "q2"));

  file << pod_text("p2");
  file.close();
  for (int i = 0; i < 10; ++i, timers_.advance(10ms)) {
    run();
    run(work_);
  }
  EXPECT_THAT(pods(), ElementsAre("p2", "q2"));
}

TEST_F(ManifestSourceTest, DoesNotTakeTheHalfThatAScanSawOfAFileThatIsWholeByNow) {
  root_.write("a.yaml", pod_text("p1"));
  follow_on_another_thread({root_.path()});
  for (int i = 0; i < 20; ++i, timers_.advance(10ms)) {
    run();
    run(work_);
  }
  root_.write("b.yaml", pod_text("q"));
  run();
  timers_.advance(20ms);

  std::ofstream file(root_ / "a.yaml", std::ios::trunc);
  file << "# only the beginning\n" << std::flush;
  run(work_);
  file << pod_text("p2");
  file.close();
  run();

  EXPECT_THAT(pods(), ElementsAre("p1", "q"));
  for (int i = 0; i < 10; ++i, timers_.advance(10ms)) {
    run();
    run(work_);
  }
  EXPECT_THAT(pods(), ElementsAre("p2", "q"));
  EXPECT_EQ(pods_.erased(), 1u);
}

TEST_F(ManifestSourceTest, TakesAFileThatIsRewrittenDuringEveryScanAfterFiveSeconds) {
  root_.write("a.yaml", pod_text("p0"));
  follow_on_another_thread({root_.path()});
  for (int i = 1; i <= 600; ++i, timers_.advance(10ms)) {
    run();
    root_.write("a.yaml", pod_text("p" + std::to_string(i)));
    run(work_);
  }

  EXPECT_NE(pods(), std::vector<std::string>{"p0"});
}

TEST_F(ManifestSourceTest, LooksAgainAtWhatChangedDuringAScan) {
  root_.write("a.yaml", pod_text("p1"));
  follow_on_another_thread({root_.path()});
  for (int i = 0; i < 20; ++i, timers_.advance(10ms)) {
    run();
    run(work_);
  }
  root_.write("a.yaml", pod_text("p2"));
  run();
  timers_.advance(20ms);
  run(work_);
  root_.replace("a.yaml", pod_text("p3"));
  root_.write("b.yaml", pod_text("q"));

  for (int i = 0; i < 10; ++i, timers_.advance(10ms)) {
    run();
    run(work_);
  }

  EXPECT_THAT(pods(), ElementsAre("p3", "q"));
}

}  // namespace
}  // namespace wherry::manifest
