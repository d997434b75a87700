#include "watcher/api/list_reader.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace wherry::api {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ListReaderTest : public ::testing::Test {
 protected:
  static Resource pods() {
    return {.name = "pods", .version = "v1", .plural = "pods", .kind = "Pod"};
  }
  [[nodiscard]] ListWatch::TakeItem take() {
    return [this](json::value&& item, std::size_t) {
      names_.emplace_back(item.at("metadata").at("name").as_string());
      items_.push_back(std::move(item));
      return items_.size() < most_;
    };
  }

  std::vector<std::string> names_;
  std::vector<json::value> items_;
  std::size_t most_ = 1000;
  ListReader reader_{pods(), take()};
};

constexpr std::string_view kList =
    R"({"kind":"PodList","metadata":{"resourceVersion":"7","continue":"more"},)"
    R"("items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})";

TEST_F(ListReaderTest, A20_HandsItemsOverAsTheyCome) {
  const std::size_t half = kList.find(R"(,{"metadata":{"name":"b")");
  reader_.feed(kList.substr(0, half));
  EXPECT_THAT(names_, ElementsAre("a")) << "before the list has ended";
  reader_.feed(kList.substr(half));
  EXPECT_THAT(names_, ElementsAre("a", "b"));
  const auto page = reader_.finish();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->resource_version, "7");
  EXPECT_EQ(page->continue_token, "more");
}

TEST_F(ListReaderTest, A20_ReadsWhateverTheCuts) {
  for (const char byte : kList) reader_.feed(std::string_view(&byte, 1));
  EXPECT_THAT(names_, ElementsAre("a", "b"));
  EXPECT_TRUE(reader_.finish());
}

TEST_F(ListReaderTest, A6_ItemsMayComeBeforeTheMetadata) {
  reader_.feed(R"({"items":[{"metadata":{"name":"a"}}],"metadata":{"resourceVersion":"9"},)"
               R"("kind":"PodList"})");
  EXPECT_THAT(names_, ElementsAre("a"));
  const auto page = reader_.finish();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->resource_version, "9");
  EXPECT_EQ(page->continue_token, "");
}

TEST_F(ListReaderTest, A23_AnotherKindIsRefusedWhereverItStands) {
  reader_.feed(R"({"items":[{"metadata":{"name":"a"}}],"metadata":{"resourceVersion":"9"},)"
               R"("kind":"NodeList"})");
  const auto page = reader_.finish();
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ApiErrc::UnexpectedAnswer);
  EXPECT_THAT(page.error().text, HasSubstr("NodeList"));
}

TEST_F(ListReaderTest, A9_AListWithoutAVersionIsNone) {
  reader_.feed(R"({"kind":"PodList","metadata":{},"items":[]})");
  EXPECT_FALSE(reader_.finish());
}

TEST_F(ListReaderTest, ManagedFieldsAreLeftOut) {
  reader_.feed(R"({"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":)"
               R"({"managedFields":[{"fieldsV1":{"f:x":{}}}],"name":"a"}}]})");
  ASSERT_EQ(items_.size(), 1u);
  EXPECT_FALSE(items_.front().at("metadata").as_object().contains("managedFields"));
}

TEST_F(ListReaderTest, StopsWhereTheTakerHasHadEnough) {
  most_ = 1;
  reader_.feed(kList);
  EXPECT_THAT(names_, ElementsAre("a"));
  ASSERT_TRUE(reader_.failure());
  EXPECT_EQ(reader_.failure()->code, ApiErrc::TooLarge);
}

TEST_F(ListReaderTest, A34_HalfAListIsNone) {
  for (std::size_t size = 0; size < kList.size(); ++size) {
    ListReader reader(pods(), take());
    reader.feed(kList.substr(0, size));
    EXPECT_FALSE(reader.finish()) << size;
  }
}

TEST_F(ListReaderTest, TwoListsAreNoAnswer) {
  reader_.feed(std::string(kList) + std::string(kList));
  EXPECT_FALSE(reader_.finish());
}

TEST(WatchReader, A20_ManagedFieldsAreLeftOut) {
  WatchReader reader;
  reader.feed(R"({"type":"ADDED","object":{"metadata":{"managedFields":[{}],"name":"a"}}})");
  const auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->object.at("metadata").as_object().contains("managedFields"));
  EXPECT_TRUE(reader.between_events());
}

TEST(WatchReader, A10_EventsBeforeAnErrorComeFirst) {
  WatchReader reader;
  reader.feed(R"({"type":"ADDED","object":{}}{"type":"ERROR","object":{"kind":"Status",)"
              R"("code":410,"reason":"Expired"}}{"type":"ADDED","object":{}})");
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  ASSERT_TRUE(reader.failure());
  EXPECT_EQ(reader.failure()->code, ApiErrc::Gone);
}

}  // namespace
}  // namespace wherry::api
