#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wherry {

/// How many bytes at the beginning of `text` make one character of well-formed UTF-8; 0 if none do.
[[nodiscard]] std::size_t utf8_character_size(std::string_view text) noexcept;

/// The longest beginning of at most `bytes` bytes that does not cut a character.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t bytes) noexcept;

/// The same text with U+FFFD in place of every byte that belongs to no character.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace wherry
