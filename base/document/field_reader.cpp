#include "base/document/field_reader.h"

#include "base/quoted.h"
#include "base/utf8.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace wherry::document {
namespace {

namespace json = boost::json;

const json::value* unless_null(const json::value& value) {
  return value.is_null() ? nullptr : &value;
}

/// As a person would have written it: 80.5, not 8.05E1.
std::string number_text(const json::value& value) {
  if (!value.is_double()) return json::serialize(value);
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value.get_double()).ptr;
  return {text.data(), end};
}

/// A string in a fault's text: short, and on one line.
std::string excerpt(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string literal = quoted(utf8_prefix(text, kLongest));
  if (text.size() > kLongest) literal.insert(literal.size() - 1, "...");
  return literal;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

FieldReader::FieldReader(const json::value& document, FieldFaults& faults)
    : value_(unless_null(document)), faults_(&faults) {}

FieldReader::FieldReader(const FieldReader& parent, PathStep step, const json::value* value)
    : parent_(&parent), step_(std::move(step)), value_(value), faults_(parent.faults_) {}

FieldPath FieldReader::path() const {
  FieldPath path;
  for (const FieldReader* at = this; at->parent_ != nullptr; at = at->parent_) {
    path.steps.push_back(at->step_);
  }
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

void FieldReader::fault(std::string text) const { faults_->push_back({path(), std::move(text)}); }

void FieldReader::fault(std::string_view key, std::string text) const {
  FieldPath where = path();
  where.steps.emplace_back(std::string(key));
  faults_->push_back({std::move(where), std::move(text)});
}

std::string FieldReader::describe(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "nothing";
    case json::kind::bool_:
      return value.get_bool() ? "the boolean true" : "the boolean false";
    case json::kind::string:
      return "the string " + excerpt(value.get_string());
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "a mapping";
    default:
      return "the number " + number_text(value);
  }
}

void FieldReader::fault_wrong_type(std::string_view expected) const {
  std::string text = "expected " + std::string(expected) + ", found " + describe(*value_);
  if (expected == "a string" && (value_->is_bool() || value_->is_number())) {
    text += "; put it in quotes";
  } else if (value_->is_string() &&
             (expected == "true or false" ||
              (expected == "a whole number" && is_digits(value_->get_string())))) {
    text += "; write it without quotes";
  }
  fault(std::move(text));
}

bool FieldReader::expect_object(std::string_view expected) const {
  if (value_ == nullptr) return false;
  if (!value_->is_object()) fault_wrong_type(expected);
  return value_->is_object();
}

FieldReader FieldReader::at(std::string_view key) const {
  const json::value* found = nullptr;
  if (value_ != nullptr) {
    if (const json::object* object = value_->if_object()) {
      const json::value* under = object->if_contains(key);
      if (under != nullptr) found = unless_null(*under);
    } else {
      fault_wrong_type("a mapping");
    }
  }
  return {*this, std::string(key), found};
}

FieldReader FieldReader::object(std::string_view key) const {
  FieldReader field = at(key);
  if (field.present() && !field.expect_object()) field.value_ = nullptr;
  return field;
}

std::optional<std::string> FieldReader::as_string() const {
  if (value_ == nullptr) return std::nullopt;
  if (const json::string* text = value_->if_string()) return std::string(*text);
  fault_wrong_type("a string");
  return std::nullopt;
}

std::optional<std::int64_t> FieldReader::as_integer() const {
  if (value_ == nullptr) return std::nullopt;
  if (const auto* number = value_->if_int64()) return *number;
  if (const auto* number = value_->if_double()) {
    // YAML's 1e3 and JSON's 80.0 are whole numbers to Kubernetes too.
    if (std::trunc(*number) == *number && std::abs(*number) < 9e15) {
      return static_cast<std::int64_t>(*number);
    }
  }
  fault_wrong_type(value_->is_uint64() ? "a whole number below 2^63" : "a whole number");
  return std::nullopt;
}

std::optional<bool> FieldReader::as_bool() const {
  if (value_ == nullptr) return std::nullopt;
  if (const auto* truth = value_->if_bool()) return *truth;
  fault_wrong_type("true or false");
  return std::nullopt;
}

std::string FieldReader::string(std::string_view key, std::string_view fallback) const {
  return at(key).as_string().value_or(std::string(fallback));
}

std::optional<std::string> FieldReader::optional_string(std::string_view key) const {
  return at(key).as_string();
}

std::optional<std::int64_t> FieldReader::integer(std::string_view key) const {
  return at(key).as_integer();
}

std::optional<bool> FieldReader::boolean(std::string_view key) const { return at(key).as_bool(); }

std::vector<std::string> FieldReader::strings(std::string_view key) const {
  std::vector<std::string> all;
  each(key, [&all](const FieldReader& element) {
    if (auto text = element.as_string()) all.push_back(std::move(*text));
  });
  return all;
}

std::map<std::string, std::string> FieldReader::string_map(std::string_view key) const {
  std::map<std::string, std::string> all;
  object(key).each_key([&all](std::string_view name, const FieldReader& field) {
    if (!field.present()) {
      all.emplace(name, "");  // as the API server reads a null in a map of strings
    } else if (auto text = field.as_string()) {
      all.emplace(name, std::move(*text));
    }
  });
  return all;
}

void FieldReader::each(std::string_view key,
                       const std::function<void(const FieldReader&)>& visit) const {
  at(key).each(visit);
}

void FieldReader::each(const std::function<void(const FieldReader&)>& visit) const {
  if (value_ == nullptr) return;
  const json::array* list = value_->if_array();
  if (list == nullptr) return fault_wrong_type("a list");
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_null()) visit(FieldReader(*this, i, &(*list)[i]));
  }
}

void FieldReader::each_key(
    const std::function<void(std::string_view, const FieldReader&)>& visit) const {
  if (!expect_object()) return;
  for (const auto& [key, value] : value_->get_object()) {
    visit(key, FieldReader(*this, std::string(key), unless_null(value)));
  }
}

}  // namespace wherry::document
