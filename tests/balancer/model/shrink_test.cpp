#include "tests/balancer/model/shrink.h"

#include "tests/balancer/model/random_history.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace wherry::balancer {
namespace {

bool has_local_policy(const Event& event) {
  return event.op == Event::Op::Upsert &&
         text_at(*event.objects.front(), {"spec", "externalTrafficPolicy"}) == "Local";
}

bool has_hint(const Event& event) {
  if (event.op != Event::Op::Upsert) return false;
  for (const auto* endpoint : elements_at(*event.objects.front(), {"endpoints"})) {
    if (!elements_at(*endpoint, {"hints", "forNodes"}).empty()) return true;
  }
  return false;
}

bool fails(const History& history) {
  return std::any_of(history.events.begin(), history.events.end(), has_local_policy) &&
         std::any_of(history.events.begin(), history.events.end(), has_hint);
}

History failing_history() {
  for (std::uint64_t seed = 0;; ++seed) {
    History history = random_history(seed);
    if (history.events.size() > 10 && fails(history)) return history;
  }
}

TEST(Shrink, LeavesOnlyTheEventsThatTheFailureNeeds) {
  const History small = shrink(failing_history(), fails);

  EXPECT_TRUE(fails(small));
  EXPECT_EQ(small.events.size(), 2u) << to_manifests(small);
}

TEST(Shrink, LeavesOnlyThePartsOfObjectsThatTheFailureNeeds) {
  const History small = shrink(failing_history(), fails);

  for (const Event& event : small.events) {
    const auto& object = *event.objects.front();
    EXPECT_EQ(value_at(object, {"spec", "ports"}), nullptr) << to_manifests(small);
    EXPECT_EQ(value_at(object, {"metadata", "labels"}), nullptr);
    EXPECT_LE(elements_at(object, {"endpoints"}).size(), 1u);
  }
}

TEST(Shrink, KeepsWhatMakesAnObjectAnObject) {
  const History small = shrink(failing_history(), fails);

  for (const Event& event : small.events) {
    EXPECT_NE(text_at(*event.objects.front(), {"metadata", "name"}), "");
    EXPECT_NE(text_at(*event.objects.front(), {"kind"}), "");
  }
}

}  // namespace
}  // namespace wherry::balancer
