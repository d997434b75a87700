#include "watcher/model/names.h"

#include <algorithm>

namespace wherry::model {
namespace {

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_alphanumeric(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

bool is_label_of(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '-';
         });
}

}  // namespace

bool is_dns_label(std::string_view text) noexcept { return is_label_of(text, 63); }

bool is_dns_subdomain(std::string_view text) noexcept {
  if (text.size() > 253) return false;
  for (;;) {
    const std::size_t dot = text.find('.');
    // A subdomain's parts may be longer than a DNS label's 63; only the whole is limited.
    if (!is_label_of(text.substr(0, dot), 253)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_port_name(std::string_view text) noexcept {
  return is_label_of(text, 15) && text.find("--") == std::string_view::npos &&
         std::any_of(text.begin(), text.end(), is_letter);
}

}  // namespace wherry::model
