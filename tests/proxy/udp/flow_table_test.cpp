#include "proxy/udp/flow_table.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace wherry::udp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FlowTableTest : public ::testing::Test {
 protected:
  explicit FlowTableTest(FlowTable::Limits limits = {100, 100}) : table_(limits, 7) {}

  static FlowKey key(const std::string& client, const std::string& asked = "10.0.0.10:53") {
    return {test::at(client), test::at(asked), 0, balancer::Entrance({1, 1})};
  }
  Flow& add(const std::string& client, Duration idle_timeout = 30s) {
    while (table_.make_room(test::at(client).ip)) {
    }
    return table_.add(key(client), idle_timeout, now_);
  }
  /// Which flows have to go for one of this client to be added, and why.
  std::vector<std::string> make_room(const std::string& client) {
    std::vector<std::string> gone;
    while (auto taken = table_.make_room(test::at(client).ip)) {
      gone.push_back(taken->flow->key.client.to_string() + ' ' +
                     std::string(to_string(taken->reason)));
    }
    return gone;
  }
  std::vector<std::string> expire() {
    std::vector<std::string> gone;
    while (auto flow = table_.take_expired(now_)) gone.push_back(flow->key.client.to_string());
    return gone;
  }

  FlowTable table_;
  TimePoint now_{1h};
};

TEST_F(FlowTableTest, FindsAFlowByEverythingThatMakesItOne) {
  Flow& flow = add("10.1.0.1:1000");

  EXPECT_EQ(table_.find(key("10.1.0.1:1000")), &flow);
  EXPECT_EQ(table_.find(key("10.1.0.1:1001")), nullptr);
  EXPECT_EQ(table_.find(key("10.1.0.2:1000")), nullptr);
  EXPECT_EQ(table_.find(key("10.1.0.1:1000", "10.0.0.11:53")), nullptr);
  EXPECT_EQ(table_.find(key("10.1.0.1:1000", "10.0.0.10:54")), nullptr);
  FlowKey other = key("10.1.0.1:1000");
  other.scope = 2;
  EXPECT_EQ(table_.find(other), nullptr);
  other = key("10.1.0.1:1000");
  other.entrance.service_port.serial = 2;
  EXPECT_EQ(table_.find(other), nullptr);
  other = key("10.1.0.1:1000");
  other.entrance.kind = balancer::AddressKind::NodePort;
  EXPECT_EQ(table_.find(other), nullptr);
}

