#include "base/document/yaml_events.h"

#include "base/document/document_builder.h"
#include "base/document/yaml_scalar.h"

#include <algorithm>
#include <new>

namespace wherry::document {
namespace {

std::string_view view(const yaml_char_t* text, std::size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view{} : reinterpret_cast<const char*>(text);
}

boost::json::value resolve(const yaml_event_t& event) {
  const auto& scalar = event.data.scalar;
  const std::string_view text = view(scalar.value, scalar.length);
  if (scalar.tag != nullptr && view(scalar.tag) != "!") {
    return resolve_tagged_scalar(view(scalar.tag), text);
  }
  if (scalar.plain_implicit && scalar.style == YAML_PLAIN_SCALAR_STYLE) {
    return resolve_plain_scalar(text);
  }
  return boost::json::value(boost::json::string(text));
}

/// "<<" without quotes; go-yaml takes quoted ones for ordinary keys.
bool is_merge_key(const yaml_event_t& event) {
  const auto& scalar = event.data.scalar;
  if (view(scalar.value, scalar.length) != "<<") return false;
  if (scalar.tag != nullptr) return view(scalar.tag) == "tag:yaml.org,2002:merge";
  return scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool feed(const yaml_event_t& event, DocumentBuilder& builder) {
  const Mark mark = YamlEvents::mark_of(event.start_mark);
  switch (event.type) {
    case YAML_DOCUMENT_START_EVENT:
      return builder.begin_document(mark);
    case YAML_DOCUMENT_END_EVENT:
      return builder.end_document();
    case YAML_MAPPING_START_EVENT:
      builder.anchor_next(view(event.data.mapping_start.anchor));
      return builder.begin_object(mark);
    case YAML_MAPPING_END_EVENT:
      return builder.end_object();
    case YAML_SEQUENCE_START_EVENT:
      builder.anchor_next(view(event.data.sequence_start.anchor));
      return builder.begin_array(mark);
    case YAML_SEQUENCE_END_EVENT:
      return builder.end_array();
    case YAML_ALIAS_EVENT:
      return builder.alias(mark, view(event.data.alias.anchor));
    case YAML_SCALAR_EVENT:
      if (builder.wants_key()) {
        if (is_merge_key(event)) return builder.merge_key(mark);
        return builder.key(mark, view(event.data.scalar.value, event.data.scalar.length));
      }
      builder.anchor_next(view(event.data.scalar.anchor));
      return builder.scalar(mark, resolve(event));
    default:
      return true;
  }
}

bool is_complex_key(const yaml_event_t& event, const DocumentBuilder& builder) {
  return builder.wants_key() &&
         (event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
          event.type == YAML_ALIAS_EVENT);
}

/// The most %TAG lines one text may have. libyaml compares each with all before it, so that a
/// million of them would take it hours; manifests have none.
constexpr std::size_t kMostTagDirectives = 100;

std::optional<SyntaxError> check_tag_directives(std::string_view text) {
  constexpr std::string_view kDirective = "%TAG";
  // The last bytes of what YAML 1.1 takes for a line end: LF, CR, U+0085, U+2028 and U+2029.
  constexpr std::string_view kLineEnds = "\n\r\x85\xa8\xa9";
  std::size_t count = 0;
  for (std::size_t at = text.find(kDirective); at != std::string_view::npos;
       at = text.find(kDirective, at + kDirective.size())) {
    const bool begins_line = at == 0 || kLineEnds.find(text[at - 1]) != std::string_view::npos;
    if (begins_line && ++count > kMostTagDirectives) {
      return SyntaxError{mark_at(text, at), "more than " + std::to_string(kMostTagDirectives) +
                                                " %TAG directives; leave them out"};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view text) noexcept {
  constexpr std::string_view kMark = "\ufeff";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

Mark mark_at(std::string_view text, std::size_t offset) noexcept {
  text = text.substr(0, std::min(offset, text.size()));
  const std::size_t newline = text.rfind('\n');
  const std::string_view line = newline == std::string_view::npos ? text : text.substr(newline + 1);
  // Columns count characters: continuation bytes of UTF-8 are not counted.
  const auto column = std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return {static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1,
          static_cast<int>(column) + 1};
}

YamlEvents::YamlEvents(std::string_view text) : text_(text) {
  if (text.data() == nullptr) text = "";  // libyaml asserts that there is a text
  if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
  yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                               text.size());
}

YamlEvents::~YamlEvents() {
  if (has_event_) yaml_event_delete(&event_);
  yaml_parser_delete(&parser_);
}

Mark YamlEvents::mark_of(const yaml_mark_t& mark) noexcept {
  return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

const yaml_event_t* YamlEvents::next() {
  if (has_event_) yaml_event_delete(&event_);
  has_event_ = false;
  if (ended_) return nullptr;
  if (yaml_parser_parse(&parser_, &event_) == 0) {
    ended_ = true;
    const char* problem = parser_.problem == nullptr ? "cannot be read" : parser_.problem;
    // The reader (encoding, control characters) knows an offset, the others a mark. What was never
    // finished is reported where it began: the end of the file helps nobody.
    const bool unfinished =
        parser_.context != nullptr &&
        std::string_view(problem).find("end of stream") != std::string_view::npos;
    const Mark mark = parser_.error == YAML_READER_ERROR ? mark_at(text_, parser_.problem_offset)
                      : unfinished                       ? mark_of(parser_.context_mark)
                                                         : mark_of(parser_.problem_mark);
    std::string text = "is no YAML: ";
    if (parser_.context != nullptr) text += std::string(parser_.context) + ", ";
    error_ = SyntaxError{mark, text + problem};
    return nullptr;
  }
  has_event_ = true;
  ended_ = event_.type == YAML_STREAM_END_EVENT;
  return &event_;
}

std::optional<SyntaxError> read_yaml(std::string_view text, DocumentBuilder& builder) {
  if (auto error = check_tag_directives(text)) return error;
  YamlEvents events(text);
  while (const yaml_event_t* event = events.next()) {
    if (is_complex_key(*event, builder)) {
      return SyntaxError{YamlEvents::mark_of(event->start_mark),
                         "a key must be a plain word or a quoted string"};
    }
    if (!feed(*event, builder)) {
      return SyntaxError{YamlEvents::mark_of(event->start_mark), builder.error()};
    }
  }
  return events.error();
}

}  // namespace wherry::document
