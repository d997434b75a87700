#pragma once

#include "config/options.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::config {

/// How a value is written in YAML; on the command line everything is text.
/// A Boolean's flag needs no value: "--profiling" is "--profiling=true".
enum class ValueKind { Text, Integer, Duration, List, Boolean };

/// What stands for the value of a Boolean.
inline constexpr std::string_view kBooleanValue = "true|false";

/// One thing that can be set: its flag, its key in a file, its help, and how its text becomes an
/// option. The command line, the file reader, the completions and the documentation's test all
/// read this one table.
struct Setting {
  std::string_view flag;   ///< without dashes: "listen-address"
  std::string_view value;  ///< what stands for the value in help: "ADDR"
  std::string_view help;
  ValueKind kind = ValueKind::Text;
  std::string_view same_as;  ///< the flag of which this is another name; else empty

  /// Puts the texts into the options, or says what is wrong and what would be right.
  /// Kinds other than List get exactly one text.
  std::function<std::optional<std::string>(Options&, std::span<const std::string>)> apply;
  /// The value in force, as one would write it; empty if unset.
  std::function<std::string(const Options&)> show;
  /// All values that it can have, where these are a few words: what the shells offer.
  std::vector<std::string_view> words{};

  /// The flag in camelCase: "listenAddress".
  [[nodiscard]] std::string key() const;
  /// Whether one of its words is "off", which YAML reads as false where it has no quotes.
  [[nodiscard]] bool takes_off() const;
};

[[nodiscard]] const std::vector<Setting>& settings();
[[nodiscard]] const Setting* find_flag(std::string_view flag);
[[nodiscard]] const Setting* find_key(std::string_view key);

/// The candidate that is spelled most like `word`, if one is near enough to suggest.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 std::span<const std::string> candidates);

}  // namespace wherry::config
