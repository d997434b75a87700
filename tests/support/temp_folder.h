#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace wherry::test {

/// A folder of its own, removed with all that is in it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return (path_ / name).string();
  }
  /// Writes a file in place; makes the folders on the way.
  void write(std::string_view name, std::string_view text) const;
  /// Writes beside and renames over, as careful writers do.
  void replace(std::string_view name, std::string_view text) const;
  void remove(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace wherry::test
