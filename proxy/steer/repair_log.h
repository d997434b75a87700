#pragma once

#include "base/async/timers.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace wherry::steer {

/// What of ours somebody had taken away or changed and that is back: how many, by what it is, in
/// words for an operator.
using Repairs = std::map<std::string, std::size_t>;

/// Counts repairs (R7) and says them in the log: each kind at once, and what more of it comes
/// within a minute in one line after that. Who takes something away again and again, as fast as it
/// comes back, does not fill the log by it.
///
/// Control thread only. The timers outlive it.
class RepairLog {
 public:
  explicit RepairLog(Timers& timers) : timers_(timers) {}
  // Timers that run refer to it.
  RepairLog(const RepairLog&) = delete;
  RepairLog& operator=(const RepairLog&) = delete;

  void note(const Repairs& repairs);
  /// Says what is unsaid. note() may follow.
  void stop();
  /// All that were noted.
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

 private:
  struct Kind {
    std::size_t unsaid = 0;
    Timer quiet;  ///< until it fires nothing is said
  };
  void keep_quiet(const std::string& what, Kind& kind);
  static void say_again(const std::string& what, Kind& kind);

  Timers& timers_;
  std::map<std::string, Kind> kinds_;
  std::uint64_t total_ = 0;
};

}  // namespace wherry::steer
