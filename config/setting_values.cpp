#include "config/setting_values.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace wherry::config {

std::string quote(const std::string& text) { return '"' + text + '"'; }

Wrong whole_number_in(unsigned long long& into, const std::string& text, unsigned long long least,
                      unsigned long long most) {
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return quote(text) + " is no whole number; write one from " + range;
  }
  if (error != std::errc() || number < 0 || static_cast<unsigned long long>(number) < least ||
      static_cast<unsigned long long>(number) > most) {
    return text + " is out of range; write a whole number from " + range;
  }
  into = static_cast<unsigned long long>(number);
  return std::nullopt;
}

/// Far from what the clock can add up to.
constexpr Duration kLongestDuration = std::chrono::hours(8760);

Wrong duration(Duration& into, const std::string& text, bool may_be_zero) {
  const auto parsed = parse_duration(text);
  if (!parsed) {
    const bool lacks_unit =
        text.find_first_not_of("0123456789.") == std::string::npos && parse_duration(text + 's');
    return quote(text) + (lacks_unit
                              ? " has no unit; write " + text + "s, " + text + "ms or " + text + "m"
                              : " is no duration; write one such as 3s, 500ms or 1m30s");
  }
  if (!may_be_zero && *parsed == Duration::zero()) {
    return "must be longer than 0; write for example 3s";
  }
  if (*parsed > kLongestDuration)
    return text + " is too long; write at most 8760h, which is a year";
  into = *parsed;
  return std::nullopt;
}

Wrong boolean(bool& into, const std::string& text) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) {
    into = true;
  } else if (std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end()) {
    into = false;
  } else {
    return quote(text) + " is neither true nor false; write one of them";
  }
  return std::nullopt;
}

std::optional<SocketAddress> address_with_port(const std::string& text, std::uint16_t port) {
  if (const auto whole = SocketAddress::parse(text)) return whole;
  if (const auto ip = IpAddress::parse(text)) return SocketAddress{*ip, port};
  return std::nullopt;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    const std::size_t first = std::min(text.find_first_not_of(' ', from), comma);
    std::string part = text.substr(first, comma - first);
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(std::move(part));
    from = comma + 1;
  }
  return parts;
}

std::string joined(const std::vector<Cidr>& blocks) {
  std::string text;
  for (const Cidr& block : blocks) text += (text.empty() ? "" : ",") + block.to_string();
  return text;
}

std::string one_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

Setting boolean_setting(std::string_view flag, std::string_view help, bool Options::* member) {
  return {.flag = flag,
          .value = kBooleanValue,
          .help = help,
          .kind = ValueKind::Boolean,
          .same_as = {},
          .apply = [member](Options& o, Texts t) { return boolean(o.*member, t[0]); },
          .show = [member](const Options& o) { return std::string(o.*member ? "true" : "false"); },
          .words = {"true", "false"}};
}

}  // namespace wherry::config
