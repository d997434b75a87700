#include "proxy/app/table_loop.h"

#include "tests/support/builders.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "watcher/model/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::app {
namespace {

using namespace std::chrono_literals;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TableLoopTest : public ::testing::Test {
 protected:
  void start(Duration min_sync_period = {}) {
    TableRules rules;
    rules.flatten.needs_cluster_ip = true;
    rules.endpoints = TableRules::Endpoints::Slices;
    rules.min_sync_period = min_sync_period;
    loop_.emplace(
        timers_, clock_, rules, "node-1",
        [this](const auto&, const TableLoop::Origin& origin) { published_.push_back(origin); },
        &progress_);
  }
  static test::ServiceBuilder web(std::uint16_t port = 80) {
    return service("web").cluster_ip("10.0.0.1").port("http", port);
  }
  void go_live() {
    for (const TableLoop::Origin& origin : published_) progress_.done(origin.run, origin.triggers);
    published_.clear();
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  SyncProgress progress_{clock_, {IpFamily::IPv4}, 30s};
  std::vector<TableLoop::Origin> published_;
  std::optional<TableLoop> loop_;
};

TEST_F(TableLoopTest, W5_NothingIsPublishedBeforeTheSourceHasSynced) {
  start();
  loop_->services().upsert(web());
  timers_.advance(1h);
  EXPECT_THAT(published_, IsEmpty());
  EXPECT_TRUE(progress_.health().healthy());

  loop_->on_synced();
  timers_.advance(0ms);

  EXPECT_THAT(published_, SizeIs(1));
  EXPECT_TRUE(published_[0].run.is_full);
}

TEST_F(TableLoopTest, R1_WithoutAPeriodAChangeWaitsForFiveMillisecondsAtMost) {
  start();
  loop_->on_synced();
  timers_.advance(0ms);
  go_live();

  loop_->services().upsert(web());
  timers_.advance(5ms);

  EXPECT_THAT(published_, SizeIs(1));
  EXPECT_FALSE(published_[0].run.is_full);
}

TEST_F(TableLoopTest, R1_AnExplicitPeriodDelaysTheNextTableAndTakesAllThatComesMeanwhile) {
  start(1s);
  loop_->on_synced();
  timers_.advance(0ms);
  go_live();

  loop_->services().upsert(web(80));
  timers_.advance(999ms);
  loop_->services().upsert(web(81));
  EXPECT_THAT(published_, IsEmpty());
  timers_.advance(1ms);

  EXPECT_THAT(published_, SizeIs(1));
  timers_.advance(10s);
  EXPECT_THAT(published_, SizeIs(1));
}

TEST_F(TableLoopTest, R1_AfterThePeriodAChangeIsTakenAtOnce) {
  start(1s);
  loop_->on_synced();
  timers_.advance(1s);
  go_live();

  loop_->services().upsert(web());
  timers_.advance(0ms);

  EXPECT_THAT(published_, SizeIs(1));
}

TEST_F(TableLoopTest, R2_AChangeThatRevertsItselfMakesNoTableAndLeavesNothingWaiting) {
  start(1s);
  loop_->services().upsert(web());
  loop_->on_synced();
  timers_.advance(0ms);
  go_live();

  loop_->services().upsert(web(81));
  loop_->services().upsert(web(80));
  timers_.advance(1h);

  EXPECT_THAT(published_, IsEmpty());
  EXPECT_TRUE(progress_.health().healthy());
}

TEST_F(TableLoopTest, H1_AChangeWhoseTableIsNeverLiveMakesTheProxyUnhealthy) {
  start();
  loop_->on_synced();
  timers_.advance(0ms);
  go_live();
  loop_->services().upsert(web());
  timers_.advance(60s);
  EXPECT_FALSE(progress_.health().healthy());

  go_live();

  EXPECT_TRUE(progress_.health().healthy());
}

TEST_F(TableLoopTest, M2_ATableComesWithTheTriggersOfItsSlices) {
  start();
  loop_->services().upsert(web());
  loop_->slices().upsert(
      slice("web-1", "web")
          .port("http", 8080)
          .endpoint("10.1.0.1")
          .annotation(std::string(model::kLastChangeTriggerTime), "2026-11-28T10:00:00.5Z"));
  loop_->on_synced();
  timers_.advance(0ms);

  ASSERT_THAT(published_, SizeIs(1));
  EXPECT_THAT(
      published_[0].triggers,
      ElementsAre(balancer::Trigger{
          {"default", "web"}, IpFamily::IPv4, *model::parse_timestamp("2026-11-28T10:00:00.5Z")}));
}

// R3: what is built anew follows what changed, at any size; there is no periodic full sync to leave
// out, because there are no rules that somebody else could have changed.
TEST_F(TableLoopTest, R3_WithoutAChangeNothingIsBuilt) {
  start();
  loop_->on_synced();
  timers_.advance(0ms);
  go_live();

  timers_.advance(24h);

  EXPECT_THAT(published_, IsEmpty());
  EXPECT_EQ(timers_.waiting(), 0);
}

TEST_F(TableLoopTest, H6_ABadAnnotationIsAnEventOnItsService) {
  class Recorded final : public model::EventSink {
   public:
    void record(const model::EventSubject& regarding, model::EventType type,
                std::string_view reason, std::string_view) override {
      all.push_back(regarding.kind + ' ' + regarding.key.to_string() + ' ' +
                    (type == model::EventType::Warning ? "Warning " : "Normal ") +
                    std::string(reason));
    }
    std::vector<std::string> all;
  };
  Recorded events;
  start();
  loop_->report_to(events);

  loop_->services().upsert(web());
  EXPECT_THAT(events.all, IsEmpty());
  loop_->services().upsert(web().annotation("wherry.io/balance", "fastest"));
  EXPECT_THAT(events.all, ElementsAre("Service default/web Warning InvalidAnnotation"));
}

}  // namespace
}  // namespace wherry::app
