#pragma once

#include "watcher/manifest/manifest_reader.h"
#include "watcher/manifest/watch_points.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::manifest {

/// What tells one state of a file from another without reading it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Where a file stands among all: the path that was given, then its name. Of two files that define
/// the same object the later one wins, as with `kubectl apply` of one after the other.
using FileOrder = std::pair<std::size_t, std::string>;

struct ScanRequest {
  std::vector<std::string> paths;
  std::map<std::string, FileIdentity> known;  ///< files read before, by path
  std::set<std::string> forced;               ///< to be read even if they look unchanged
  std::set<std::string> held;                 ///< being written: not to be read yet
  bool force_all = false;
};

/// One manifest that exists.
struct ScannedFile {
  FileOrder order;
  std::string path;
  FileIdentity identity;
  std::optional<ManifestText> text;  ///< nothing where it is unchanged or held
};

struct ScannedPath {
  bool exists = false;     ///< the path leads to a file or a folder
  std::string unreadable;  ///< why its content can't be listed; empty if it can
};

struct ScanResult {
  std::vector<ScannedPath> paths;  ///< as in the request
  std::vector<ScannedFile> files;
  std::vector<WatchPoint> watch_points;  ///< sorted, each once
};

/// Looks at every path: a file is taken whatever its name is; of a folder, the regular files (links
/// followed) named *.yaml, *.yml or *.json that don't start with a dot. Reads what changed. A file
/// that can't be read, or is larger than 32 MiB, comes back with a fault.
///
/// Blocks on the file system: not for the control thread once traffic flows.
[[nodiscard]] ScanResult scan(const ScanRequest& request);

/// Whether a folder's entry of this name is read.
[[nodiscard]] bool is_manifest_name(const std::string& name);

/// What a scan calls an entry of a folder.
[[nodiscard]] std::string manifest_path(const std::string& folder, const std::string& name);

}  // namespace wherry::manifest
