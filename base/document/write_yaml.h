#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace wherry::document {

/// A JSON value as one YAML document in block style. Strings that YAML would read as something
/// else come in quotes; read_documents() gives the same value back.
[[nodiscard]] std::string write_yaml(const boost::json::value& value);

}  // namespace wherry::document
