#include "base/assert.h"

#include "base/log.h"

#include <cstdio>
#include <cstdlib>

namespace wherry {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
  log::flush();
  std::abort();
}

}  // namespace wherry
