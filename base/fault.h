#pragma once

#include <string>
#include <vector>

namespace wherry {

/// Where in a text something stands. Lines and columns count from 1; 0 means unknown.
struct Place {
  std::string file;  ///< a path, or what stands for one ("--workers")
  int line = 0;
  int column = 0;

  /// "file:line:column", without the parts that are unknown.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Place&, const Place&) = default;
};

/// Something that a person must mend: where, which field, what is wrong and what would be right.
struct Fault {
  Place place;
  std::string field;  ///< key path or object and key path; may be empty
  std::string text;   ///< what is wrong, and the remedy

  /// "file:line:column: field: text".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Fault&, const Fault&) = default;
};

using Faults = std::vector<Fault>;

}  // namespace wherry
