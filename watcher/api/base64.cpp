#include "watcher/api/base64.h"

#include <openssl/evp.h>

#include <memory>

namespace wherry::api {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string packed;
  packed.reserve(text.size());
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') packed += c;
  }
  if (packed.size() % 4 != 0) return std::nullopt;
  // EVP_DecodeBlock() takes '-' for an end and counts padding as bytes.
  if (packed.find_first_of("-_") != std::string::npos) return std::nullopt;
  const std::size_t padding = packed.empty()           ? 0
                              : packed.ends_with("==") ? 2
                                                       : packed.ends_with('=');
  if (packed.find('=') < packed.size() - padding) return std::nullopt;
  std::string decoded(packed.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(bytes_of(decoded), bytes_of(packed), static_cast<int>(packed.size()));
  if (size < 0 || static_cast<std::size_t>(size) < padding) return std::nullopt;
  decoded.resize(static_cast<std::size_t>(size) - padding);
  return decoded;
}

std::string encode_base64(std::string_view bytes) {
  std::string encoded((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the 0 that it ends with
  const int size =
      EVP_EncodeBlock(bytes_of(encoded), bytes_of(bytes), static_cast<int>(bytes.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

}  // namespace wherry::api
