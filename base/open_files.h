#pragma once

#include <cstdint>

namespace wherry {

/// Raises this process's soft limit on open files to the hard one. Returns what is in force then.
std::uint64_t raise_open_file_limit();

}  // namespace wherry
