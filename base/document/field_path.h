#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace wherry::document {

/// One step into a document: a key of a mapping or an index of a list.
using PathStep = std::variant<std::string, std::size_t>;

/// The way from a document's root to one of its values.
struct FieldPath {
  std::vector<PathStep> steps;

  /// "spec.ports[0].port"; keys that contain dots or brackets are quoted:
  /// metadata.annotations["wherry.io/balance"].
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const FieldPath&, const FieldPath&) = default;
};

/// Something wrong with one value of a document, before anybody asked where that value stands.
struct FieldFault {
  FieldPath path;
  std::string text;
};

using FieldFaults = std::vector<FieldFault>;

}  // namespace wherry::document
