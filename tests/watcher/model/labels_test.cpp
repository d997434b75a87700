#include "watcher/model/labels.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::model {
namespace {

TEST(Labels, FindGivesTheValueUnderAKey) {
  const Labels labels = {{"app", "web"}, {"tier", ""}};

  ASSERT_NE(find(labels, "app"), nullptr);
  EXPECT_EQ(*find(labels, "app"), "web");
  ASSERT_NE(find(labels, "tier"), nullptr);
  EXPECT_EQ(*find(labels, "tier"), "");
  EXPECT_EQ(find(labels, "ap"), nullptr);
}

struct SelectCase {
  std::string name;
  Labels selector;
  Labels labels;
  bool selected;
};

class Selects : public ::testing::TestWithParam<SelectCase> {};

TEST_P(Selects, FollowsTheTable) {
  EXPECT_EQ(selects(GetParam().selector, GetParam().labels), GetParam().selected);
}

INSTANTIATE_TEST_SUITE_P(
    EqualitySelectors, Selects,
    ::testing::Values(
        SelectCase{"EmptySelectorSelectsNothing", {}, {{"app", "web"}}, false},
        SelectCase{"EmptySelectorSelectsNoUnlabelledPodEither", {}, {}, false},
        SelectCase{"SamePair", {{"app", "web"}}, {{"app", "web"}}, true},
        SelectCase{"MoreLabelsThanAsked", {{"app", "web"}}, {{"app", "web"}, {"x", "y"}}, true},
        SelectCase{"OtherValue", {{"app", "web"}}, {{"app", "db"}}, false},
        SelectCase{"OtherKey", {{"app", "web"}}, {{"role", "web"}}, false},
        SelectCase{"NoLabels", {{"app", "web"}}, {}, false},
        SelectCase{"EveryPairCounts", {{"app", "web"}, {"x", "y"}}, {{"app", "web"}}, false},
        SelectCase{"LastPairDiffers", {{"a", "1"}, {"z", "1"}}, {{"a", "1"}, {"z", "2"}}, false},
        SelectCase{"CaseMatters", {{"app", "Web"}}, {{"app", "web"}}, false},
        SelectCase{"EmptyValueNeedsTheKey", {{"canary", ""}}, {{"app", "web"}}, false},
        SelectCase{"EmptyValueMatchesEmptyValue", {{"canary", ""}}, {{"canary", ""}}, true}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace wherry::model
