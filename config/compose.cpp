#include "config/compose.h"

#include <algorithm>
#include <array>
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

using Sources = std::array<const std::vector<Given>*, 2>;

/// What gave a setting last, under whatever name; nullptr if nothing did.
const Given* last_given(const Sources& sources, std::string_view flag) {
  const Given* last = nullptr;
  for (const std::vector<Given>* source : sources) {
    for (const Given& given : *source) {
      if (canonical(*given.setting) == flag) last = &given;
    }
  }
  return last;
}

/// Settings that make no sense beside each other.
void check_node(const Options& options, const Sources& sources, Faults& faults) {
  const auto fault = [&](std::string_view flag, std::string text) {
    const Given* given = last_given(sources, flag);
    if (given != nullptr) faults.push_back({given->place, given->field, std::move(text)});
  };
  if (options.min_sync_period > options.sync_period) {
    const char* later =
        last_given(sources, "min-sync-period") != nullptr ? "min-sync-period" : "sync-period";
    fault(later, "the least time between two tables (" + format_duration(options.min_sync_period) +
                     ") is longer than the sync period (" + format_duration(options.sync_period) +
                     "); make one longer or the other shorter");
  }
  if (options.detect_local_mode == DetectLocalMode::BridgeInterface &&
      options.pod_bridge_interface.empty()) {
    fault("detect-local-mode",
          "BridgeInterface needs the bridge's name; give pod-bridge-interface");
  }
  if (options.detect_local_mode == DetectLocalMode::InterfaceNamePrefix &&
      options.pod_interface_name_prefix.empty()) {
    fault("detect-local-mode",
          "InterfaceNamePrefix needs the prefix; give pod-interface-name-prefix");
  }
}

/// kube-proxy's mode nftables serves node ports on the node's own addresses only (F2).
void default_node_port_addresses(Options& options, const Sources& sources) {
  if (options.proxy_mode == "nftables" && last_given(sources, "nodeport-addresses") == nullptr) {
    options.node_port_addresses.primary = true;
  }
}

}  // namespace

SocketAddress default_healthz(const Options& options) {
  const IpFamily family = options.bind_address ? options.bind_address->family() : IpFamily::IPv4;
  return {IpAddress::any(family), 10256};
}

Options compose(const std::vector<Given>& file, const std::vector<Given>& flags, Faults& faults) {
  Options options;
  const Sources sources = {&file, &flags};
  for (const std::vector<Given>* source : sources) {
    check_contradictions(*source, faults);
    for (const Given& given : *source) {
      if (const auto wrong = given.setting->apply(options, given.texts)) {
        faults.push_back({given.place, given.field, *wrong});
      }
    }
  }

  // Only the paths that count are looked for: a flag may replace a file's list for good reason.
  const Given* manifests = last_given(sources, "manifests");
  if (manifests != nullptr) check_manifests_exist(*manifests, faults);
  check_node(options, sources, faults);
  default_node_port_addresses(options, sources);
  return options;
}

}  // namespace wherry::config
