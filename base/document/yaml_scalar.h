#pragma once

#include <boost/json/value.hpp>

#include <string_view>

namespace wherry::document {

/// What an unquoted YAML scalar means: null, a boolean, a number or a string. The rules are those
/// of go-yaml (YAML 1.1 with "yes" and "off" as booleans, "0x10" and "010" as integers), because
/// that is how kubectl and the API server read the same file.
[[nodiscard]] boost::json::value resolve_plain_scalar(std::string_view text);

/// The same for a scalar that carries a tag; an unknown tag leaves a string.
[[nodiscard]] boost::json::value resolve_tagged_scalar(std::string_view tag, std::string_view text);

}  // namespace wherry::document
