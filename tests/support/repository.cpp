#include "tests/support/repository.h"

namespace wherry::test {

std::string repository_path(std::string_view file) {
  return std::string(WHERRY_REPOSITORY).append("/").append(file);
}

}  // namespace wherry::test
