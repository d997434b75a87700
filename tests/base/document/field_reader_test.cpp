#include "base/document/field_reader.h"

#include "tests/base/case_name.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::document {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// "path: text" of each fault, one per line.
std::string text_of(const FieldFaults& faults) {
  std::string text;
  for (const FieldFault& fault : faults) {
    text += (text.empty() ? "" : "\n") + fault.path.to_string() + ": " + fault.text;
  }
  return text;
}

class FieldReaderTest : public ::testing::Test {
 protected:
  const FieldReader& root(std::string_view text) {
    document_ = json::parse(text);
    return root_.emplace(document_, faults_);
  }
  std::string faults() const { return text_of(faults_); }

  json::value document_;
  FieldFaults faults_;
  std::optional<FieldReader> root_;
};

// Each accessor of a value under the key "f": what it gives, as text, and which fault it adds.
struct Case {
  const char* name;
  std::string_view document;
  std::string (*read)(const FieldReader&);
  std::string_view result;
  std::string_view fault;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.document; }

template <class T>
std::string shown(const std::optional<T>& value) {
  if (!value) return "nothing";
  if constexpr (std::is_same_v<T, std::string>) {
    return '"' + *value + '"';
  } else if constexpr (std::is_same_v<T, bool>) {
    return *value ? "true" : "false";
  } else {
    return std::to_string(*value);
  }
}

std::string text(const FieldReader& root) { return '"' + root.string("f", "fallback") + '"'; }
std::string optional_text(const FieldReader& root) { return shown(root.optional_string("f")); }
std::string integer(const FieldReader& root) { return shown(root.integer("f")); }
std::string boolean(const FieldReader& root) { return shown(root.boolean("f")); }
std::string texts(const FieldReader& root) {
  std::string all;
  for (const std::string& each : root.strings("f")) all += each + ';';
  return all;
}
std::string text_map(const FieldReader& root) {
  std::string all;
  for (const auto& [key, value] : root.string_map("f")) all += key + '=' + value + ';';
  return all;
}
std::string present(const FieldReader& root) {
  return root.at("f").present() ? "present" : "absent";
}
std::string object(const FieldReader& root) {
  return root.object("f").present() ? "present" : "absent";
}
std::string elements(const FieldReader& root) {
  std::string all;
  root.each("f", [&all](const FieldReader& each) { all += each.path().to_string() + ';'; });
  return all;
}

class Accessor : public FieldReaderTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Accessor, GivesTheValueOrTheDefault) {
  EXPECT_EQ(GetParam().read(root(GetParam().document)), GetParam().result);
}

TEST_P(Accessor, FaultsTheWrongTypeOnly) {
  GetParam().read(root(GetParam().document));

  EXPECT_EQ(faults(), GetParam().fault);
}

