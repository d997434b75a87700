#include "balancer/backend_table.h"

#include "balancer/picker/round_robin.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::balancer {
namespace {

using test::at;
using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::shared_ptr<ServicePortEntry> new_entry(std::uint32_t slot, std::uint32_t serial,
                                            const std::string& name = "web") {
  auto entry = std::make_shared<ServicePortEntry>();
  entry->id = {slot, serial};
  entry->service_port.key.service = {"default", name};
  return entry;
}

/// A service port that forwards to 10.1.0.1:80, 10.1.0.2:80, ...; those of `excluded` by position
/// get nothing.
ServicePortEntry forwarding(int backends, const std::set<int>& excluded = {}) {
  ServicePortEntry entry;
  for (int i = 0; i < backends; ++i) {
    entry.backends.push_back({at("10.1.0." + std::to_string(i + 1) + ":80"),
                              std::make_shared<const model::Endpoint>(),
                              std::make_shared<BackendState>()});
    if (!excluded.contains(i)) entry.internal.backends.push_back(static_cast<std::uint32_t>(i));
  }
  entry.internal.verdict = Verdict::Forward;
  entry.internal.reason = Reason::ReadyEndpoints;
  entry.internal.picker = std::make_shared<RoundRobin>(entry.internal.backends.size(), 0);
  return entry;
}

/// The first choice where `tried` is empty, else another one.
std::string pick_after(const ServicePortEntry& entry, const std::vector<std::string>& tried) {
  std::vector<SocketAddress> addresses;
  for (const std::string& text : tried) addresses.push_back(at(text));
  const Backend* backend = pick_backend(entry, entry.internal, {}, addresses);
  return backend == nullptr ? "none" : backend->address.to_string();
}

TEST(BackendTable, IsEmptyAndOfGenerationZeroAtFirst) {
  const BackendTable table;

  EXPECT_EQ(table.generation(), 0u);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find({0, 0}), nullptr);
  EXPECT_THAT(table.sorted(), IsEmpty());
}

TEST(BackendTable, FindsAServicePortByItsId) {
  TableDraft draft{BackendTable()};
  const auto entry = new_entry(70, 1);
  draft.set(70, entry);
  const auto table = draft.finish();

  EXPECT_EQ(table->find({70, 1}), entry.get());
  EXPECT_EQ(table->size(), 1u);
  EXPECT_EQ(table->generation(), 1u);
}

TEST(BackendTable, DoesNotFindAnotherServicePortInAReusedSlot) {
  TableDraft first{BackendTable()};
  first.set(0, new_entry(0, 1));
  const auto table = first.finish();

  TableDraft second(*table);
  second.set(0, new_entry(0, 2));
  const auto next = second.finish();

  EXPECT_EQ(next->find({0, 1}), nullptr);
  EXPECT_NE(next->find({0, 2}), nullptr);
  EXPECT_EQ(next->size(), 1u);
}

TEST(BackendTable, DoesNotFindWhatStandsInNoSlot) {
  TableDraft draft{BackendTable()};
  draft.set(3, new_entry(3, 1));
  const auto table = draft.finish();

  EXPECT_EQ(table->find({2, 1}), nullptr);
  EXPECT_EQ(table->find({64, 1}), nullptr);
  EXPECT_EQ(table->find({0xffffffff, 1}), nullptr);
}

TEST(BackendTable, IsSortedByKeyAndVisitedBySlot) {
  TableDraft draft{BackendTable()};
  draft.set(0, new_entry(0, 1, "b"));
  draft.set(100, new_entry(100, 2, "a"));
  const auto table = draft.finish();

  std::vector<std::string> visited;
  table->for_each([&visited](const ServicePortEntry& entry) {
    visited.push_back(entry.service_port.key.service.name);
  });
  std::vector<std::string> sorted;
  for (const ServicePortEntry* entry : table->sorted()) {
    sorted.push_back(entry->service_port.key.service.name);
  }

  EXPECT_THAT(visited, ElementsAre("b", "a"));
  EXPECT_THAT(sorted, ElementsAre("a", "b"));
}

