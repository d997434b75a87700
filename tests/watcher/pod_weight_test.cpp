// The annotation wherry.io/weight of pods.
#include "tests/support/log_capture.h"
#include "tests/watcher/pod_endpoints_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace wherry::watcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

struct WeightCase {
  const char* name;
  const char* text;
  std::optional<model::Weight> weight;
};
std::ostream& operator<<(std::ostream& out, const WeightCase& each) { return out << each.name; }

class ParseWeight : public ::testing::TestWithParam<WeightCase> {};

TEST_P(ParseWeight, TakesWholeNumbersFrom1To1000) {
  EXPECT_EQ(model::parse_weight(GetParam().text), GetParam().weight);
}

INSTANTIATE_TEST_SUITE_P(Texts, ParseWeight,
                         ::testing::Values(WeightCase{"Least", "1", 1},
                                           WeightCase{"Most", "1000", 1000},
                                           WeightCase{"WithSpaces", " 50 ", 50},
                                           WeightCase{"Zero", "0", std::nullopt},
                                           WeightCase{"TooMuch", "1001", std::nullopt},
                                           WeightCase{"FarTooMuch", "100000", std::nullopt},
                                           WeightCase{"Negative", "-1", std::nullopt},
                                           WeightCase{"Fraction", "1.5", std::nullopt},
                                           WeightCase{"Unit", "50%", std::nullopt},
                                           WeightCase{"Word", "heavy", std::nullopt},
                                           WeightCase{"Empty", "", std::nullopt}),
                         [](const auto& row) { return row.param.name; });

class PodWeightTest : public PodEndpointsTest {
 protected:
  void upsert_pod(const std::string& name, const std::string& weight) {
    model::Pod pod = web_pod(name, "10.0.0.1");
    if (!weight.empty()) pod.meta.annotations.emplace("wherry.io/weight", weight);
    upsert(pod);
  }
  model::Weight weight() {
    endpoints_.flush();
    return out_.all().at(0).endpoints.at(0).weight;
  }
};

TEST_F(PodWeightTest, IsTheEndpoints) {
  upsert(web());
  upsert_pod("a", "250");

  EXPECT_EQ(weight(), 250);
}

TEST_F(PodWeightTest, Is100WithoutTheAnnotation) {
  upsert(web());
  upsert_pod("a", "");

  EXPECT_EQ(weight(), 100);
}

TEST_F(PodWeightTest, AChangeIsPassedOn) {
  upsert(web());
  upsert_pod("a", "250");
  EXPECT_EQ(weight(), 250);

  upsert_pod("a", "1");

  EXPECT_EQ(weight(), 1);
}

TEST_F(PodWeightTest, ABadOneIsAWarningThatIsLoggedOnceAndTheDefaultHolds) {
  const test::LogCapture log;
  upsert(web());
  upsert_pod("a", "heavy");
  EXPECT_EQ(weight(), 100);

  model::Pod changed = web_pod("a", "10.0.0.2");
  changed.meta.annotations.emplace("wherry.io/weight", "heavy");
  upsert(changed);

  const std::string warning =
      "Pod default/a: annotation wherry.io/weight: \"heavy\" is no weight; write a number from 1 "
      "to "
      "1000, such as \"100\", the default";
  EXPECT_THAT(endpoints_.warnings(), ElementsAre(Pair(model::ObjectKey{"default", "a"}, warning)));
  EXPECT_EQ(log.count("is no weight"), 1u);
}

TEST_F(PodWeightTest, AMendedOneAndAPodThatGoesTakeTheWarningAlong) {
  const test::LogCapture log;
  upsert_pod("a", "heavy");
  upsert_pod("b", "light");

  upsert_pod("a", "10");
  endpoints_.pods().erase({"default", "b"});

  EXPECT_THAT(endpoints_.warnings(), IsEmpty());
}

}  // namespace
}  // namespace wherry::watcher
