#include "watcher/manifest/watch_points.h"

#include <climits>

#include <array>
#include <deque>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace wherry::manifest {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel: MAXSYMLINKS

std::optional<std::string> read_link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

/// Puts a path's components in front of what is still to be walked.
void push_front(std::deque<std::string>& rest, const fs::path& path) {
  std::deque<std::string> parts;
  for (const fs::path& part : path.relative_path()) {
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

std::string join(const std::string& folder, const std::string& name) {
  return folder == "/" ? folder + name : folder + '/' + name;
}

}  // namespace

std::vector<WatchPoint> watch_points_of(const std::string& path, const std::string& file) {
  std::vector<WatchPoint> points;
  std::error_code ignored;
  std::deque<std::string> rest;
  push_front(rest, fs::absolute(path, ignored));
  std::string folder = "/";
  int links = 0;
  while (!rest.empty()) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      folder = fs::path(folder).parent_path();
      continue;
    }
    const std::string full = join(folder, name);
    points.push_back({folder, name, {}});
    struct stat status{};
    if (::lstat(full.c_str(), &status) != 0) break;
    if (S_ISLNK(status.st_mode)) {
      const auto target = read_link(full);
      if (!target || ++links > kMostLinks) break;
      if (fs::path(*target).is_absolute()) folder = "/";
      push_front(rest, *target);
    } else if (S_ISDIR(status.st_mode)) {
      folder = full;
    } else {
      break;
    }
  }
  if (!points.empty()) points.back().file = file;
  return points;
}

}  // namespace wherry::manifest
