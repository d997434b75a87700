#include "proxy/http/lasting_port.h"

#include "base/log.h"

#include <utility>

namespace wherry::http {

LastingPort::LastingPort(Timers& timers, std::string what, std::function<error_code()> open)
    : timers_(timers), what_(std::move(what)), open_(std::move(open)) {}

error_code LastingPort::start() {
  const error_code failed = open_();
  if (failed) again_ = timers_.schedule(kOpenAgainAfter, [this] { try_again(); });
  return failed;
}

void LastingPort::try_again() {
  if (!start()) log::info("a port that was busy is open now", {{"port", what_}});
}

}  // namespace wherry::http
