#include "config/config_file.h"

#include "base/document/field_reader.h"
#include "base/document/locate.h"
#include "base/document/read_documents.h"
#include "base/read_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

namespace wherry::config {
namespace {

using document::FieldReader;
namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = 1u << 20;

/// The value of one key as the texts that its setting takes; nothing after a fault.
std::optional<std::vector<std::string>> texts_of(const Setting& setting, const FieldReader& field) {
  const boost::json::value& value = *field.value();
  switch (setting.kind) {
    case ValueKind::Integer:
      if (const auto number = field.as_integer()) return {{std::to_string(*number)}};
      return std::nullopt;
    case ValueKind::Duration:
      // 0 needs no unit, here as in Go.
      if (value.is_int64()) return {{std::to_string(value.get_int64())}};
      break;
    case ValueKind::List:
      if (value.is_array()) {
        const boost::json::array& list = value.get_array();
        if (list.empty()) {
          field.fault("the list is empty; name at least one, or leave the key out");
          return std::nullopt;
        }
        if (std::any_of(list.begin(), list.end(),
                        [](const auto& each) { return each.is_null(); })) {
          field.fault("an element of the list is empty; fill it in, or take it away");
          return std::nullopt;
        }
        std::vector<std::string> texts;
        field.each([&texts](const FieldReader& element) {
          if (auto text = element.as_string()) texts.push_back(std::move(*text));
        });
        if (texts.size() != list.size()) return std::nullopt;
        return texts;
      }
      break;
    case ValueKind::Boolean:
      if (const auto truth = field.as_bool()) return {{*truth ? "true" : "false"}};
      return std::nullopt;
    case ValueKind::Text:
      if (setting.takes_off() && value.is_bool() && !value.get_bool()) return {{"off"}};
      break;
  }
  if (auto text = field.as_string()) return {{std::move(*text)}};
  return std::nullopt;
}

void check_header(const FieldReader& root) {
  const auto api_version = root.optional_string("apiVersion");
  const auto kind = root.optional_string("kind");
  const std::string right =
      "write apiVersion: " + std::string(kApiVersion) + " and kind: " + std::string(kKind);
  if (!api_version && !root.at("apiVersion").present())
    root.fault("apiVersion", "missing; " + right);
  if (!kind && !root.at("kind").present()) root.fault("kind", "missing; " + right);
  if (api_version && *api_version != kApiVersion) {
    root.fault("apiVersion", '"' + *api_version + "\" is not read here; " + right);
  }
  if (kind && *kind != kKind) root.fault("kind", '"' + *kind + "\" is not read here; " + right);
}

std::string unknown_key(std::string_view key) {
  std::vector<std::string> known;
  for (const Setting& setting : settings()) known.push_back(setting.key());
  std::string text = "unknown key";
  if (const auto guess = nearest(key, known)) return text + "; did you mean " + *guess + "?";
  text += "; the keys are";
  for (const std::string& each : known) text += (&each == &known.front() ? " " : ", ") + each;
  return text;
}

/// Faults know a path; people want line and column.
class Places {
 public:
  /// `number` is the document's: empty ones may stand before it.
  Places(std::string_view text, std::size_t number, std::string name)
      : text_(text), number_(number), name_(std::move(name)) {}

  [[nodiscard]] Place of(const document::FieldPath& path) const {
    const document::Mark mark = document::locate(text_, {{number_, path}}).at(0);
    return {name_, mark.line, mark.column};
  }

