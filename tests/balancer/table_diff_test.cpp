#include "balancer/table_diff.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wherry::balancer {
namespace {

using test::service;
using test::slice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TableDiffTest : public ::testing::Test {
 protected:
  TableDiffTest() {
    tables_.services.upsert(web());
    tables_.services.upsert(service("api").cluster_ip("10.0.0.2").port("http", 80));
    old_ = tables_.build();
  }

  static test::ServiceBuilder web() {
    return service("web").cluster_ip("10.0.0.1").port("http", 80);
  }
  static ServicePortId id_of(const BackendTable& table, const std::string& name) {
    return find(table, "default/" + name + ":http/TCP/IPv4")->id;
  }

  Tables tables_;
  std::shared_ptr<const BackendTable> old_;
};

TEST_F(TableDiffTest, ATableAndItselfDoNotDiffer) { EXPECT_TRUE(diff(*old_, *old_).empty()); }

TEST_F(TableDiffTest, ANewServicePortIsAdded) {
  tables_.services.upsert(service("new").cluster_ip("10.0.0.3").port("http", 80));
  const auto next = tables_.build();

  const TableDiff difference = diff(*old_, *next);

  EXPECT_THAT(difference.added, ElementsAre(id_of(*next, "new")));
  EXPECT_THAT(difference.changed, IsEmpty());
  EXPECT_THAT(difference.removed, IsEmpty());
}

TEST_F(TableDiffTest, AServicePortThatIsGoneIsRemoved) {
  tables_.services.erase({"default", "web"});
  const auto next = tables_.build();

  const TableDiff difference = diff(*old_, *next);

  EXPECT_THAT(difference.added, IsEmpty());
  EXPECT_THAT(difference.changed, IsEmpty());
  EXPECT_THAT(difference.removed, ElementsAre(id_of(*old_, "web")));
}

TEST_F(TableDiffTest, AServicePortWithOtherEndpointsIsChanged) {
  tables_.slices.upsert(slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1"));
  const auto next = tables_.build();

  const TableDiff difference = diff(*old_, *next);

  EXPECT_THAT(difference.added, IsEmpty());
  EXPECT_THAT(difference.changed, ElementsAre(id_of(*old_, "web")));
  EXPECT_THAT(difference.removed, IsEmpty());
}

TEST_F(TableDiffTest, AServicePortWithAnotherAddressIsChanged) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.9").port("http", 80));

  EXPECT_THAT(diff(*old_, *tables_.build()).changed, ElementsAre(id_of(*old_, "web")));
}

TEST_F(TableDiffTest, AReusedSlotIsARemovalAndAnAddition) {
  tables_.services.erase({"default", "web"});
  tables_.build();
  tables_.services.upsert(service("new").cluster_ip("10.0.0.3").port("http", 80));
  const auto next = tables_.build();
  ASSERT_EQ(id_of(*next, "new").slot, id_of(*old_, "web").slot);

  const TableDiff difference = diff(*old_, *next);

  EXPECT_THAT(difference.added, ElementsAre(id_of(*next, "new")));
  EXPECT_THAT(difference.changed, IsEmpty());
  EXPECT_THAT(difference.removed, ElementsAre(id_of(*old_, "web")));
}

TEST_F(TableDiffTest, WhatChangedBackOverSeveralTablesDoesNotDiffer) {
  tables_.services.upsert(service("web").cluster_ip("10.0.0.9").port("http", 80));
  tables_.build();
  tables_.services.upsert(web());
  const auto next = tables_.build();

  ASSERT_NE(next, old_);
  EXPECT_TRUE(diff(*old_, *next).empty());
}

TEST_F(TableDiffTest, FromTheEmptyTableEverythingIsAdded) {
  const TableDiff difference = diff(BackendTable(), *old_);

  EXPECT_THAT(difference.added, SizeIs(2));
  EXPECT_THAT(difference.changed, IsEmpty());
  EXPECT_THAT(difference.removed, IsEmpty());
}

TEST_F(TableDiffTest, ToTheEmptyTableEverythingIsRemoved) {
  const TableDiff difference = diff(*old_, BackendTable());

  EXPECT_THAT(difference.added, IsEmpty());
  EXPECT_THAT(difference.changed, IsEmpty());
  EXPECT_THAT(difference.removed, SizeIs(2));
}

}  // namespace
}  // namespace wherry::balancer
