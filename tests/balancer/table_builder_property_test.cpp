#include "balancer/table_builder.h"
#include "balancer/table_diff.h"
#include "balancer/table_text.h"
#include "tests/balancer/random_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace wherry::balancer {
namespace {

constexpr int kEvents = 301;

/// Each seed is a history of its own; the seed is the test's name.
class TableBuilderProperty : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  RandomCluster cluster_{GetParam()};
  Tables tables_;
};

using EntriesById = std::map<ServicePortId, const ServicePortEntry*>;

EntriesById by_id(const BackendTable& table) {
  EntriesById entries;
  table.for_each([&entries](const ServicePortEntry& entry) { entries[entry.id] = &entry; });
  return entries;
}

TEST_P(TableBuilderProperty, BuildingStepByStepGivesWhatBuildingFromScratchGives) {
  for (int i = 0; i < kEvents; ++i) {
    cluster_.happen(tables_);
    if (i % 3 != 0) continue;  // some builds take several events at once
    const auto table = tables_.build();
    if (i % 12 != 0) continue;
    Tables scratch;
    cluster_.tell_everything(scratch);
    ASSERT_EQ(table_text(*table), table_text(*scratch.build())) << "after event " << i;
  }
}

TEST_P(TableBuilderProperty, ANewGenerationMeansThatSomethingInItChanged) {
  for (int i = 0; i < kEvents; ++i) {
    const auto before = tables_.builder.latest();
    cluster_.happen(tables_);
    const auto table = tables_.build();
    if (table == before) continue;
    ASSERT_EQ(table->generation(), before->generation() + 1);
    ASSERT_FALSE(diff(*before, *table).empty()) << "after event " << i;
  }
}

TEST_P(TableBuilderProperty, AServicePortKeepsIdAndCountsAsLongAsItExists) {
  for (int i = 0; i < kEvents; ++i) {
    const auto before = tables_.builder.latest();
    cluster_.happen(tables_);
    const auto table = tables_.build();
    std::map<ServicePortKey, const ServicePortEntry*> old;
    before->for_each([&old](const ServicePortEntry& e) { old[e.service_port.key] = &e; });
    table->for_each([&](const ServicePortEntry& entry) {
      const auto known = old.find(entry.service_port.key);
      if (known == old.end()) return;
      EXPECT_EQ(entry.id, known->second->id);
      EXPECT_EQ(entry.state, known->second->state);
    });
    ASSERT_FALSE(HasFailure()) << "after event " << i;
  }
}

TEST_P(TableBuilderProperty, EveryEntryIsSoundInItself) {
  for (int i = 0; i < kEvents; ++i) {
    cluster_.happen(tables_);
    tables_.build()->for_each([](const ServicePortEntry& entry) {
      const std::size_t eligible = entry.internal.backends.size();
      EXPECT_EQ(eligible + entry.excluded.size(), entry.backends.size());
      EXPECT_EQ(entry.internal.verdict == Verdict::Forward, eligible > 0);
      EXPECT_EQ(entry.internal.picker != nullptr, eligible > 0);
      if (entry.internal.picker) {
        EXPECT_LT(entry.internal.picker->next_position().value(), eligible);
      }
      for (const auto* decision : {&entry.external, &entry.external_from_node}) {
        if (!*decision) continue;
        const bool forwards = (*decision)->verdict == Verdict::Forward;
        EXPECT_EQ(forwards, !(*decision)->backends.empty());
        EXPECT_EQ(forwards, (*decision)->picker != nullptr);
        if ((*decision)->policy == entry.internal.policy) {
          EXPECT_EQ((*decision)->picker, entry.internal.picker);
        }
      }
      for (const Backend& backend : entry.backends) EXPECT_NE(backend.state, nullptr);
      EXPECT_TRUE(
          std::is_sorted(entry.backends.begin(), entry.backends.end(),
                         [](const Backend& a, const Backend& b) { return a.address < b.address; }));
    });
    ASSERT_FALSE(HasFailure()) << "after event " << i;
  }
}

TEST_P(TableBuilderProperty, TheDifferenceAppliedToTheOldTableGivesTheNewOne) {
  auto published = tables_.build();
  for (int i = 0; i < kEvents; ++i) {
    cluster_.happen(tables_);
    if (i % 4 != 0) continue;  // readers may skip generations
    const auto next = tables_.build();
    EntriesById applied = by_id(*published);
    const EntriesById wanted = by_id(*next);
    const TableDiff difference = diff(*published, *next);
    for (const ServicePortId id : difference.removed) ASSERT_EQ(applied.erase(id), 1u);
    for (const ServicePortId id : difference.added) {
      ASSERT_TRUE(applied.emplace(id, next->find(id)).second);
    }
    for (const ServicePortId id : difference.changed) applied.at(id) = next->find(id);
    ASSERT_EQ(applied, wanted) << "after event " << i;
    published = next;
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, TableBuilderProperty, ::testing::Range(1u, 11u),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace wherry::balancer