 private:
  std::string_view text_;
  std::size_t number_;
  std::string name_;
};

/// The one document of a text; an empty object where there is none, or a fault.
struct Root {
  boost::json::value value = boost::json::object();
  std::size_t number = 0;
};

std::optional<Root> read_root(std::string_view text, const std::string& name,
                              std::vector<document::SyntaxError>& repeated, Faults& faults) {
  std::optional<Root> root;
  std::optional<document::Mark> second;
  const auto take = [&](document::Document&& document) {
    if (document.item) return;
    if (!root) {
      root = Root{std::move(document.value), document.number};
    } else if (!second) {
      second = document.mark;
    }
  };
  const document::Limits limits{.depth = 16, .nodes = 10'000, .bytes = kLargestFile};
  if (const auto error =
          document::read_documents(text, document::Expect::Yaml, limits, take, &repeated)) {
    faults.push_back({{name, error->mark.line, error->mark.column}, "", error->text});
    return std::nullopt;
  }
  if (second) {
    faults.push_back({{name, second->line, second->column},
                      "",
                      "a second document; a configuration is one document"});
  }
  return root ? std::move(root) : std::optional(Root());
}

/// What wherry's own file gives.
std::vector<Given> read_own(const boost::json::value& document, const Places& places,
                            const std::string& folder, Faults& faults) {
  document::FieldFaults field_faults;
  const FieldReader root(document, field_faults);
  std::vector<Given> all;
  if (root.expect_object("a mapping with apiVersion and kind")) {
    check_header(root);
    root.each_key([&](std::string_view key, const FieldReader& field) {
      if (key == "apiVersion" || key == "kind") return;
      const Setting* setting = find_key(key);
      if (setting == nullptr) return field.fault(unknown_key(key));
      if (!field.present()) return;
      if (auto texts = texts_of(*setting, field)) {
        all.push_back({setting, std::move(*texts), places.of(field.path()), std::string(key)});
      }
    });
  }
  for (const document::FieldFault& fault : field_faults) {
    faults.push_back({places.of(fault.path), fault.path.to_string(), fault.text});
  }
  for (Given& given : all) {
    constexpr std::array<std::string_view, 3> kPaths = {"manifests", "kubeconfig", "state-dir"};
    if (std::find(kPaths.begin(), kPaths.end(), given.setting->flag) == kPaths.end()) continue;
    for (std::string& path : given.texts) {
      if (!path.empty()) path = (fs::path(folder) / path).lexically_normal();
    }
  }
  return all;
}

}  // namespace

ConfigFile read_config_text(std::string_view text, const std::string& name,
                            const std::string& folder, Faults& faults) {
  ConfigFile file;
  std::vector<document::SyntaxError> repeated;
  const auto root = read_root(text, name, repeated, faults);
  if (!root) return file;
  const Places places(text, root->number, name);
  const bool is_kube_proxy = is_kube_proxy_configuration(root->value);
  for (document::SyntaxError& key : repeated) {
    // C1: strict decoding refuses them, and lenient decoding takes the last.
    (is_kube_proxy ? file.warnings : faults)
        .push_back({{name, key.mark.line, key.mark.column},
                    "",
                    std::move(key.text) + (is_kube_proxy ? "; the last one counts" : "")});
  }
  if (!is_kube_proxy) {
    file.given = read_own(root->value, places, folder, faults);
    return file;
  }
  file.kube_proxy = read_kube_proxy_configuration(
      root->value, [&places](const document::FieldPath& path) { return places.of(path); }, faults,
      file.warnings);
  KubeProxyTranslation translation = translate(*file.kube_proxy, KubeProxyOrigin::File);
  file.given = std::move(translation.given);
  file.warnings.insert(file.warnings.end(), translation.warnings.begin(),
                       translation.warnings.end());
  return file;
}

ConfigFile read_config_file(const std::string& path, Faults& faults) {
  auto text = read_file(path, kLargestFile);
  if (!text) {
    faults.push_back(
        {{path},
         "",
         text.error() == boost::system::errc::file_too_large
             ? "is larger than 1 MiB; a configuration is a few lines of YAML"
             : text.error().message() + "; name a configuration file that can be read"});
    return {};
  }
  ConfigFile file = read_config_text(*text, path, fs::path(path).parent_path(), faults);
  file.text = std::move(*text);
  return file;
}

}  // namespace wherry::config
