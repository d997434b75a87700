#pragma once

#include <chrono>

namespace wherry {

using TimePoint = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// The only way to read the time, so that tests can move it.
///
/// Any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Monotonic; for deadlines and ages.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;

  /// What a calendar says; for people and for comparison with other machines' time stamps.
  [[nodiscard]] virtual WallTime wall() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] WallTime wall() const noexcept override;
};

}  // namespace wherry
