#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

/// The process's log: one line per event on stderr, as text or as JSON objects.
///
/// Every function may be called from any thread. Levels say who must act: error = the operator,
/// warn = service is degraded, info = state changed, debug = single connections.
namespace wherry::log {

enum class Level { Debug, Info, Warn, Error };
enum class Format { Text, Json };

[[nodiscard]] std::string_view to_string(Level level) noexcept;
[[nodiscard]] std::string_view to_string(Format format) noexcept;
[[nodiscard]] std::optional<Level> parse_level(std::string_view text) noexcept;
/// klog's verbosity (-v), which operators of Kubernetes know: debug from 4 on, which is the first
/// that they call debugging, else info. Nothing for what is no number of 32 bits, as klog has it.
[[nodiscard]] std::optional<Level> level_of_verbosity(std::string_view number) noexcept;
[[nodiscard]] std::optional<Format> parse_format(std::string_view text) noexcept;

/// What a line is about, as key and value; a number stays a number in JSON.
struct Field {
  std::string_view key;
  std::string value;
  bool is_number = false;

  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(text) {}
  template <std::integral T>
  Field(std::string_view name, T number)
      : key(name), value(std::to_string(number)), is_number(true) {}
};
using Fields = std::initializer_list<Field>;

/// Before the first call: level info, format text.
void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level) noexcept;
void write(Level level, std::string_view message, Fields fields = {});
void flush() noexcept;

/// Sends lines elsewhere, without time stamp, until called with an empty function.
void redirect(std::function<void(Level, const std::string& line)> to);

inline void debug(std::string_view message, Fields fields = {}) {
  if (enabled(Level::Debug)) write(Level::Debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::Info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::Warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::Error, message, fields);
}

}  // namespace wherry::log
