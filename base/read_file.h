#pragma once

#include "base/result.h"

#include <cstddef>
#include <string>

namespace wherry {

/// A regular file's whole content. Errors: what the system says; is_a_directory or
/// no_such_device for what is no regular file; file_too_large above `largest` bytes. Never waits
/// for a writer, whatever the path names.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t largest);

}  // namespace wherry
