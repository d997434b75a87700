#pragma once

#include "base/document/read_documents.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace wherry::document {

class DocumentBuilder;

/// Whether the first thing in a text is an opening brace or bracket. Private to this folder.
[[nodiscard]] bool looks_like_json(std::string_view text) noexcept;

/// Where the grammar breaks, or nothing: one quick pass that builds nothing.
[[nodiscard]] std::optional<SyntaxError> check_json(std::string_view text, const Limits& limits);

/// Feeds a whole text to the builder: one JSON value, or several one after another.
[[nodiscard]] std::optional<SyntaxError> read_json(std::string_view text, const Limits& limits,
                                                   DocumentBuilder& builder);

/// Told of each value of a text and of the byte at which it starts.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual void begin_document() = 0;
  virtual void begin_container(std::size_t at, bool is_mapping) = 0;
  virtual void end_container() = 0;
  [[nodiscard]] virtual bool wants_key() const = 0;
  virtual void key(std::string_view text) = 0;
  virtual void scalar(std::size_t at) = 0;
};

/// Precondition: check_json() accepts the text.
void walk_json(std::string_view text, JsonVisitor& visitor);

}  // namespace wherry::document
