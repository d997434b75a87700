#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/fsuid.h>
#include <unistd.h>

namespace wherry::test {

/// While it lives, a path has these permissions, and the calling thread reaches files as somebody
/// to whom permissions apply: root becomes "nobody", anybody else stays who they are.
class NoAccess {
 public:
  /// `root` is the temporary folder, which everybody must be able to enter.
  NoAccess(const std::filesystem::path& root, std::filesystem::path path,
           std::filesystem::perms permissions)
      : path_(std::move(path)) {
    namespace fs = std::filesystem;
    fs::permissions(root, fs::perms(0755));
    fs::permissions(path_, permissions);
    if (::geteuid() != 0) return;
    ::setfsuid(kNobody);
    if (::setfsuid(kUnchanged) != static_cast<int>(kNobody)) {
      throw std::runtime_error("this root can't become another user");
    }
  }
  ~NoAccess() {
    ::setfsuid(::geteuid());
    std::error_code ignored;
    std::filesystem::permissions(path_, std::filesystem::perms(0755), ignored);
  }
  NoAccess(const NoAccess&) = delete;
  NoAccess& operator=(const NoAccess&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  static constexpr uid_t kUnchanged = static_cast<uid_t>(-1);

  const std::filesystem::path path_;
};

}  // namespace wherry::test
