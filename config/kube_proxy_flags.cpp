#include "config/kube_proxy_flags.h"

#include "config/kube_proxy_fields.h"
#include "config/setting.h"

#include <algorithm>
#include <array>

namespace wherry::config {
namespace {

/// "-v 2", "-v=2" and "-v2" as pflag reads them; false if it is none of these.
bool normalise_verbosity(std::string& word) {
  if (!word.starts_with("-v") || word.starts_with("--")) return false;
  std::string rest = word.substr(2);
  if (rest.starts_with('=')) rest.erase(0, 1);
  if (rest.find_first_not_of("0123456789") != std::string::npos) return false;
  word = word.size() == 2 ? std::string("--v") : "--v=" + rest;
  return true;
}

}  // namespace

const std::vector<std::string_view>& pure_kube_proxy_flags() {
  static const std::vector<std::string_view> all = [] {
    std::vector<std::string_view> flags;
    for (const KubeProxyField& field : kube_proxy_fields()) {
      if (!field.flag.empty() && find_flag(field.flag) == nullptr) flags.push_back(field.flag);
    }
    return flags;
  }();
  return all;
}

bool is_boolean_flag(std::string_view flag) {
  if (const Setting* setting = find_flag(flag)) return setting->kind == ValueKind::Boolean;
  const KubeProxyField* field = find_kube_proxy_flag(flag);
  return field != nullptr && field->type == KubeProxyType::Boolean;
}

bool is_overruled_by_file(std::string_view flag) {
  const KubeProxyField* field = find_kube_proxy_flag(flag);
  return field != nullptr && !is_about_the_log(*field) && flag != "hostname-override" &&
         flag != "kubeconfig";
}

std::vector<std::string> normalised(std::span<const std::string> arguments,
                                    std::span<const std::string> booleans) {
  std::vector<std::string> all(arguments.begin(), arguments.end());
  for (std::string& word : all) {
    if (word == "--") break;
    if (normalise_verbosity(word) || !word.starts_with("--")) continue;
    const std::size_t sign = std::min(word.find('='), word.size());
    std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(sign), '_', '-');
    if (sign != word.size()) continue;
    const bool is_own = std::find(booleans.begin(), booleans.end(), word) != booleans.end();
    if (is_own || is_boolean_flag(std::string_view(word).substr(2))) word += "=true";
  }
  return all;
}

}  // namespace wherry::config
