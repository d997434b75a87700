#pragma once

#include "base/document/read_documents.h"

#include <yaml.h>

#include <optional>
#include <string_view>

namespace wherry::document {

/// libyaml's event parser over a text that outlives it. Private to this folder.
class YamlEvents {
 public:
  explicit YamlEvents(std::string_view text);
  ~YamlEvents();
  YamlEvents(const YamlEvents&) = delete;
  YamlEvents& operator=(const YamlEvents&) = delete;

  /// The next event, valid until the next call; nullptr after the end and after an error.
  [[nodiscard]] const yaml_event_t* next();
  [[nodiscard]] const std::optional<SyntaxError>& error() const { return error_; }

  [[nodiscard]] static Mark mark_of(const yaml_mark_t& mark) noexcept;

 private:
  std::string_view text_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool has_event_ = false;
  bool ended_ = false;
  std::optional<SyntaxError> error_;
};

/// Feeds a whole text to the builder.
class DocumentBuilder;
[[nodiscard]] std::optional<SyntaxError> read_yaml(std::string_view text, DocumentBuilder& builder);

/// The text without a byte order mark at its start. Windows editors write one; kubectl passes over
/// it.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text) noexcept;

/// Line and column of a byte in a text.
[[nodiscard]] Mark mark_at(std::string_view text, std::size_t offset) noexcept;

}  // namespace wherry::document
