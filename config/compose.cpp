#include "config/compose.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>

namespace wherry::config {
namespace {

std::string_view canonical(const Setting& setting) {
  return setting.same_as.empty() ? setting.flag : setting.same_as;
}

/// Whether two ways to give a setting mean the same: "Node-1" and "node-1" are one node.
bool agree(const Given& a, const Given& b) {
  const Setting& setting = *find_flag(canonical(*a.setting));
  Options first;
  Options second;
  const bool both_are_good =
      !a.setting->apply(first, a.texts) && !b.setting->apply(second, b.texts);
  return a.texts == b.texts || (both_are_good && setting.show(first) == setting.show(second));
}

/// Two names of one setting in one source must agree.
void check_contradictions(const std::vector<Given>& source, Faults& faults) {
  for (auto later = source.begin(); later != source.end(); ++later) {
    const auto earlier = std::find_if(source.begin(), later, [&](const Given& given) {
      return given.setting != later->setting &&
             canonical(*given.setting) == canonical(*later->setting);
    });
    if (earlier == later || agree(*earlier, *later)) continue;
    const std::string name = earlier->field.empty() ? earlier->place.file : earlier->field;
    faults.push_back({later->place, later->field,
                      "contradicts " + name + ", which says " + earlier->texts.front() +
                          "; they are one setting, give one of them"});
  }
}

void check_manifests_exist(const Given& given, Faults& faults) {
  for (const std::string& path : given.texts) {
    struct stat status{};
    if (path.empty()) {
      faults.push_back({given.place, given.field,
                        "an empty path; name a file or a folder that exists and can be read"});
    } else if (::stat(path.c_str(), &status) != 0) {
      faults.push_back({given.place, given.field,
                        path + ": " + std::strerror(errno) +
                            "; name a file or a folder that exists and can be read"});
    } else if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
      faults.push_back(
          {given.place, given.field, path + " is neither a regular file nor a folder"});
    }
  }
}

}  // namespace

Options compose(const std::vector<Given>& file, const std::vector<Given>& flags, Faults& faults) {
  Options options;
  for (const std::vector<Given>* source : {&file, &flags}) {
    check_contradictions(*source, faults);
    for (const Given& given : *source) {
      if (const auto wrong = given.setting->apply(options, given.texts)) {
        faults.push_back({given.place, given.field, *wrong});
      }
    }
  }

  // Only the paths that count are looked for: a flag may replace a file's list for good reason.
  const Given* manifests = nullptr;
  for (const std::vector<Given>* source : {&file, &flags}) {
    for (const Given& given : *source) {
      if (given.setting->flag == "manifests") manifests = &given;
    }
  }
  if (manifests != nullptr) check_manifests_exist(*manifests, faults);
  return options;
}

}  // namespace wherry::config
