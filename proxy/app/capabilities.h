#pragma once

#include <string>
#include <vector>

namespace wherry::app {

/// Whether this process may use a capability now (CAP_NET_ADMIN, ... of linux/capability.h).
[[nodiscard]] bool has_capability(int capability);

/// Gives up, for good, all capabilities but these: what is not needed any more after start can't be
/// abused. Of every thread that is started after this call: call it before there are others.
/// Returns what is left, in words for the log; nothing where none is.
std::string keep_capabilities(const std::vector<int>& kept);

}  // namespace wherry::app
