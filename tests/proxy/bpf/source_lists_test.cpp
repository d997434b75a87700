#include "proxy/bpf/source_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace wherry::bpf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Cidr> blocks(std::initializer_list<const char*> texts) {
  std::vector<Cidr> made;
  for (const char* text : texts) made.push_back(Cidr::parse(text).value());
  return made;
}

TEST(SourceLists, GivesOneNumberToTheSameBlocksInAnyOrder) {
  SourceLists lists;
  const auto id = lists.acquire(blocks({"10.0.0.0/8", "fd00::/8"}));

  EXPECT_EQ(lists.acquire(blocks({"fd00::/8", "10.0.0.0/8", "10.0.0.0/8"})), id);
  EXPECT_NE(lists.acquire(blocks({"10.0.0.0/9", "fd00::/8"})), id);
  EXPECT_NE(id, 0u) << "0 stands for everybody";
}

TEST(SourceLists, AnEmptyListIsAListOfItsOwn) {
  SourceLists lists;

  EXPECT_NE(lists.acquire({}), lists.acquire(blocks({"10.0.0.0/8"})));
}

TEST(SourceLists, IsUnusedWhenItsLastUserHasGone) {
  SourceLists lists;
  const auto id = lists.acquire(blocks({"10.0.0.0/8"}));
  ASSERT_EQ(lists.acquire(blocks({"10.0.0.0/8"})), id);

  lists.release(id);
  EXPECT_THAT(lists.unused(), IsEmpty());
  lists.release(id);
  EXPECT_THAT(lists.unused(), ElementsAre(id));

  EXPECT_EQ(lists.acquire(blocks({"10.0.0.0/8"})), id);
  EXPECT_THAT(lists.unused(), IsEmpty());
}

TEST(SourceLists, AnAdoptedListKeepsItsNumberAndIsUnusedUntilSomebodyComes) {
  SourceLists lists;
  lists.adopt(9, {{Cidr::parse("10.0.0.0/8").value()}});
  EXPECT_THAT(lists.unused(), ElementsAre(9u));

  EXPECT_EQ(lists.acquire(blocks({"10.0.0.0/8"})), 9u);
  EXPECT_EQ(lists.acquire(blocks({"10.0.0.0/9"})), 10u) << "not the number of one that was adopted";
}

TEST(SourceLists, OfTwoAdoptedListsWithTheSameBlocksOneStaysUnused) {
  SourceLists lists;
  lists.adopt(3, {{Cidr::parse("10.0.0.0/8").value()}});
  lists.adopt(4, {{Cidr::parse("10.0.0.0/8").value()}});

  EXPECT_EQ(lists.acquire(blocks({"10.0.0.0/8"})), 3u);
  lists.forget(4);
  EXPECT_EQ(lists.acquire(blocks({"10.0.0.0/8"})), 3u);
}

}  // namespace
}  // namespace wherry::bpf
