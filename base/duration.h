#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace wherry {

using Duration = std::chrono::nanoseconds;

/// As metrics count it.
[[nodiscard]] constexpr double seconds_of(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

/// Reads what Go's time.ParseDuration reads: "3s", "500ms", "1m30s", "1.5h", "0". No sign but "+":
/// nothing here lasts a negative time.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;

/// The shortest exact form of the same: "1m30s", "500ms", "0s".
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace wherry
