#include "tests/support/temp_folder.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace wherry::test {

namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "wherry-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = fs::canonical(name);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void TempFolder::write(std::string_view name, std::string_view text) const {
  fs::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << text;
}

void TempFolder::replace(std::string_view name, std::string_view text) const {
  const fs::path beside = path_ / (".new-" + std::string(name));
  std::ofstream(beside, std::ios::binary | std::ios::trunc) << text;
  fs::rename(beside, path_ / name);
}

void TempFolder::remove(std::string_view name) const { fs::remove_all(path_ / name); }

}  // namespace wherry::test
