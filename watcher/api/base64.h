#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wherry::api {

/// RFC 4648 section 4, with padding. Nothing where the text is not that; white space is passed
/// over, as kubeconfig files break lines.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace wherry::api
