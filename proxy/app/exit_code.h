#pragma once

/// What the process says when it ends, after sysexits(3).
namespace wherry::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitNotFound = 1;  ///< get: no such name
inline constexpr int kExitLeft = 1;      ///< cleanup, init: something is left
inline constexpr int kExitCut = 1;       ///< run: connections were cut at the end
inline constexpr int kExitUsage = 64;
inline constexpr int kExitUnavailable = 69;
inline constexpr int kExitIo = 74;          ///< what was asked for could not be written
inline constexpr int kExitNewProcess = 75;  ///< run: the configuration changed; start it again
inline constexpr int kExitPermission = 77;

}  // namespace wherry::app
