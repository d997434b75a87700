#include "watcher/manifest/scan.h"

#include "base/read_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <filesystem>
#include <iterator>
#include <memory>
#include <sys/stat.h>

namespace wherry::manifest {
namespace {

FileIdentity identity_of(const struct stat& status) {
  const auto ns = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return {status.st_dev, status.st_ino, status.st_size, ns(status.st_mtim), ns(status.st_ctim)};
}

ManifestText read_text(const std::string& path) {
  const auto text = read_file(path, kLargestManifest);
  if (text) return read_manifest(*text, path);
  ManifestText refused;
  refused.faults.push_back({{path},
                            "",
                            text.error() == boost::system::errc::file_too_large
                                ? "is larger than 32 MiB; split it into several files"
                                : "can't be read: " + text.error().message()});
  return refused;
}

/// Whether an error says that there is nothing, rather than that one may not or cannot look.
bool says_nothing_there(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
}

class Scanner {
 public:
  explicit Scanner(const ScanRequest& request) : request_(request) {}

  ScanResult scan() {
    for (std::size_t i = 0; i < request_.paths.size(); ++i) look_at(i, request_.paths[i]);
    std::sort(result_.watch_points.begin(), result_.watch_points.end());
    result_.watch_points.erase(
        std::unique(result_.watch_points.begin(), result_.watch_points.end()),
        result_.watch_points.end());
    return std::move(result_);
  }

 private:
  void look_at(std::size_t index, const std::string& path) {
    ScannedPath& scanned = result_.paths.emplace_back();
    watch(path, path);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
      scanned.exists = !says_nothing_there(errno);
      if (scanned.exists) scanned.unreadable = std::strerror(errno);
      return;
    }
    scanned.exists = true;
    if (S_ISDIR(status.st_mode)) {
      list(index, path, scanned);
    } else if (S_ISREG(status.st_mode)) {
      add({index, {}}, path, status);
    }
  }

  void list(std::size_t index, const std::string& folder, ScannedPath& scanned) {
    std::error_code ignored;
    const std::string real = std::filesystem::canonical(folder, ignored);
    if (!real.empty()) result_.watch_points.push_back({real, {}, folder});

    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
    if (!open) {
      scanned.unreadable = std::strerror(errno);
      return;
    }
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(open.get());
      if (entry == nullptr) break;
      if (is_manifest_name(entry->d_name)) names.emplace_back(entry->d_name);
    }
    if (errno != 0) scanned.unreadable = std::strerror(errno);  // half a list: nobody is gone
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string path = manifest_path(folder, name);
      struct stat own{};
      struct stat status{};
      if (::lstat(path.c_str(), &own) == 0 && S_ISLNK(own.st_mode)) watch(path, path);
      if (::stat(path.c_str(), &status) == 0) {
        if (S_ISREG(status.st_mode)) add({index, name}, path, status);
      } else if (!says_nothing_there(errno)) {
        refuse({index, name}, path, errno);
      }
    }
  }

  /// A file that may be whole, for all that one can see: its content is not to be forgotten.
  void refuse(FileOrder order, const std::string& path, int error) {
    if (!seen_.insert(path).second) return;
    ManifestText refused;
    refused.faults.push_back({{path}, "", std::string("can't be read: ") + std::strerror(error)});
    result_.files.push_back({std::move(order), path, FileIdentity{}, std::move(refused)});
  }

  void add(FileOrder order, const std::string& path, const struct stat& status) {
    if (!seen_.insert(path).second) return;
    ScannedFile file{std::move(order), path, identity_of(status), std::nullopt};
    const auto known = request_.known.find(path);
    const bool unchanged = known != request_.known.end() && known->second == file.identity &&
                           !request_.force_all && !request_.forced.contains(path);
    // A file that is held keeps its old identity, so that it is read once it is released.
    if (request_.held.contains(path)) {
      file.identity = known == request_.known.end() ? FileIdentity{} : known->second;
    } else if (!unchanged) {
      file.text = read_text(path);
    }
    result_.files.push_back(std::move(file));
  }

  void watch(const std::string& path, const std::string& file) {
    std::vector<WatchPoint> points = watch_points_of(path, file);
    std::move(points.begin(), points.end(), std::back_inserter(result_.watch_points));
  }

  const ScanRequest& request_;
  ScanResult result_;
  std::set<std::string> seen_;
};

}  // namespace

bool is_manifest_name(const std::string& name) {
  return !name.starts_with('.') &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

std::string manifest_path(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

ScanResult scan(const ScanRequest& request) { return Scanner(request).scan(); }

}  // namespace wherry::manifest
