#pragma once

#include "base/document/read_documents.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::document {

inline std::ostream& operator<<(std::ostream& out, const Mark& mark) {
  return out << mark.line << ':' << mark.column;
}

}  // namespace wherry::document

namespace wherry::test {

/// All that read_documents() said of a text.
struct Reading {
  std::vector<document::Document> documents;
  std::optional<document::SyntaxError> error;

  /// Every value as JSON, one per line; "line:column: text" of the error at the end.
  [[nodiscard]] std::string to_string() const {
    std::string text;
    for (const auto& each : documents) text += boost::json::serialize(each.value) + '\n';
    if (error) {
      text += std::to_string(error->mark.line) + ':' + std::to_string(error->mark.column) + ": " +
              error->text + '\n';
    }
    return text;
  }
};

inline Reading read(std::string_view text, document::Expect expect = document::Expect::Yaml,
                    const document::Limits& limits = {}) {
  Reading reading;
  reading.error = document::read_documents(text, expect, limits, [&](document::Document&& each) {
    reading.documents.push_back(std::move(each));
  });
  return reading;
}

inline boost::json::value string_value(std::string_view text) {
  return boost::json::value(boost::json::string(text));
}

/// The only document of a text.
inline boost::json::value read_one(std::string_view text) {
  Reading reading = read(text);
  if (reading.error || reading.documents.size() != 1)
    return string_value("not one document: " + reading.to_string());
  return std::move(reading.documents[0].value);
}

inline std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace wherry::test