TEST(TableDraft, CountsWhatIsSetReplacedAndEmptied) {
  TableDraft draft{BackendTable()};
  draft.set(0, new_entry(0, 1));
  draft.set(1, new_entry(1, 2));
  draft.set(1, new_entry(1, 3));
  draft.set(0, nullptr);
  draft.set(5, nullptr);

  const auto table = draft.finish();

  EXPECT_EQ(table->size(), 1u);
  EXPECT_EQ(table->find({0, 1}), nullptr);
  EXPECT_NE(table->find({1, 3}), nullptr);
}

TEST(TableDraft, SharesTheChunksInWhichNothingChanged) {
  TableDraft first{BackendTable()};
  for (std::uint32_t slot = 0; slot < 3 * BackendTable::kChunkSize; ++slot) {
    first.set(slot, new_entry(slot, slot + 1));
  }
  const auto table = first.finish();

  TableDraft second(*table);
  second.set(BackendTable::kChunkSize, new_entry(BackendTable::kChunkSize, 1000));
  const auto next = second.finish();

  ASSERT_THAT(next->chunks(), SizeIs(3));
  EXPECT_EQ(next->chunks()[0], table->chunks()[0]);
  EXPECT_NE(next->chunks()[1], table->chunks()[1]);
  EXPECT_EQ(next->chunks()[2], table->chunks()[2]);
  EXPECT_EQ((*next->chunks()[1])[1], (*table->chunks()[1])[1]);
}

TEST(TableDraft, LeavesTheTableThatItStartsFromAsItWas) {
  TableDraft first{BackendTable()};
  first.set(0, new_entry(0, 1));
  const auto table = first.finish();

  TableDraft second(*table);
  second.set(0, nullptr);
  second.set(64, new_entry(64, 2));
  const auto next = second.finish();

  EXPECT_NE(table->find({0, 1}), nullptr);
  EXPECT_EQ(table->find({64, 2}), nullptr);
  EXPECT_EQ(table->size(), 1u);
  EXPECT_EQ(next->generation(), table->generation() + 1);
}

TEST(PickBackend, TakesTurnsThroughTheEligibleBackends) {
  const ServicePortEntry entry = forwarding(4, {1});

  EXPECT_THAT(pick(entry, 4),
              ElementsAre("10.1.0.1:80", "10.1.0.3:80", "10.1.0.4:80", "10.1.0.1:80"));
}

TEST(PickBackend, FindsNoneWhereNothingIsForwarded) {
  ServicePortEntry entry;

  EXPECT_EQ(pick_after(entry, {}), "none");
  EXPECT_EQ(pick_after(entry, {"10.1.0.1:80"}), "none");
}

TEST(PickBackend, TakesAnotherOneThanThoseThatWereTried) {
  const ServicePortEntry entry = forwarding(3);

  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(pick_after(entry, {"10.1.0.1:80", "10.1.0.3:80"}), "10.1.0.2:80");
  }
}

TEST(PickBackend, FindsNoneOnceAllWereTried) {
  const ServicePortEntry entry = forwarding(2);

  EXPECT_EQ(pick_after(entry, {"10.1.0.2:80", "10.1.0.1:80"}), "none");
}

TEST(PickBackend, TakesAFirstChoiceIfAllThatWereTriedHaveLeftTheTable) {
  const ServicePortEntry entry = forwarding(3);
  ASSERT_EQ(pick_after(entry, {}), "10.1.0.1:80");

  EXPECT_EQ(pick_after(entry, {"10.1.0.9:80", "10.1.0.1:81"}), "10.1.0.2:80");
  EXPECT_EQ(pick_after(entry, {"10.1.0.0:80"}), "10.1.0.3:80");
  EXPECT_EQ(pick_after(entry, {"10.1.0.0:80"}), "10.1.0.1:80");
}

TEST(PickBackend, PassesOverTriedAddressesThatHaveLeftTheTable) {
  const ServicePortEntry entry = forwarding(2);

  EXPECT_EQ(pick_after(entry, {"10.1.0.9:80", "10.1.0.1:80"}), "10.1.0.2:80");
  EXPECT_EQ(pick_after(entry, {"10.1.0.9:80", "10.1.0.2:80"}), "10.1.0.1:80");
}

TEST(PickBackend, NeverTakesAnExcludedBackendAsASecondChoice) {
  const ServicePortEntry entry = forwarding(3, {2});

  EXPECT_EQ(pick_after(entry, {"10.1.0.1:80"}), "10.1.0.2:80");
  EXPECT_EQ(pick_after(entry, {"10.1.0.1:80"}), "10.1.0.2:80");
}

