#pragma once

#include "base/async/timers.h"
#include "base/result.h"
#include "base/socket_address.h"

#include <chrono>
#include <functional>
#include <string>

namespace wherry::http {

/// How long a port that can't be opened is left alone (H5).
inline constexpr Duration kOpenAgainAfter = std::chrono::seconds(5);

/// Opens a port, and where that fails tries again every 5 s, until it is open or given up.
///
/// One loop. What `open` uses must outlive it, or stop() must have been called.
class LastingPort {
 public:
  /// `open` tries once and returns what was wrong, if anything. `what` names the port in the log.
  LastingPort(Timers& timers, std::string what, std::function<error_code()> open);

  /// The first try; it is for the caller to say what its failure means. The next ones follow by
  /// themselves.
  error_code start();
  void stop() noexcept { again_.cancel(); }

 private:
  void try_again();

  Timers& timers_;
  const std::string what_;
  const std::function<error_code()> open_;
  Timer again_;
};

}  // namespace wherry::http
