// Whatever read_documents() accepts can be written and read back, and located; JSON means what
// Boost.JSON says it means.

#include "base/document/locate.h"
#include "base/document/read_documents.h"
#include "base/document/write_yaml.h"
#include "base/utf8.h"
#include "tests/fuzz/require.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace json = boost::json;
using namespace wherry::document;
using wherry::fuzz::require;

/// Small, so that what a text may cost at most does not hide what takes too long.
constexpr Limits kLimits{.depth = 64, .nodes = 10'000, .bytes = 1u << 20};
/// What was accepted takes a little more once it is wrapped.
constexpr Limits kRoomier{.depth = 80, .nodes = 20'000, .bytes = 2u << 20};
constexpr std::size_t kMostPaths = 300;

struct Reading {
  std::vector<Document> documents;
  std::optional<SyntaxError> error;
};

Reading read(std::string_view text, Expect expect, const Limits& limits) {
  Reading reading;
  reading.error = read_documents(text, expect, limits, [&reading](Document&& each) {
    reading.documents.push_back(std::move(each));
  });
  return reading;
}

void check_round_trip(const json::value& value) {
  // Below a key, so that neither "items" nor managedFields mean anything.
  const json::value wrapped = json::object{{"v", value}};
  const std::string yaml = write_yaml(wrapped);
  const Reading back = read(yaml, Expect::Yaml, kRoomier);
  require(!back.error, "what write_yaml() wrote is YAML",
          (back.error ? back.error->text : "") + '\n' + json::serialize(wrapped) + '\n' + yaml);
  require(back.documents.size() == 1 && back.documents[0].value == wrapped,
          "what write_yaml() wrote is read as the same value",
          json::serialize(wrapped) + '\n' + yaml);
}

/// The lines of a text, ended as YAML 1.1 or only as '\n' ends them.
std::vector<std::string_view> lines_of(std::string_view text, bool as_yaml) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t size = 0;
    if (text[i] == '\n') size = 1;
    if (as_yaml && text[i] == '\r') size = text.substr(i).starts_with("\r\n") ? 2 : 1;
    if (as_yaml && text.substr(i).starts_with("\u0085")) size = 2;
    if (as_yaml && (text.substr(i).starts_with("\u2028") || text.substr(i).starts_with("\u2029"))) {
      size = 3;
    }
    if (size > 0) {
      lines.push_back(text.substr(begin, i - begin));
      begin = i + size;
    }
    i += std::max<std::size_t>(size, 1);
  }
  lines.push_back(text.substr(begin));
  // libyaml ends a last line that nobody ended, and lets what is missing stand after it.
  if (as_yaml && !lines.back().empty()) lines.push_back(text.substr(text.size()));
  return lines;
}

/// The byte of the text that a mark points at, if it is in the text.
std::optional<std::size_t> offset_of(const Mark& mark, const std::vector<std::string_view>& lines,
                                     std::string_view text) {
  if (mark.line < 1 || mark.column < 1) return std::nullopt;
  if (static_cast<std::size_t>(mark.line) > lines.size()) return std::nullopt;
  std::string_view line = lines[static_cast<std::size_t>(mark.line) - 1];
  for (int i = 1; i < mark.column; ++i) {
    if (line.empty()) return std::nullopt;
    line.remove_prefix(std::max<std::size_t>(wherry::utf8_character_size(line), 1));
  }
  return static_cast<std::size_t>(line.data() - text.data());
}

/// Every path into a value, up to a number of them.
void collect_paths(const json::value& value, Where& where, std::vector<Where>& paths,
                   std::vector<const json::value*>& values) {
  if (paths.size() >= kMostPaths) return;
  paths.push_back(where);
  values.push_back(&value);
  const auto descend = [&](PathStep step, const json::value& below) {
    where.path.steps.push_back(std::move(step));
    collect_paths(below, where, paths, values);
    where.path.steps.pop_back();
  };
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, below] : *object) descend(std::string(key), below);
  } else if (const json::array* list = value.if_array()) {
    for (std::size_t i = 0; i < list->size(); ++i) descend(i, (*list)[i]);
  }
}

/// The first JSON value of a text.
std::optional<json::value> first_value(std::string_view text) {
  json::parse_options options;
  options.max_depth = kLimits.depth;
  json::stream_parser parser({}, options);
  json::error_code ec;
  parser.write_some(text.data(), text.size(), ec);
  if (!ec && !parser.done()) parser.finish(ec);  // a number may go on to the end
  if (ec) return std::nullopt;
  return parser.release();
}

void check_locate(std::string_view text, const std::vector<Document>& documents,
                  bool is_plain_json) {
  std::vector<Where> paths;
  std::vector<const json::value*> values;
  for (const Document& each : documents) {
    Where where{each.number, {}};
    if (each.item) where.path.steps = {std::string("items"), *each.item};
    collect_paths(each.value, where, paths, values);
  }
  const std::vector<Mark> marks = locate(text, paths);
  require(marks.size() == paths.size(), "locate() answers every question");

  const auto lines = lines_of(text, false);
  const auto yaml_lines = lines_of(text, true);
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const std::string details = paths[i].path.to_string() + " at " + std::to_string(marks[i].line) +
                                ':' + std::to_string(marks[i].column);
    const auto offset = offset_of(marks[i], lines, text);
    // Several JSON values, and YAML, are not told apart here.
    require(offset || (!is_plain_json && offset_of(marks[i], yaml_lines, text)),
            "locate() points into the text", details);
    if (!is_plain_json) continue;
    const auto there = first_value(text.substr(*offset));
    require(there && *there == *values[i], "locate() points at the value itself", details);
  }
}

bool means_more_than_json(const json::value& value, bool is_root = true) {
  if (const json::object* object = value.if_object()) {
    if (object->contains("managedFields") || (is_root && object->contains("items"))) return true;
    return std::any_of(object->begin(), object->end(),
                       [](const auto& pair) { return means_more_than_json(pair.value(), false); });
  }
  if (const json::array* list = value.if_array()) {
    return std::any_of(list->begin(), list->end(),
                       [](const json::value& each) { return means_more_than_json(each, false); });
  }
  return false;
}

/// Compares our reading with Boost's. Says whether the text is one JSON value that was read as it
/// stands.
bool check_json(std::string_view text, const Reading& reading) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) return false;
  json::parse_options options;
  options.max_depth = kLimits.depth;
  json::error_code ec;
  const json::value expected = json::parse(text, ec, {}, options);
  if (ec) return false;

  if (reading.error) {
    require(!reading.error->text.starts_with("is no "), "JSON is read as JSON",
            reading.error->text);
    return false;
  }
  if (means_more_than_json(expected)) return false;
  require(reading.documents.size() == 1, "one JSON value is one document");
  require(reading.documents[0].value == expected, "JSON means what Boost.JSON says",
          json::serialize(reading.documents[0].value));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const Reading reading = read(text, Expect::Yaml, kLimits);
  if (reading.error) {
    require(reading.error->mark.line >= 1 && reading.error->mark.column >= 1,
            "errors have a place");
  }
  const Reading expected_json = read(text, Expect::Json, kLimits);
  require(reading.error.has_value() == expected_json.error.has_value(),
          "what is expected changes only the error");

  if (text.starts_with("\ufeff")) text.remove_prefix(3);
  const bool is_plain_json = check_json(text, reading);
  for (const Document& each : reading.documents) check_round_trip(each.value);
  if (!reading.error) check_locate(text, reading.documents, is_plain_json);
  return 0;
}