TEST(PickBackend, ATriedBackendThatIsExcludedNowDoesNotCountAsTried) {
  const ServicePortEntry entry = forwarding(3, {2});

  EXPECT_EQ(pick_after(entry, {"10.1.0.3:80"}), "10.1.0.1:80");
  EXPECT_EQ(pick_after(entry, {"10.1.0.3:80", "10.1.0.1:80"}), "10.1.0.2:80");
}

/// One way in which two entries can differ.
struct DifferenceCase {
  const char* name;
  std::function<void(ServicePortEntry&)> change;
  bool same;
};
std::ostream& operator<<(std::ostream& out, const DifferenceCase& each) { return out << each.name; }

class Same : public ::testing::TestWithParam<DifferenceCase> {};

TEST_P(Same, LooksAtAllThatReadersSee) {
  ServicePortEntry one = forwarding(3, {2});
  one.excluded = {{2, Reason::NotReady}};
  one.external = one.internal;
  one.external_from_node = one.internal;
  ServicePortEntry two = one;

  GetParam().change(two);

  EXPECT_EQ(same(one, two), GetParam().same);
  EXPECT_EQ(same(two, one), GetParam().same);
}

using Entry = ServicePortEntry;

INSTANTIATE_TEST_SUITE_P(
    Differences, Same,
    ::testing::Values(
        DifferenceCase{"Nothing", [](Entry&) {}, true},
        DifferenceCase{"CountsAreNotCompared",
                       [](Entry& e) {
                         e.backends[0].state->sessions = 7;
                         e.state = std::make_shared<ServicePortState>(
                             e.service_port.key, std::make_shared<ServiceState>());
                       },
                       true},
        DifferenceCase{
            "AnEqualEndpointElsewhereInMemory",
            [](Entry& e) { e.backends[0].endpoint = std::make_shared<const model::Endpoint>(); },
            true},
        DifferenceCase{"TheId", [](Entry& e) { e.id.serial = 9; }, false},
        DifferenceCase{"TheServicePort", [](Entry& e) { e.service_port.node_port = 30000; }, false},
        DifferenceCase{"ABackendMore", [](Entry& e) { e.backends.push_back(e.backends.front()); },
                       false},
        DifferenceCase{"ABackendsAddress",
                       [](Entry& e) { e.backends[1].address = at("10.1.0.2:81"); }, false},
        DifferenceCase{"ABackendsConditions",
                       [](Entry& e) {
                         model::Endpoint endpoint;
                         endpoint.serving = false;
                         e.backends[0].endpoint = std::make_shared<const model::Endpoint>(endpoint);
                       },
                       false},
        DifferenceCase{"ABackendsCounter",
                       [](Entry& e) { e.backends[0].state = std::make_shared<BackendState>(); },
                       false},
        DifferenceCase{"TheInternalVerdict", [](Entry& e) { e.internal.verdict = Verdict::Drop; },
                       false},
        DifferenceCase{"TheInternalReason",
                       [](Entry& e) { e.internal.reason = Reason::NoEndpoints; }, false},
        DifferenceCase{"TheInternalBackends", [](Entry& e) { e.internal.backends = {0}; }, false},
        DifferenceCase{"TheInternalPicker",
                       [](Entry& e) { e.internal.picker = std::make_shared<RoundRobin>(2, 0); },
                       false},
        DifferenceCase{"TheExternalVerdict", [](Entry& e) { e.external->verdict = Verdict::Drop; },
                       false},
        DifferenceCase{"NoExternalDecision", [](Entry& e) { e.external.reset(); }, false},
        DifferenceCase{"TheVerdictForThisNode",
                       [](Entry& e) { e.external_from_node->verdict = Verdict::Drop; }, false},
        DifferenceCase{"NoDecisionForThisNode", [](Entry& e) { e.external_from_node.reset(); },
                       false},
        DifferenceCase{"WhichSetADecisionIsOver",
                       [](Entry& e) { e.internal.policy = model::TrafficPolicy::Local; }, false},
        DifferenceCase{"WhyABackendIsExcluded",
                       [](Entry& e) { e.excluded[0].reason = Reason::Terminating; }, false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace wherry::balancer
