#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::bpf {

/// What keeps steering alive without a process: files in a folder of a bpffs that stand for the
/// kernel's objects.
///
///   FOLDER/link                   the program, where it is attached
///   FOLDER/maps-L-N/NAME          its maps, of layout L and for N entries
///   FOLDER/maps-L-N/program-...   the program that was loaded over them
///
/// A folder is of one network namespace. Maps and program appear all at once (a folder is renamed),
/// the link is replaced by a rename: whoever dies in between leaves something whole.
class PinFolder {
 public:
  PinFolder(std::string folder, std::uint32_t layout, std::uint32_t max_entries);

  [[nodiscard]] const std::string& path() const noexcept { return folder_; }

  /// The link that is there; empty where there is none.
  [[nodiscard]] UniqueFd link() const;
  /// The map, or the program, of this layout and size; empty where there is none.
  [[nodiscard]] UniqueFd object(std::string_view name) const;

  /// Puts a link in place of the one that is there. The folder is made if it is gone.
  [[nodiscard]] error_code pin_link(int link) const;
  /// Puts these maps and this program in place of all that are there of this layout and size. The
  /// folder is made if it is gone.
  [[nodiscard]] error_code pin_objects(const std::map<std::string, int>& objects) const;
  /// Whether what is pinned are this link, and these maps and this program.
  [[nodiscard]] bool has_link(int link) const;
  [[nodiscard]] bool has_objects(const std::map<std::string, int>& objects) const;
  /// Removes maps of other layouts and sizes.
  void remove_other_maps() const;

  /// Removes all that wherry pins in a folder, and then the folder if it is empty. The link goes
  /// first. An error where something is still there; a folder that is not there is none.
  [[nodiscard]] static error_code remove_all(const std::string& folder);

 private:
  std::string folder_;
  std::string maps_;  ///< the name of the folder of maps
};

}  // namespace wherry::bpf
