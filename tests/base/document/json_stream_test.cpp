#include "base/document/json_stream.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::document {
namespace {

using Shape = JsonStream::Shape;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Feeds a text in pieces of so many bytes; every value as JSON, items with their index.
struct Fed {
  std::vector<std::string> values;
  std::optional<std::string> error;
  bool ended_between_values = false;
};

Fed feed(std::string_view text, std::size_t piece, Shape shape = Shape::Documents,
         const Limits& limits = {}) {
  Fed fed;
  JsonStream stream(limits, shape, [&fed](Document&& each) {
    const std::string index = each.item ? "items[" + std::to_string(*each.item) + "] " : "";
    fed.values.push_back(index + boost::json::serialize(each.value));
  });
  while (!text.empty() && !fed.error) {
    fed.error = stream.feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  fed.ended_between_values = stream.between_values();
  return fed;
}

constexpr std::size_t kWhole = 1u << 20;

TEST(JsonStream, HandsOverAValueWithItsLastByte) {
  std::vector<std::string> values;
  JsonStream stream({}, Shape::WatchEvents, [&values](Document&& each) {
    values.push_back(boost::json::serialize(each.value));
  });

  EXPECT_FALSE(stream.feed(R"({"type":"ADDED","object":{"a":1})"));
  EXPECT_THAT(values, IsEmpty());
  EXPECT_FALSE(stream.between_values());
  EXPECT_FALSE(stream.feed("}"));

  EXPECT_THAT(values, ElementsAre(R"({"type":"ADDED","object":{"a":1}})"));
  EXPECT_TRUE(stream.between_values());
}

struct StreamCase {
  const char* name;
  std::string_view text;
  std::vector<std::string> values;
};

class JsonStreams : public ::testing::TestWithParam<StreamCase> {};

TEST_P(JsonStreams, AreTheSameHoweverTheyAreCutUp) {
  for (const std::size_t piece : {kWhole, std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    const Fed fed = feed(GetParam().text, piece, Shape::WatchEvents);

    EXPECT_EQ(fed.values, GetParam().values) << piece;
    EXPECT_FALSE(fed.error) << *fed.error;
    EXPECT_TRUE(fed.ended_between_values);
  }
}

INSTANTIATE_TEST_SUITE_P(
    A20, JsonStreams,
    ::testing::Values(
        StreamCase{"Nothing", "", {}}, StreamCase{"OnlySpace", " \r\n\t", {}},
        StreamCase{"Newlines", "{\"a\":1}\n{\"b\":2}\n", {R"({"a":1})", R"({"b":2})"}},
        StreamCase{"NothingBetween", R"({"a":1}{"b":2})", {R"({"a":1})", R"({"b":2})"}},
        StreamCase{"NewlinesWithin", "{\n\"a\"\n:\n1\n}\n\n\n{}", {R"({"a":1})", "{}"}},
        StreamCase{"EscapesAndUtf8",
                   "{\"a\":\"\\u00fc \\\"}{ \xc3\xbc\"}{\"\\u0062\":[]}",
                   {"{\"a\":\"\xc3\xbc \\\"}{ \xc3\xbc\"}", R"({"b":[]})"}},
        StreamCase{"Numbers",
                   R"({"a":-12,"b":1.5,"c":18446744073709551615})",
                   {R"({"a":-12,"b":1.5E0,"c":18446744073709551615})"}},
        StreamCase{"ManagedFieldsOfTheObjectAreDropped",
                   R"({"object":{"metadata":{"managedFields":[{"a":"x\n"},[1]],"name":"b"}}})",
                   {R"({"object":{"metadata":{"name":"b"}}})"}},
        StreamCase{"ManagedFieldsElsewhereAreNot",
                   R"({"metadata":{"managedFields":[1]},"object":{"managedFields":2}})",
                   {R"({"metadata":{"managedFields":[1]},"object":{"managedFields":2}})"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(JsonStream, HandsOverTheItemsOfAListOneByOne) {
  const std::string_view text =
      R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[)"
      R"({"metadata":{"name":"a","managedFields":[1]}},{"metadata":{"name":"b"}}]})";
  for (const std::size_t piece : {kWhole, std::size_t{1}, std::size_t{5}}) {
    EXPECT_THAT(
        feed(text, piece).values,
        ElementsAre(R"(items[0] {"metadata":{"name":"a"}})",
                    R"(items[1] {"metadata":{"name":"b"}})",
                    R"({"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[]})"));
  }
}

TEST(JsonStream, SaysThatAValueIsCutOff) {
  EXPECT_FALSE(feed(R"({"a":1}{"b)", kWhole).ended_between_values);
  EXPECT_FALSE(feed(R"({"metadata":{"managedFields":[{)", kWhole).ended_between_values);
}

struct BadCase {
  const char* name;
  std::string text;
  const char* error;
};

class BadStreams : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadStreams, EndWithTheReason) {
  const Limits limits{.depth = 8, .nodes = 1000, .bytes = 1000};
  for (const std::size_t piece : {kWhole, std::size_t{1}, std::size_t{64}}) {
    const Fed fed = feed(GetParam().text, piece, Shape::WatchEvents, limits);

    ASSERT_TRUE(fed.error) << piece;
    EXPECT_THAT(*fed.error, HasSubstr(GetParam().error)) << piece;
  }
}

std::string repeated(std::size_t count, std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadStreams,
    ::testing::Values(BadCase{"NoJson", "<html>", "is no JSON"},
                      BadCase{"GarbageBetween", "{},{}", "is no JSON"},
                      BadCase{"UnbalancedBrackets", R"({"a":]})", "is no JSON"},
                      BadCase{"TooDeep", repeated(20, R"({"a":)"), "deep"},
                      BadCase{"TooManyValues", "[" + repeated(2000, "1,"), "values"},
                      BadCase{"AStringWithoutEnd", "{\"a\":\"" + std::string(5000, 'x'), "text"},
                      BadCase{"AKeyWithoutEnd", "{\"" + std::string(5000, 'x'), "text"},
                      BadCase{"AKeyTwice", R"({"a":1,"a":2})", "stands twice"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(JsonStream, KeepsNothingOfWhatItDrops) {
  // Far more than the limit, in managedFields: nothing of it counts.
  const Limits limits{.depth = 8, .nodes = 100, .bytes = 1000};
  const std::string text = R"({"object":{"metadata":{"managedFields":[")" +
                           std::string(100'000, 'x') + "\"," + repeated(5000, "1,") + "1]}}}";

  const Fed fed = feed(text, 64, Shape::WatchEvents, limits);

  EXPECT_FALSE(fed.error) << *fed.error;
  EXPECT_THAT(fed.values, ElementsAre(R"({"object":{"metadata":{}}})"));
}

TEST(JsonStream, GivesEachValueItsOwnBudget) {
  const Limits limits{.depth = 8, .nodes = 20, .bytes = 100};

  EXPECT_FALSE(feed(repeated(500, R"({"a":"0123456789"})"), 64, Shape::Documents, limits).error);
}

}  // namespace
}  // namespace wherry::document
