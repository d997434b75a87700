#include "base/document/json_text.h"

#include "base/document/document_builder.h"
#include "base/document/json_events.h"
#include "base/document/yaml_events.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

#include <array>

namespace wherry::document {
namespace {

namespace json = boost::json;
using json::error_code;

constexpr std::string_view kSpace = " \t\r\n";
/// Accepts everything: for checking grammar alone.
struct NullHandler {
  static constexpr std::size_t max_object_size = kUnlimited;
  static constexpr std::size_t max_array_size = kUnlimited;
  static constexpr std::size_t max_key_size = kUnlimited;
  static constexpr std::size_t max_string_size = kUnlimited;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_key(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

/// Parses values until the text ends. Returns the offset of the error, if any.
template <class Handler, class... Args>
std::optional<std::pair<std::size_t, error_code>> parse_all(std::string_view text,
                                                            const Limits& limits, Args&... args) {
  json::parse_options options;
  options.max_depth = limits.depth;
  std::size_t offset = 0;
  while ((offset = text.find_first_not_of(kSpace, offset)) != std::string_view::npos) {
    // "more" is false: a value that the text cuts off is an error.
    json::basic_parser<Handler> parser(options, args...);
    error_code ec;
    const std::size_t consumed =
        parser.write_some(false, text.data() + offset, text.size() - offset, ec);
    const bool is_container = text[offset] == '{' || text[offset] == '[';
    offset += consumed;
    if (ec) return std::pair(offset, ec);
    // The parser takes the space after a value too. Only brackets need none: "12" is never 1 and 2,
    // so "true1" is nothing.
    const bool is_separated = kSpace.find(text[offset - 1]) != std::string_view::npos;
    if (!is_container && !is_separated && offset < text.size()) {
      return std::pair(offset, error_code(json::error::extra_data));
    }
  }
  return std::nullopt;
}

/// The byte after the string that starts at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

/// Where the key or number starts that the parser had just read at `offset` when its handler
/// refused it; anything else is reported where the parser stood.
std::size_t start_of_token(std::string_view text, std::size_t offset) noexcept {
  if (offset < text.size() && text[offset] == '"') {
    // Within a string every quote comes after an odd number of backslashes.
    for (std::size_t at = offset; at-- > 0;) {
      if (text[at] != '"') continue;
      const std::size_t last = text.substr(0, at).find_last_not_of('\\');
      if ((at - (last + 1)) % 2 == 0) return at;
    }
    return offset;
  }
  const std::size_t at = text.substr(0, offset).find_last_not_of("+-.eE0123456789") + 1;
  return at < offset && (text[at] == '-' || (text[at] >= '0' && text[at] <= '9')) ? at : offset;
}

}  // namespace

bool looks_like_json(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

std::optional<SyntaxError> check_json(std::string_view text, const Limits& limits) {
  if (const auto failed = parse_all<NullHandler>(text, limits)) {
    return SyntaxError{mark_at(text, failed->first), "is no JSON: " + failed->second.message()};
  }
  return std::nullopt;
}

std::optional<SyntaxError> read_json(std::string_view text, const Limits& limits,
                                     DocumentBuilder& builder) {
  if (const auto failed = parse_all<JsonEvents>(text, limits, builder)) {
    const std::string problem =
        builder.error().empty() ? "is no JSON: " + failed->second.message() : builder.error();
    return SyntaxError{mark_at(text, start_of_token(text, failed->first)), problem};
  }
  return std::nullopt;
}

void walk_json(std::string_view text, JsonVisitor& visitor) {
  std::size_t depth = 0;
  std::size_t at = 0;
  // Commas and colons say nothing about valid text that is not known without them.
  while ((at = text.find_first_not_of(" \t\r\n,:", at)) != std::string_view::npos) {
    const char first = text[at];
    if (depth == 0) visitor.begin_document();
    if (first == '{' || first == '[') {
      visitor.begin_container(at++, first == '{');
      ++depth;
    } else if (first == '}' || first == ']') {
      visitor.end_container();
      --depth;
      ++at;
    } else if (first == '"') {
      const std::size_t end = end_of_string(text, at);
      if (visitor.wants_key()) {
        const std::string_view literal = text.substr(at, end - at);
        if (literal.find('\\') == std::string_view::npos) {
          visitor.key(literal.substr(1, literal.size() - 2));
        } else {
          visitor.key(std::string_view(json::parse(literal).get_string()));
        }
      } else {
        visitor.scalar(at);
      }
      at = end;
    } else {
      visitor.scalar(at);
      at = text.find_first_of(" \t\r\n,]}", at);
    }
  }
}

}  // namespace wherry::document
