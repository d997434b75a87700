#include "proxy/bpf/pin_folder.h"

#include <algorithm>
#include <bpf/bpf.h>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace wherry::bpf {
namespace {

// Names on a bpffs may have no dot.
constexpr const char* kLink = "/link";
constexpr const char* kNewLink = "/link-new";
constexpr const char* kMapsBegin = "maps-";
constexpr const char* kNew = "-new";

error_code last_error() { return {errno, boost::system::system_category()}; }

/// The kernel's number of a map, a program or a link; 0 where there is none.
std::uint32_t id_of(int fd) {
  struct {
    std::uint32_t type = 0;
    std::uint32_t id = 0;
  } beginning;  // of what the kernel says of any
  std::uint32_t size = sizeof beginning;
  return ::bpf_obj_get_info_by_fd(fd, &beginning, &size) == 0 ? beginning.id : 0;
}

/// Somebody may have removed it, and those above it.
error_code make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return error;
}

/// A folder of pins, which has no folders in it.
error_code remove_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error;
}

std::vector<std::string> folders_of_maps(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::string name = entry.path().filename();
    if (name.starts_with(kMapsBegin)) found.push_back(std::move(name));
  }
  return found;
}

}  // namespace

PinFolder::PinFolder(std::string folder, std::uint32_t layout, std::uint32_t max_entries)
    : folder_(std::move(folder)),
      maps_(kMapsBegin + std::to_string(layout) + '-' + std::to_string(max_entries)) {}

UniqueFd PinFolder::link() const { return UniqueFd(::bpf_obj_get((folder_ + kLink).c_str())); }

UniqueFd PinFolder::object(std::string_view name) const {
  return UniqueFd(::bpf_obj_get((folder_ + '/' + maps_ + '/' + std::string(name)).c_str()));
}

error_code PinFolder::pin_link(int link) const {
  if (const error_code error = make_folder(folder_)) return error;
  const std::string made = folder_ + kNewLink;
  ::unlink(made.c_str());
  if (::bpf_obj_pin(link, made.c_str()) != 0) return last_error();
  if (std::rename(made.c_str(), (folder_ + kLink).c_str()) != 0) return last_error();
  return {};
}

error_code PinFolder::pin_objects(const std::map<std::string, int>& objects) const {
  if (const error_code error = make_folder(folder_)) return error;
  const std::string place = folder_ + '/' + maps_;
  const std::string made = place + kNew;
  if (const error_code error = remove_folder(made)) return error;
  if (::mkdir(made.c_str(), 0700) != 0) return last_error();
  for (const auto& [name, fd] : objects) {
    if (::bpf_obj_pin(fd, (made + '/' + name).c_str()) != 0) return last_error();
  }
  if (const error_code error = remove_folder(place)) return error;
  if (std::rename(made.c_str(), place.c_str()) != 0) return last_error();
  return {};
}

bool PinFolder::has_link(int link) const {
  const std::uint32_t id = id_of(link);
  return id != 0 && id_of(this->link().get()) == id;
}

bool PinFolder::has_objects(const std::map<std::string, int>& objects) const {
  return std::all_of(objects.begin(), objects.end(), [this](const auto& each) {
    return id_of(object(each.first).get()) == id_of(each.second);
  });
}

void PinFolder::remove_other_maps() const {
  for (const std::string& name : folders_of_maps(folder_)) {
    if (name != maps_) remove_folder(folder_ + '/' + name);
  }
}

error_code PinFolder::remove_all(const std::string& folder) {
  error_code first;
  const auto note = [&first](const error_code& error) {
    if (error && !first) first = error;
  };
  // The kernel lets go of a link some time after its last name: this is at once.
  const UniqueFd link(::bpf_obj_get((folder + kLink).c_str()));
  if (link) ::bpf_link_detach(link.get());
  for (const char* name : {kLink, kNewLink}) {
    if (::unlink((folder + name).c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
      note(last_error());
    }
  }
  for (const std::string& name : folders_of_maps(folder)) note(remove_folder(folder + '/' + name));
  ::rmdir(folder.c_str());  // stays if somebody else keeps something in there
  // So does the folder of all namespaces, and bpffs itself, where the folder stands in it.
  ::rmdir(std::filesystem::path(folder).parent_path().c_str());
  return first;
}

}  // namespace wherry::bpf
