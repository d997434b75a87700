// What holds for YAML and JSON alike; their grammars are in read_yaml_test.cpp, read_json_test.cpp.
#include "base/document/read_documents.h"

#include "tests/base/case_name.h"
#include "tests/base/document/reading.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::document {
namespace {

using test::read;
using test::Reading;
using test::repeated;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::size_t> numbers(const Reading& reading) {
  std::vector<std::size_t> all;
  for (const Document& each : reading.documents) all.push_back(each.number);
  return all;
}

TEST(ReadDocuments, ReadsNothingFromNothing) { EXPECT_EQ(read({}).to_string(), ""); }

TEST(ReadDocuments, NumbersYamlDocumentsAndCountsEmptyOnes) {
  EXPECT_THAT(numbers(read("a: 1\n---\n---\nb: 2\n")), ElementsAre(0, 2));
}

TEST(ReadDocuments, NumbersJsonValuesAndCountsNulls) {
  EXPECT_THAT(numbers(read("{} null {}")), ElementsAre(0, 2));
}

// Both spellings of a case must behave alike.
struct Twice {
  const char* name;
  std::string yaml;
  std::string json;
};
std::ostream& operator<<(std::ostream& out, const Twice& each) { return out << each.yaml; }

class DroppedManagedFields : public ::testing::TestWithParam<Twice> {};

TEST_P(DroppedManagedFields, AreNotInTheValue) {
  const std::string_view expected = R"({"metadata":{"name":"a","uid":"u"},"spec":{}})";

  EXPECT_EQ(test::read_one(GetParam().yaml), boost::json::parse(expected));
  EXPECT_EQ(test::read_one(GetParam().json), boost::json::parse(expected));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DroppedManagedFields,
    ::testing::Values(
        Twice{
            "List",
            "metadata:\n  name: a\n  managedFields:\n  - fieldsV1: {f: {g: 1}}\n  - [x]\n  uid: "
            "u\nspec: {}\n",
            R"({"metadata":{"name":"a","managedFields":[{"fieldsV1":{"f":{"g":1}}},["x"]],"uid":"u"},"spec":{}})"},
        Twice{"Mapping", "metadata: {name: a, managedFields: {a: {b: 1}}, uid: u}\nspec: {}\n",
              R"({"metadata":{"name":"a","managedFields":{"a":{"b":1}},"uid":"u"},"spec":{}})"},
        Twice{"Scalar", "metadata: {name: a, managedFields: 5, uid: u}\nspec: {}\n",
              R"({"metadata":{"name":"a","managedFields":5,"uid":"u"},"spec":{}})"},
        Twice{"Empty", "metadata: {name: a, managedFields: [], uid: u}\nspec: {}\n",
              R"({"metadata":{"name":"a","managedFields":[],"uid":"u"},"spec":{}})"}),
    test::CaseName{});

TEST(ReadDocuments, DropsManagedFieldsOfListItems) {
  const Reading reading = read("items:\n- metadata: {managedFields: [1], name: a}\n");

  EXPECT_EQ(reading.documents.at(0).value, boost::json::parse(R"({"metadata":{"name":"a"}})"));
}

TEST(ReadDocuments, DropsManagedFieldsThatAreAnAlias) {
  EXPECT_EQ(test::read_one("x: &x 1\nmetadata: {managedFields: *x, name: a}\n"),
            boost::json::parse(R"({"x":1,"metadata":{"name":"a"}})"));
}

TEST(ReadDocuments, KeepsManagedFieldsElsewhere) {
  for (const std::string_view text :
       {R"({"managedFields":[1]})", R"({"spec":{"managedFields":[1]}})",
        R"({"spec":{"metadata":{"managedFields":[1]}}})",
        R"({"metadata":{"x":{"managedFields":[1]}}})"}) {
    EXPECT_EQ(test::read_one(text), boost::json::parse(text));
  }
}

TEST(ReadDocuments, LimitsTheDepthOfManagedFieldsToo) {
  const std::string text =
      "metadata: {managedFields: " + repeated("[", 70) + repeated("]", 70) + "}\n";

  EXPECT_THAT(read(text).error->text, HasSubstr("more than 64 levels deep"));
}

class ListItems : public ::testing::TestWithParam<Twice> {};

TEST_P(ListItems, AreHandedOverBeforeTheirHolder) {
  for (const std::string& text : {GetParam().yaml, GetParam().json}) {
    EXPECT_EQ(read(text).to_string(), "{\"a\":1}\n[2]\n{\"kind\":\"List\",\"items\":[],\"x\":3}\n")
        << text;
  }
}

TEST_P(ListItems, AreNumbered) {
  for (const std::string& text : {GetParam().yaml, GetParam().json}) {
    const Reading reading = read(text);

    ASSERT_EQ(reading.documents.size(), 3u) << text;
    EXPECT_EQ(reading.documents[0].item, 0u);
    EXPECT_EQ(reading.documents[1].item, 2u) << "the null element counts";
    EXPECT_EQ(reading.documents[2].item, std::nullopt);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Spellings, ListItems,
    ::testing::Values(
        Twice{"Plain", "kind: List\nitems:\n- a: 1\n- null\n- [2]\nx: 3\n",
              R"({"kind":"List","items":[{"a":1},null,[2]],"x":3})"},
        Twice{"Flow", "{kind: List, items: [{a: 1}, ~, [2]], x: 3}",
              "{\n\t\"kind\": \"List\",\n\t\"items\": [{\"a\": 1}, null, [2]],\n\t\"x\": 3\n}"},
        Twice{"Anchored", "kind: List\nitems: &all\n- a: 1\n- null\n- &b [2]\nx: 3\n",
              R"({"kind":"List","items":[{"a":1},null,[2]],"x":3})"}),
    test::CaseName{});

TEST(ReadDocuments, HandsOverItemsThatCameByAnAlias) {
  const Reading reading = read("x: &x\n- {a: 1}\n- {b: 2}\nkind: List\nitems: *x\n");

  EXPECT_EQ(reading.to_string(),
            "{\"a\":1}\n{\"b\":2}\n{\"x\":[{\"a\":1},{\"b\":2}],\"kind\":\"List\",\"items\":[]}\n");
  EXPECT_EQ(reading.documents.at(1).item, 1u);
}

TEST(ReadDocuments, HandsOverItemsThatCameByAMerge) {
  EXPECT_EQ(read("<<: {items: [{a: 1}]}\nkind: List\n").to_string(),
            "{\"a\":1}\n{\"kind\":\"List\",\"items\":[]}\n");
}

TEST(ReadDocuments, RefusesAnAliasOfAListThatWasHandedOver) {
  EXPECT_THAT(read("items: &x [1]\nb: *x\n").error->text, HasSubstr("*x refers to no anchor"));
}

TEST(ReadDocuments, KeepsItemsElsewhere) {
  for (const std::string_view text : {R"({"spec":{"items":[1]}})", R"([{"items":[1]}])",
                                      R"({"items":{"a":1}})", R"({"a":[[1]]})"}) {
    EXPECT_EQ(test::read_one(text), boost::json::parse(text));
  }
}

TEST(ReadDocuments, KeepsAListUnderItemsOfAnItem) {
  EXPECT_EQ(read(R"({"items":[{"items":[1]}]})").to_string(), "{\"items\":[1]}\n{\"items\":[]}\n");
}

TEST(ReadDocuments, MarksYamlItemsWhereTheyStart) {
  const Reading reading = read("items:\n- a: 1\n-   b: 2\n");

  EXPECT_EQ(reading.documents.at(0).mark, (Mark{2, 3}));
  EXPECT_EQ(reading.documents.at(1).mark, (Mark{3, 5}));
}

// Limits. Each case is the largest text that is accepted and the smallest that is not.
struct LimitCase {
  const char* name;
  Limits limits;
  std::string accepted;
  std::string refused;
  std::string_view problem;
};
std::ostream& operator<<(std::ostream& out, const LimitCase& each) { return out << each.refused; }

class LimitsTest : public ::testing::TestWithParam<LimitCase> {};

TEST_P(LimitsTest, AdmitTheLargestText) {
  const Reading reading = read(GetParam().accepted, Expect::Yaml, GetParam().limits);

  EXPECT_FALSE(reading.error) << reading.to_string();
}

TEST_P(LimitsTest, RefuseTheNextLarger) {
  const Reading reading = read(GetParam().refused, Expect::Yaml, GetParam().limits);

  ASSERT_TRUE(reading.error);
  EXPECT_THAT(reading.error->text, HasSubstr(std::string(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Limits, LimitsTest,
    ::testing::Values(
        LimitCase{
            "YamlDepth", {.depth = 3}, "a:\n- b: 1\n", "a:\n- b: []\n", "more than 3 levels deep"},
        LimitCase{"JsonDepth",
                  {.depth = 3},
                  R"({"a":[{"b":1}]})",
                  R"({"a":[{"b":[]}]})",
                  "more than 3 levels deep"},
        LimitCase{"DefaultDepth",
                  {},
                  repeated("[", 64) + repeated("]", 64),
                  repeated("[", 65) + repeated("]", 65),
                  "more than 64 levels deep"},
        LimitCase{"VeryDeep", {}, "", repeated("[", 1'000'000), "more than 64 levels deep"},
        LimitCase{
            "VeryDeepMappings", {}, "", repeated("{a: ", 1'000'000), "more than 64 levels deep"},
        LimitCase{"VeryDeepBlocks", {}, "", repeated("- ", 1'000'000), "more than 64 levels deep"},
        // Keys count as values: they cost as much.
        LimitCase{"YamlNodes", {.nodes = 5}, "a: [1, 2]\n", "a: [1, 2, 3]\n", "more than 5 values"},
        LimitCase{
            "JsonNodes", {.nodes = 5}, R"({"a":[1,2]})", R"({"a":[1,2,3]})", "more than 5 values"},
        LimitCase{"NodesByAlias",
                  {.nodes = 12},
                  "a: &a [1, 2]\nb: [*a]\n",
                  "a: &a [1, 2]\nb: [*a, *a]\n",
                  "more than 12 values"},
        LimitCase{"YamlBytes", {.bytes = 10}, "abcde: fghij\n", "abcde: fghijk\n", "MiB of text"},
        LimitCase{"JsonBytes",
                  {.bytes = 10},
                  R"({"abcde":"fghij"})",
                  R"({"abcde":"fghijk"})",
                  "MiB of text"},
        LimitCase{"NodesOfEachDocument",
                  {.nodes = 3},
                  "a: 1\n---\nb: 2\n---\nc: 3\n",
                  "a: 1\n---\nb: 2\nc: 3\n",
                  "more than 3 values"},
        LimitCase{"NodesOfEachItem",
                  {.nodes = 5},
                  "items: [{a: 1}, {b: 2}, {c: 3}]",
                  "items: [{a: 1}, {b: [1, 2, 3]}]",
                  "more than 5 values"},
        LimitCase{"ScalarItems",
                  {.nodes = 5},
                  "items: [1, 2, 3, 4, 5, 6, 7, 8, 9]",
                  "items: [[1, 2, 3, 4, 5]]",
                  "more than 5 values"},
        LimitCase{"NodesAfterTheItems",
                  {.nodes = 5},
                  "items: [[1, 2, 3, 4]]\nkind: List\n",
                  "items: [[1, 2, 3, 4]]\nkind: List\na: 1\n",
                  "more than 5 values"},
        LimitCase{"BytesOfEachItem",
                  {.bytes = 10},
                  "items: [abcdefgh, abcdefgh]",
                  "items: [abcdefghijk]",
                  "MiB of text"}),
    test::CaseName{});

TEST(ReadDocuments, SaysWhichEncodingATextHasThatIsNotUtf8) {
  // PowerShell's ">" writes it.
  const std::string text(
      "\xff\xfe"
      "a\0:\0",
      6);

  const Reading reading = read(text);

  ASSERT_TRUE(reading.error);
  EXPECT_EQ(reading.error->text, "is UTF-16 text; save it as UTF-8");
}

}  // namespace
}  // namespace wherry::document