TEST_F(FlowTableTest, KeepsTheFamiliesApart) {
  Flow& six = table_.add(key("[fd00::1]:9", "[fd00::10]:53"), 30s, now_);
  Flow& four = add("10.1.0.1:9");

  EXPECT_EQ(table_.find(key("[fd00::1]:9", "[fd00::10]:53")), &six);
  EXPECT_EQ(table_.find(key("10.1.0.1:9")), &four);
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(FlowTableTest, ARemovedFlowIsForgotten) {
  Flow& flow = add("10.1.0.1:1000");

  const auto removed = table_.remove(flow);

  EXPECT_EQ(removed.get(), &flow);
  EXPECT_EQ(table_.find(key("10.1.0.1:1000")), nullptr);
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(table_.size_of(test::ip("10.1.0.1")), 0u);
  EXPECT_EQ(table_.next_deadline(), std::nullopt);
  EXPECT_EQ(table_.remove_oldest(), nullptr);
}

TEST_F(FlowTableTest, AFlowExpiresOnceNothingMovedForItsIdleTimeout) {
  add("10.1.0.1:1", 30s);
  add("10.1.0.1:2", 10s);

  now_ += 10s - 1ns;
  EXPECT_THAT(expire(), IsEmpty());
  now_ += 1ns;
  EXPECT_THAT(expire(), ElementsAre("10.1.0.1:2"));
  EXPECT_EQ(table_.next_deadline(), now_ + 20s);
  now_ += 20s;
  EXPECT_THAT(expire(), ElementsAre("10.1.0.1:1"));
}

TEST_F(FlowTableTest, UseBeginsTheIdleTimeoutAnew) {
  Flow& flow = add("10.1.0.1:1", 30s);
  now_ += 29s;
  table_.touch(flow, now_);

  now_ += 29s;
  EXPECT_THAT(expire(), IsEmpty());
  EXPECT_EQ(table_.next_deadline(), now_ + 1s);
  now_ += 1s;
  EXPECT_THAT(expire(), ElementsAre("10.1.0.1:1"));
}

TEST_F(FlowTableTest, AnotherIdleTimeoutCountsSinceTheLastUse) {
  Flow& flow = add("10.1.0.1:1", 30s);
  now_ += 10s;

  EXPECT_FALSE(table_.set_idle_timeout(flow, 40s));
  EXPECT_EQ(table_.next_deadline(), now_ + 20s) << "then it is looked at again";
  EXPECT_TRUE(table_.set_idle_timeout(flow, 12s));
  EXPECT_EQ(table_.next_deadline(), now_ + 2s);
  now_ += 2s;
  EXPECT_THAT(expire(), ElementsAre("10.1.0.1:1"));
}

TEST_F(FlowTableTest, ALongerIdleTimeoutIsKept) {
  Flow& flow = add("10.1.0.1:1", 30s);
  (void)table_.set_idle_timeout(flow, 40s);

  now_ += 39s;
  EXPECT_THAT(expire(), IsEmpty());
  now_ += 1s;
  EXPECT_THAT(expire(), ElementsAre("10.1.0.1:1"));
}

TEST_F(FlowTableTest, WhoHasMostGivesUpTheOneIdleForLongest) {
  add("10.1.0.9:1");
  add("10.1.0.1:1");
  add("10.1.0.1:2");
  add("10.1.0.1:3");
  add("10.1.0.2:1");
  add("10.1.0.2:2");
  table_.touch(*table_.find(key("10.1.0.1:1")), now_);
  std::vector<std::string> gone;

  while (const auto flow = table_.remove_of_largest_source()) {
    gone.push_back(flow->key.client.to_string());
  }

  EXPECT_THAT(gone, ElementsAre("10.1.0.1:2", "10.1.0.1:3", "10.1.0.2:1", "10.1.0.9:1",
                                "10.1.0.2:2", "10.1.0.1:1"))
      << "of equals the one idle for longest";
}

class FullFlowTableTest : public FlowTableTest {
 protected:
  FullFlowTableTest() : FlowTableTest({3, 2, true}) {}
};

TEST_F(FullFlowTableTest, TheOneIdleForLongestMakesRoom) {
  Flow& first = add("10.1.0.1:1");
  add("10.1.0.2:1");
  add("10.1.0.3:1");
  table_.touch(first, now_);

  EXPECT_THAT(make_room("10.1.0.4:1"), ElementsAre("10.1.0.2:1 flow_limit"));
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(FullFlowTableTest, AClientAtItsLimitGivesUpItsOwnOldestFlow) {
  add("10.1.0.9:1");
  Flow& first = add("10.1.0.1:1");
  add("10.1.0.1:2");
  table_.touch(first, now_);

  EXPECT_THAT(make_room("10.1.0.1:3"), ElementsAre("10.1.0.1:2 source_limit"));
  EXPECT_NE(table_.find(key("10.1.0.9:1")), nullptr);
}

TEST_F(FullFlowTableTest, WhileThereIsRoomAClientMayHaveMoreThanItsPart) {
  add("10.1.0.1:1");
  add("10.1.0.1:2");

  EXPECT_THAT(make_room("10.1.0.1:3"), IsEmpty());
}

TEST_F(FullFlowTableTest, ANumberThatWasGivenHoldsAlsoWhileThereIsRoom) {
  table_.set_limits({3, 1, false});
  add("10.1.0.1:1");

  EXPECT_THAT(make_room("10.1.0.2:1"), IsEmpty());
  EXPECT_THAT(make_room("10.1.0.1:2"), ElementsAre("10.1.0.1:1 source_limit"));
}

TEST_F(FullFlowTableTest, WhoHasMoreThanItsPartGivesItUpFirstWhenOthersWantRoom) {
  add("10.1.0.9:1");  // idle for longest, and within its part
  add("10.1.0.1:1");
  add("10.1.0.1:2");
  table_.set_limits({3, 1, true});

  EXPECT_THAT(make_room("10.1.0.2:1"), ElementsAre("10.1.0.1:1 source_limit"));
  add("10.1.0.2:1");
  EXPECT_THAT(make_room("10.1.0.3:1"), ElementsAre("10.1.0.9:1 flow_limit"))
      << "now nobody has more than its part";
}

TEST_F(FullFlowTableTest, AmongThoseWithMoreTheOneIdleForLongestGoes) {
  table_.set_limits({4, 1, true});
  for (const char* idle : {"10.1.0.1:1", "10.1.0.1:2", "10.1.0.1:3", "10.1.0.2:1"}) add(idle);

  EXPECT_THAT(make_room("10.1.0.2:2"), ElementsAre("10.1.0.1:1 source_limit"));
  add("10.1.0.2:2");
  EXPECT_THAT(make_room("10.1.0.2:3"), ElementsAre("10.1.0.1:2 source_limit"));
  add("10.1.0.2:3");
  EXPECT_THAT(make_room("10.1.0.2:4"), ElementsAre("10.1.0.2:1 source_limit"))
      << "what is left to the other is its part";
}

TEST_F(FullFlowTableTest, AHigherPartIsNoExcess) {
  add("10.1.0.9:1");
  add("10.1.0.1:1");
  add("10.1.0.1:2");
  table_.set_limits({3, 1, true});
  table_.set_limits({3, 2, true});

  EXPECT_THAT(make_room("10.1.0.2:1"), ElementsAre("10.1.0.9:1 flow_limit"));
}

TEST_F(FullFlowTableTest, ThereIsRoomBelowTheLimits) {
  add("10.1.0.1:1");
  add("10.1.0.2:1");

  EXPECT_THAT(make_room("10.1.0.1:2"), IsEmpty());
  EXPECT_THAT(make_room("10.1.0.3:1"), IsEmpty());
}

TEST_F(FullFlowTableTest, LowerLimitsAreReachedAsFlowsAreAdded) {
  add("10.1.0.1:1");
  add("10.1.0.2:1");
  add("10.1.0.3:1");

  table_.set_limits({1, 1});

  EXPECT_EQ(table_.size(), 3u);
  EXPECT_EQ(make_room("10.1.0.4:1").size(), 3u);
}

}  // namespace
}  // namespace wherry::udp
