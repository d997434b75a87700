#pragma once

#include "base/document/field_reader.h"
#include "base/document/read_documents.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace wherry::test {

/// "path: text", one line per fault.
inline std::vector<std::string> lines_of(const document::FieldFaults& faults) {
  std::vector<std::string> lines;
  for (const document::FieldFault& fault : faults) {
    const std::string path = fault.path.to_string();
    lines.push_back(path.empty() ? fault.text : path + ": " + fault.text);
  }
  return lines;
}

/// The one document of a YAML text.
inline boost::json::value value_of(std::string_view yaml) {
  boost::json::value value;
  const auto error = document::read_documents(
      yaml, document::Expect::Yaml, document::Limits{},
      [&value](document::Document&& each) { value = std::move(each.value); });
  EXPECT_FALSE(error) << error->mark.line << ':' << error->mark.column << ": " << error->text;
  return value;
}

template <class T>
struct Decoded {
  T object;
  std::vector<std::string> faults;
};

/// What a decoder makes of one document.
template <class Decode>
auto decode_with(Decode decode, std::string_view yaml) {
  const boost::json::value value = value_of(yaml);
  document::FieldFaults faults;
  auto object = decode(document::FieldReader(value, faults));
  return Decoded<decltype(object)>{std::move(object), lines_of(faults)};
}

}  // namespace wherry::test
