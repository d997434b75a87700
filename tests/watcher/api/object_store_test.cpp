#include "watcher/api/object_store.h"

#include "tests/watcher/object_map.h"
#include "watcher/model/decode.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <gtest/gtest.h>

#include <string>

namespace wherry::api {
namespace {

namespace json = boost::json;

json::value pod(const std::string& name) {
  return {{"metadata", {{"name", json::string(name)}, {"namespace", "default"}}}};
}

class ObjectStoreTest : public ::testing::Test {
 protected:
  test::ObjectMap<model::Pod> sink_;
  TypedStore<model::Pod> store_{model::decode_pod, sink_, [] {}, {.objects = 10, .bytes = 250}};
};

TEST_F(ObjectStoreTest, WhatWasRefusedTakesNoRoom) {
  EXPECT_TRUE(store_.upsert(pod("a"), 100));
  EXPECT_TRUE(store_.upsert(pod("b"), 100));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(store_.upsert(pod("c"), 100));
  EXPECT_EQ(store_.size(), 2u);

  store_.erase(pod("a"));
  EXPECT_TRUE(store_.upsert(pod("c"), 100)) << "there is room again";
}

TEST_F(ObjectStoreTest, WhatTakesTheOldOnesPlaceTakesItsRoom) {
  EXPECT_TRUE(store_.upsert(pod("a"), 200));
  EXPECT_TRUE(store_.upsert(pod("a"), 240));
  EXPECT_FALSE(store_.upsert(pod("a"), 260));
  EXPECT_TRUE(store_.upsert(pod("a"), 10));
  EXPECT_TRUE(store_.upsert(pod("b"), 240));
}

TEST_F(ObjectStoreTest, ACollectionThatIsTooLargeIsNotTaken) {
  EXPECT_TRUE(store_.upsert(pod("a"), 100));
  store_.begin();
  EXPECT_TRUE(store_.add(pod("b"), 200));
  EXPECT_FALSE(store_.add(pod("c"), 200));
  store_.abandon();
  EXPECT_EQ(sink_.objects().size(), 1u);
  EXPECT_EQ(sink_.all().front().meta.key.name, "a");
}

}  // namespace
}  // namespace wherry::api
