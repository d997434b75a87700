#pragma once

#include "base/duration.h"
#include "config/setting.h"

#include <charconv>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How texts become values of settings. Private to this folder.
namespace wherry::config {

using Texts = std::span<const std::string>;
/// What is wrong with a text and what would be right; nothing where it is good.
using Wrong = std::optional<std::string>;

[[nodiscard]] std::string quote(const std::string& text);

[[nodiscard]] Wrong whole_number_in(unsigned long long& into, const std::string& text,
                                    unsigned long long least, unsigned long long most);
template <std::unsigned_integral T>
[[nodiscard]] Wrong whole_number(T& into, const std::string& text, T least, T most) {
  unsigned long long number = 0;
  if (auto wrong = whole_number_in(number, text, least, most)) return wrong;
  into = static_cast<T>(number);
  return std::nullopt;
}

[[nodiscard]] Wrong duration(Duration& into, const std::string& text, bool may_be_zero);

/// As Go reads flags: 1, t, true, 0, f, false and their capital forms.
[[nodiscard]] Wrong boolean(bool& into, const std::string& text);

/// ADDR:PORT, [ADDR]:PORT, or an address alone, to which the port is added, as kube-proxy does it.
[[nodiscard]] std::optional<SocketAddress> address_with_port(const std::string& text,
                                                             std::uint16_t port);
/// "a, b" without the blanks and the commas; nothing of an empty text.
[[nodiscard]] std::vector<std::string> split_at_commas(const std::string& text);

/// The way back, without blanks.
[[nodiscard]] std::string joined(const std::vector<Cidr>& blocks);

/// "a, b or c".
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

/// What a setting's words mean. The first word of a value is how it is shown.
template <class T>
using Words = std::vector<std::pair<std::string_view, T>>;

/// A setting that is one of a few words, whose meaning a member holds. Any other word is no `what`.
template <class T>
[[nodiscard]] Setting word_setting(std::string_view flag, std::string_view value,
                                   std::string_view help, std::string_view what,
                                   T Options::* member, const Words<T>& words) {
  Setting setting{.flag = flag,
                  .value = value,
                  .help = help,
                  .kind = ValueKind::Text,
                  .same_as = {},
                  .apply = {},
                  .show = {}};
  for (const auto& [word, meaning] : words) setting.words.push_back(word);
  setting.apply = [what, member, words, all = setting.words](Options& o, Texts texts) -> Wrong {
    for (const auto& [word, meaning] : words) {
      if (word != texts[0]) continue;
      o.*member = meaning;
      return std::nullopt;
    }
    return quote(texts[0]) + " is no " + std::string(what) + "; write " + one_of(all);
  };
  setting.show = [member, words](const Options& o) {
    for (const auto& [word, meaning] : words) {
      if (meaning == o.*member) return std::string(word);
    }
    return std::string();
  };
  return setting;
}

/// A setting that is true or false, which a member holds.
[[nodiscard]] Setting boolean_setting(std::string_view flag, std::string_view help,
                                      bool Options::* member);

/// The settings of a cluster, in the order of the help.
[[nodiscard]] std::vector<Setting> cluster_settings();
/// Which Services are served, and for whom.
[[nodiscard]] std::vector<Setting> service_settings();
/// How clients get to this process.
[[nodiscard]] std::vector<Setting> steering_settings();
/// How UDP is carried.
[[nodiscard]] std::vector<Setting> udp_settings();
/// How backends and proxies say and see who the client is.
[[nodiscard]] std::vector<Setting> client_settings();
/// Those of a node, most of which have kube-proxy's names.
[[nodiscard]] std::vector<Setting> node_settings();

}  // namespace wherry::config
