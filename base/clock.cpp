#include "base/clock.h"

namespace wherry {

TimePoint SystemClock::now() const noexcept { return std::chrono::steady_clock::now(); }
WallTime SystemClock::wall() const noexcept { return std::chrono::system_clock::now(); }

}  // namespace wherry
