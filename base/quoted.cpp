#include "base/quoted.h"

#include "base/utf8.h"

namespace wherry {
namespace {

void append_escaped(std::string& out, unsigned char control) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[control >> 4];
  out += kHex[control & 0xf];
}

enum class Form { Literal, Line };

void append(std::string& out, std::string_view text, Form form) {
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    const char c = text[0];
    if (size == 0) {
      out += "\\ufffd";
    } else if (form == Form::Literal && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (size == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) {
      append_escaped(out, static_cast<unsigned char>(c));
    } else if (c == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0) {
      append_escaped(out, static_cast<unsigned char>(text[1]));  // U+0080 to U+009F
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append(out, text, Form::Literal);
  out += '"';
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  append(out, text, Form::Line);
  return out;
}

}  // namespace wherry
