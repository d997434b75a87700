#pragma once

#include "base/log.h"

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace wherry::test {

/// Collects what is logged while it lives, in place of stderr.
class LogCapture {
 public:
  explicit LogCapture(log::Level level = log::Level::Info) {
    log::configure(level, log::Format::Text);
    log::redirect([this](log::Level, const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    });
  }
  ~LogCapture() {
    log::redirect({});
    log::configure(log::Level::Info, log::Format::Text);
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// How many lines contain this text.
  [[nodiscard]] std::size_t count(std::string_view text) const {
    std::size_t n = 0;
    for (const std::string& line : lines()) n += line.find(text) != std::string::npos ? 1 : 0;
    return n;
  }

 private:
  mutable std::mutex mutex_;  ///< guards lines_
  std::vector<std::string> lines_;
};

}  // namespace wherry::test
