#include "base/log.h"

#include "base/quoted.h"

#include <fmt/chrono.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <memory>
#include <mutex>

namespace wherry::log {
namespace {

struct State {
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<Level> level{Level::Info};
  std::atomic<Format> format{Format::Text};
  std::mutex redirect_mutex;  ///< guards `redirected`
  std::function<void(Level, const std::string&)> redirected;

  State()
      : logger(std::make_shared<spdlog::logger>(
            "wherry", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger->set_level(spdlog::level::trace);  // filtered by enabled(), which costs less
    // Time and level are part of the line that render() makes, because JSON wants them inside.
    logger->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc));
    logger->flush_on(spdlog::level::trace);
  }
};

State& state() {
  // Never destroyed: threads and destructors may log until the very end.
  static auto* const instance = new State;
  return *instance;
}

/// A message may quote what a stranger wrote: control characters must not reach the terminal.
std::string on_one_line(std::string_view message) {
  std::string text = quoted(message);
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    out += text[i];
  }
  return out;
}

std::string render_text(std::string_view message, Fields fields) {
  std::string line = on_one_line(message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    const std::string in_quotes = quoted(field.value);
    // Text lines quote only what needs it: what is empty, escaped, or would look like two fields.
    const bool plain = !field.value.empty() && in_quotes.size() == field.value.size() + 2 &&
                       field.value.find_first_of(" =") == std::string::npos;
    line += plain ? field.value : in_quotes;
  }
  return line;
}

std::string render_json(std::string_view time, Level level, std::string_view message,
                        Fields fields) {
  std::string line = "{";
  if (!time.empty()) line += "\"time\":\"" + std::string(time) + "\",";
  line += "\"level\":\"" + std::string(to_string(level)) + "\",\"message\":" + quoted(message);
  for (const Field& field : fields) {
    line += ',' + quoted(field.key) + ':' + (field.is_number ? field.value : quoted(field.value));
  }
  line += '}';
  return line;
}

std::string timestamp() {
  const auto now = spdlog::log_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(spdlog::log_clock::to_time_t(now)),
                     ms.count() % 1000);
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
  }
  return "?";
}

std::string_view to_string(Format format) noexcept {
  return format == Format::Json ? "json" : "text";
}

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (const Level level : {Level::Debug, Level::Info, Level::Warn, Level::Error}) {
    if (text == to_string(level)) return level;
  }
  return std::nullopt;
}

std::optional<Level> level_of_verbosity(std::string_view number) noexcept {
  constexpr std::int32_t kDebug = 4;
  std::int32_t verbosity = 0;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), verbosity);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return verbosity >= kDebug ? Level::Debug : Level::Info;
}

std::optional<Format> parse_format(std::string_view text) noexcept {
  if (text == "text") return Format::Text;
  if (text == "json") return Format::Json;
  return std::nullopt;
}

void configure(Level level, Format format) {
  state().level = level;
  state().format = format;
}

bool enabled(Level level) noexcept {
  return level >= state().level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  State& log = state();
  {
    const std::lock_guard lock(log.redirect_mutex);
    if (log.redirected) {
      log.redirected(level, log.format == Format::Json ? render_json("", level, message, fields)
                                                       : render_text(message, fields));
      return;
    }
  }
  const std::string time = timestamp();
  const std::string line =
      log.format == Format::Json
          ? render_json(time, level, message, fields)
          : fmt::format("{} {:5} {}", time, to_string(level), render_text(message, fields));
  log.logger->log(spdlog::level::info, spdlog::string_view_t(line));
}

void flush() noexcept {
  try {
    state().logger->flush();
  } catch (const std::exception&) {
    // The log's own failure has nowhere to go.
  }
}

void redirect(std::function<void(Level, const std::string&)> to) {
  State& log = state();
  const std::lock_guard lock(log.redirect_mutex);
  log.redirected = std::move(to);
}

}  // namespace wherry::log
