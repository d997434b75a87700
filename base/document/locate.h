#pragma once

#include "base/document/field_path.h"
#include "base/document/read_documents.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace wherry::document {

/// One value of one document of a text.
struct Where {
  std::size_t number = 0;  ///< of the document, from 0
  FieldPath path;
};

/// Where each of these values starts, in the same order. For one that does not exist (a field that
/// is missing, or that came by an alias) it is the place of the deepest ancestor that does.
///
/// Reads the text once more, so that documents need not carry a position for each value: faults
/// are rare, documents are not. Precondition: read_documents() accepted the text.
[[nodiscard]] std::vector<Mark> locate(std::string_view text, const std::vector<Where>& values);

}  // namespace wherry::document