INSTANTIATE_TEST_SUITE_P(
    String, Accessor,
    ::testing::Values(
        Case{"Absent", "{}", text, "\"fallback\"", ""},
        Case{"Null", R"({"f":null})", text, "\"fallback\"", ""},
        Case{"Right", R"({"f":"x"})", text, "\"x\"", ""},
        Case{"Empty", R"({"f":""})", text, "\"\"", ""},
        Case{"Number", R"({"f":5})", text, "\"fallback\"",
             "f: expected a string, found the number 5; put it in quotes"},
        Case{"Boolean", R"({"f":true})", text, "\"fallback\"",
             "f: expected a string, found the boolean true; put it in quotes"},
        Case{"List", R"({"f":[]})", text, "\"fallback\"", "f: expected a string, found a list"},
        Case{"Mapping", R"({"f":{}})", text, "\"fallback\"",
             "f: expected a string, found a mapping"},
        Case{"ParentIsAList", "[]", text, "\"fallback\"", ": expected a mapping, found a list"},
        Case{"ParentIsNull", "null", text, "\"fallback\"", ""}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    OptionalString, Accessor,
    ::testing::Values(Case{"Absent", "{}", optional_text, "nothing", ""},
                      Case{"Null", R"({"f":null})", optional_text, "nothing", ""},
                      Case{"Empty", R"({"f":""})", optional_text, "\"\"", ""},
                      Case{"Number", R"({"f":1.5})", optional_text, "nothing",
                           "f: expected a string, found the number 1.5; put it in quotes"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Integer, Accessor,
    ::testing::Values(
        Case{"Absent", "{}", integer, "nothing", ""},
        Case{"Null", R"({"f":null})", integer, "nothing", ""},
        Case{"Right", R"({"f":-5})", integer, "-5", ""},
        Case{"WholeDouble", R"({"f":80.0})", integer, "80", ""},
        Case{"Exponent", R"({"f":1e3})", integer, "1000", ""},
        Case{"Fraction", R"({"f":1.5})", integer, "nothing",
             "f: expected a whole number, found the number 1.5"},
        Case{"HugeDouble", R"({"f":1e300})", integer, "nothing",
             "f: expected a whole number, found the number 1e+300"},
        Case{"MoreThanInt64", R"({"f":18446744073709551615})", integer, "nothing",
             "f: expected a whole number below 2^63, found the number 18446744073709551615"},
        Case{"Digits", R"({"f":"5"})", integer, "nothing",
             "f: expected a whole number, found the string \"5\"; write it without quotes"},
        Case{"Boolean", R"({"f":false})", integer, "nothing",
             "f: expected a whole number, found the boolean false"},
        Case{"List", R"({"f":[5]})", integer, "nothing",
             "f: expected a whole number, found a list"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Boolean, Accessor,
    ::testing::Values(
        Case{"Absent", "{}", boolean, "nothing", ""},
        Case{"Null", R"({"f":null})", boolean, "nothing", ""},
        Case{"True", R"({"f":true})", boolean, "true", ""},
        Case{"False", R"({"f":false})", boolean, "false", ""},
        Case{"Number", R"({"f":1})", boolean, "nothing",
             "f: expected true or false, found the number 1"},
        Case{"Word", R"({"f":"true"})", boolean, "nothing",
             "f: expected true or false, found the string \"true\"; write it without quotes"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Strings, Accessor,
    ::testing::Values(
        Case{"Absent", "{}", texts, "", ""}, Case{"Null", R"({"f":null})", texts, "", ""},
        Case{"Right", R"({"f":["a","b"]})", texts, "a;b;", ""},
        Case{"NullElement", R"({"f":["a",null,"b"]})", texts, "a;b;", ""},
        Case{"WrongElement", R"({"f":["a",5,"b"]})", texts, "a;b;",
             "f[1]: expected a string, found the number 5; put it in quotes"},
        Case{"Scalar", R"({"f":"a"})", texts, "", "f: expected a list, found the string \"a\""},
        Case{"Mapping", R"({"f":{}})", texts, "", "f: expected a list, found a mapping"}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    StringMap, Accessor,
    ::testing::Values(
        Case{"Absent", "{}", text_map, "", ""}, Case{"Null", R"({"f":null})", text_map, "", ""},
        Case{"Right", R"({"f":{"a":"1","b":"2"}})", text_map, "a=1;b=2;", ""},
        Case{"NullIsEmpty", R"({"f":{"a":null}})", text_map, "a=;", ""},
        Case{"WrongValue", R"({"f":{"a.b":true,"c":"x"}})", text_map, "c=x;",
             "f[\"a.b\"]: expected a string, found the boolean true; put it in quotes"},
        Case{"List", R"({"f":["a"]})", text_map, "", "f: expected a mapping, found a list"},
        Case{"Scalar", R"({"f":"a"})", text_map, "",
             "f: expected a mapping, found the string \"a\""}),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(At, Accessor,
                         ::testing::Values(Case{"Absent", "{}", present, "absent", ""},
                                           Case{"Null", R"({"f":null})", present, "absent", ""},
                                           Case{"False", R"({"f":false})", present, "present", ""},
                                           Case{"ParentIsAString", R"("x")", present, "absent",
                                                ": expected a mapping, found the string \"x\""}),
                         test::CaseName{});

INSTANTIATE_TEST_SUITE_P(Object, Accessor,
                         ::testing::Values(Case{"Absent", "{}", object, "absent", ""},
                                           Case{"Null", R"({"f":null})", object, "absent", ""},
                                           Case{"Right", R"({"f":{}})", object, "present", ""},
                                           Case{"List", R"({"f":[]})", object, "absent",
                                                "f: expected a mapping, found a list"}),
                         test::CaseName{});

INSTANTIATE_TEST_SUITE_P(Each, Accessor,
                         ::testing::Values(Case{"Absent", "{}", elements, "", ""},
                                           Case{"Empty", R"({"f":[]})", elements, "", ""},
                                           Case{"KeepsIndicesAcrossNulls", R"({"f":[1,null,2]})",
                                                elements, "f[0];f[2];", ""},
                                           Case{"Scalar", R"({"f":1})", elements, "",
                                                "f: expected a list, found the number 1"}),
                         test::CaseName{});

TEST_F(FieldReaderTest, NamesTheWholePathInAFault) {
  root(R"({"spec":{"ports":[{"port":1},{"port":"x"}]}})")
      .at("spec")
      .each("ports", [](const FieldReader& port) { (void)port.integer("port"); });

  EXPECT_EQ(faults(), "spec.ports[1].port: expected a whole number, found the string \"x\"");
}

TEST_F(FieldReaderTest, FaultsNothingBelowWhatIsAbsent) {
  const FieldReader& document = root(R"({"a":null})");

  EXPECT_EQ(document.at("a").at("b").at("c").as_string(), std::nullopt);
  EXPECT_EQ(faults(), "");
}

TEST_F(FieldReaderTest, FaultsOnceBelowWhatIsNoMapping) {
  (void)root(R"({"a":5})").object("a").at("b").integer("c");

  EXPECT_EQ(faults(), "a: expected a mapping, found the number 5");
}

TEST_F(FieldReaderTest, VisitsEveryKeyOfAMapping) {
  std::vector<std::pair<std::string, bool>> seen;
  root(R"({"a":1,"b":null})").each_key([&](std::string_view key, const FieldReader& field) {
    seen.emplace_back(key, field.present());
  });

  EXPECT_THAT(seen, ElementsAre(Pair("a", true), Pair("b", false)));
}

TEST_F(FieldReaderTest, VisitsNoKeyOfAList) {
  root("[1]").each_key([](std::string_view, const FieldReader&) { FAIL(); });

  EXPECT_EQ(faults(), ": expected a mapping, found a list");
}

TEST_F(FieldReaderTest, ReadsElementsThemselves) {
  std::vector<std::int64_t> numbers;
  root("[1,2]").each(
      [&](const FieldReader& each) { numbers.push_back(each.as_integer().value_or(0)); });

  EXPECT_THAT(numbers, ElementsAre(1, 2));
}

TEST_F(FieldReaderTest, ExpectsAMapping) {
  EXPECT_TRUE(root("{}").expect_object());
  EXPECT_FALSE(root("null").expect_object());
  EXPECT_EQ(faults(), "");

  EXPECT_FALSE(root("5").expect_object());
  EXPECT_EQ(faults(), ": expected a mapping, found the number 5");
}

TEST_F(FieldReaderTest, TakesFaultsFromItsUser) {
  const FieldReader& document = root(R"({"a":{}})");

  document.at("a").fault("is odd");
  document.at("a").fault("b", "is missing");

  EXPECT_EQ(faults(), "a: is odd\na.b: is missing");
}

struct DescribeCase {
  const char* name;
  json::value value;
  std::string text;
};
std::ostream& operator<<(std::ostream& out, const DescribeCase& each) { return out << each.text; }

class Describe : public ::testing::TestWithParam<DescribeCase> {};

TEST_P(Describe, SaysWhatWasFound) {
  EXPECT_EQ(FieldReader::describe(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Values, Describe,
    ::testing::Values(
        DescribeCase{"Null", nullptr, "nothing"}, DescribeCase{"True", true, "the boolean true"},
        DescribeCase{"Number", 5, "the number 5"}, DescribeCase{"List", json::array{}, "a list"},
        DescribeCase{"Mapping", json::object{}, "a mapping"},
        DescribeCase{"String", "x", "the string \"x\""},
        DescribeCase{"ControlCharacters", "\x1b\n\"", "the string \"\\u001b\\n\\\"\""},
        DescribeCase{"SixtyCharacters", json::string(60, 'x'),
                     "the string \"" + std::string(60, 'x') + '"'},
        DescribeCase{"LongString", json::string(61, 'x'),
                     "the string \"" + std::string(60, 'x') + "...\""},
        DescribeCase{"CutsBetweenCharacters", json::string(std::string(59, 'x') + "\u00fc!"),
                     "the string \"" + std::string(59, 'x') + "...\""}),
    test::CaseName{});

}  // namespace
}  // namespace wherry::document
