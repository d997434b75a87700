#pragma once

/// Checks for what only a bug can cause. Never for what a peer, a file or the kernel decides.
///
/// WHERRY_ASSERT is always on: use it where going on would be dangerous, or where it is cheap.
/// WHERRY_DCHECK is compiled only into debug builds: use it on hot paths.

namespace wherry {

/// Writes the failed condition and its place to stderr and the log, then aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace wherry

#define WHERRY_ASSERT(condition) \
  ((condition) ? void(0) : ::wherry::assertion_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define WHERRY_DCHECK(condition) (true ? void(0) : void(condition))
#else
#define WHERRY_DCHECK(condition) WHERRY_ASSERT(condition)
#endif
