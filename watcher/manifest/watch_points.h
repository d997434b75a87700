#pragma once

#include <compare>
#include <string>
#include <vector>

namespace wherry::manifest {

/// A folder in which a change of one name (or, where `name` is empty, of any) may change what a
/// path leads to.
struct WatchPoint {
  std::string folder;  ///< absolute, no symbolic links in it
  std::string name;    ///< what to look for; empty: everything
  /// The manifest whose content such a change may change, as the rest of the program calls it; for
  /// folders of manifests, the folder. Empty where only the way there would change.
  std::string file;

  friend auto operator<=>(const WatchPoint&, const WatchPoint&) = default;
};

/// Every folder that the kernel looks into when it resolves `path`, symbolic links included, up to
/// the first name that is missing. Watching them all tells of a file that is replaced, a link that
/// is swapped anywhere on the way, and a folder that comes back after it was removed.
///
/// `file` is put into the last point: the one that names the file itself. Reads the file system.
[[nodiscard]] std::vector<WatchPoint> watch_points_of(const std::string& path,
                                                      const std::string& file);

}  // namespace wherry::manifest
