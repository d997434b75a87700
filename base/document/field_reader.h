#pragma once

#include "base/document/field_path.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::document {

/// Typed access to one value of a document. What is absent or null reads as the default; what has
/// the wrong type reads as the default too and adds a fault that says what was found and what
/// would be right. A decoder therefore never branches on errors: it reads everything, and who
/// called it looks at the faults.
///
/// Cheap to copy about on the stack; refers to its parent reader, the document and the fault list,
/// which must all outlive it.
class FieldReader {
 public:
  /// The root of a document.
  FieldReader(const boost::json::value& document, FieldFaults& faults);

  /// Absent and null are the same.
  [[nodiscard]] bool present() const noexcept { return value_ != nullptr; }
  [[nodiscard]] const boost::json::value* value() const noexcept { return value_; }
  [[nodiscard]] FieldPath path() const;

  /// The value under `key`, of any type. A fault, and absent, if this value is no mapping.
  [[nodiscard]] FieldReader at(std::string_view key) const;
  /// The same, but a fault, and absent, unless it is a mapping.
  [[nodiscard]] FieldReader object(std::string_view key) const;
  /// Whether this value is a mapping; a fault, which says what was expected, if it is something
  /// else (absent is neither).
  [[nodiscard]] bool expect_object(std::string_view expected = "a mapping") const;

  // This value itself, read as a type.
  [[nodiscard]] std::optional<std::string> as_string() const;
  [[nodiscard]] std::optional<std::int64_t> as_integer() const;
  [[nodiscard]] std::optional<bool> as_bool() const;

  // A value under a key.
  [[nodiscard]] std::string string(std::string_view key, std::string_view fallback = "") const;
  [[nodiscard]] std::optional<std::string> optional_string(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> strings(std::string_view key) const;
  [[nodiscard]] std::map<std::string, std::string> string_map(std::string_view key) const;

  /// Calls `visit` for each element of the list under `key`; null elements are left out.
  void each(std::string_view key, const std::function<void(const FieldReader&)>& visit) const;
  /// Calls `visit` for each element of this value, which must be a list.
  void each(const std::function<void(const FieldReader&)>& visit) const;
  /// Calls `visit` for each key of this mapping.
  void each_key(const std::function<void(std::string_view, const FieldReader&)>& visit) const;

  /// Says that this value, or the one under `key`, is wrong.
  void fault(std::string text) const;
  void fault(std::string_view key, std::string text) const;

  /// "the number 5", "the string \"x\"", "a list": for fault texts.
  [[nodiscard]] static std::string describe(const boost::json::value& value);

 private:
  FieldReader(const FieldReader& parent, PathStep step, const boost::json::value* value);
  void fault_wrong_type(std::string_view expected) const;

  const FieldReader* parent_ = nullptr;
  PathStep step_;
  const boost::json::value* value_ = nullptr;
  FieldFaults* faults_;
};

}  // namespace wherry::document
