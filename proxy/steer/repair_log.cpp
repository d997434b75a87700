#include "proxy/steer/repair_log.h"

#include "base/log.h"

#include <chrono>
#include <utility>

namespace wherry::steer {
namespace {

constexpr Duration kQuiet = std::chrono::minutes(1);

}  // namespace

void RepairLog::note(const Repairs& repairs) {
  for (const auto& [what, count] : repairs) {
    if (count == 0) continue;
    total_ += count;
    Kind& kind = kinds_[what];
    if (kind.quiet.is_waiting()) {
      kind.unsaid += count;
      continue;
    }
    log::warn("somebody had taken away or changed what wherry has set up; it is back",
              {{"what", what}, {"count", count}});
    keep_quiet(what, kind);
  }
}

void RepairLog::keep_quiet(const std::string& what, Kind& kind) {
  kind.quiet = timers_.schedule(kQuiet, [this, what, &kind] {
    if (kind.unsaid == 0) return;
    say_again(what, kind);
    keep_quiet(what, kind);
  });
}

void RepairLog::say_again(const std::string& what, Kind& kind) {
  log::warn("somebody goes on taking away or changing what wherry has set up; it is back",
            {{"what", what}, {"count", std::exchange(kind.unsaid, 0)}});
}

void RepairLog::stop() {
  for (auto& [what, kind] : kinds_) {
    kind.quiet.cancel();
    if (kind.unsaid > 0) say_again(what, kind);
  }
}

}  // namespace wherry::steer
