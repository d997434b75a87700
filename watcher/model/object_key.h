#pragma once

#include <compare>
#include <functional>
#include <string>

namespace wherry::model {

/// A namespaced object's identity within its kind.
struct ObjectKey {
  std::string name_space;
  std::string name;

  /// "namespace/name".
  [[nodiscard]] std::string to_string() const { return name_space + '/' + name; }

  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

}  // namespace wherry::model

template <>
struct std::hash<wherry::model::ObjectKey> {
  std::size_t operator()(const wherry::model::ObjectKey& key) const noexcept {
    return std::hash<std::string>{}(key.name_space) * 31 + std::hash<std::string>{}(key.name);
  }
};
