#include "proxy/app/process_facts.h"

#include "config/setting.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace wherry::app {
namespace {

namespace json = boost::json;

json::value to_value(config::ValueKind kind, const std::string& text) {
  if (kind == config::ValueKind::Boolean) return text == "true";
  if (kind == config::ValueKind::Integer) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return json::string(text);
}

/// Calls `take` with every setting that has a value, and the value as one would write it. Other
/// names of a setting are left out.
template <typename Take>
void for_each_in_force(const config::Options& options, Take take) {
  for (const config::Setting& setting : config::settings()) {
    if (!setting.same_as.empty()) continue;
    std::string value = setting.show(options);
    if (!value.empty()) take(setting, std::move(value));
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> flags_in_force(const config::Options& options) {
  std::vector<std::pair<std::string, std::string>> flags;
  for_each_in_force(options, [&flags](const config::Setting& setting, std::string value) {
    flags.emplace_back(setting.flag, std::move(value));
  });
  std::sort(flags.begin(), flags.end());
  return flags;
}

std::string configuration_in_force(const config::Options& options) {
  json::object configuration{{"apiVersion", "wherry.io/v1alpha1"}, {"kind", "Configuration"}};
  for_each_in_force(options, [&](const config::Setting& setting, const std::string& value) {
    if (setting.flag != "manifests") {
      configuration[setting.key()] = to_value(setting.kind, value);
      return;
    }
    // A path may have a blank in it: not the text that is shown, but the list itself.
    json::array paths;
    for (const std::string& path : options.manifests) paths.emplace_back(json::string(path));
    configuration[setting.key()] = std::move(paths);
  });
  return json::serialize(configuration);
}

}  // namespace wherry::app
