#include "base/environment.h"

#include <unistd.h>

namespace wherry {

Environment Environment::of_process() {
  Variables variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text(*each);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    // The first of two counts, as for getenv().
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(variables));
}

std::string_view Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::string_view() : found->second;
}

}  // namespace wherry
