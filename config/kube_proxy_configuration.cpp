#include "config/kube_proxy_configuration.h"

#include "base/document/field_reader.h"
#include "base/quoted.h"
#include "config/kube_proxy_fields.h"
#include "config/setting_values.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace wherry::config {
namespace {

using document::FieldReader;

/// Reads one document; its parts share where faults and warnings go.
class Reader {
 public:
  explicit Reader(document::FieldFaults& unknown) : unknown_(unknown) {}

  void read_section(const FieldReader& section, const std::string& prefix) {
    section.each_key([&](std::string_view key, const FieldReader& field) {
      const std::string path = prefix + std::string(key);
      if (path == "apiVersion" || path == "kind") return;
      if (const KubeProxyField* known = find_kube_proxy_field(path)) {
        if (field.present()) read_field(*known, field);
      } else if (is_section(path)) {
        read_section(field, path + '.');
      } else {
        unknown_.push_back({field.path(), unknown_field(prefix, path)});
      }
    });
  }

  [[nodiscard]] std::vector<std::pair<document::FieldPath, KubeProxyConfiguration::value_type>>
  take() {
    return std::move(values_);
  }

 private:
  static bool is_section(const std::string& path) {
    const auto fields = kube_proxy_fields();
    return std::any_of(fields.begin(), fields.end(), [&](const KubeProxyField& field) {
      return field.path.starts_with(path + '.');
    });
  }

  /// The nearest of the fields and sections beside it.
  static std::string unknown_field(const std::string& prefix, const std::string& path) {
    std::vector<std::string> beside;
    for (const KubeProxyField& field : kube_proxy_fields()) {
      if (!field.path.starts_with(prefix)) continue;
      const std::string_view rest = field.path.substr(prefix.size());
      std::string name(rest.substr(0, rest.find('.')));
      if (!name.empty() && (beside.empty() || beside.back() != name)) {
        beside.push_back(std::move(name));
      }
    }
    const auto guess = nearest(std::string_view(path).substr(prefix.size()), beside);
    return "a KubeProxyConfiguration has no such field; it counts for nothing" +
           (guess ? ". Did you mean " + *guess + '?' : "");
  }

  void read_field(const KubeProxyField& known, const FieldReader& field) {
    auto texts = texts_of(known, field);
    if (!texts || (!known.zero_is_a_value && is_zero(known, *texts))) return;
    values_.push_back({field.path(), {std::string(known.path), {std::move(*texts), {}, {}}}});
  }

  std::optional<std::vector<std::string>> texts_of(const KubeProxyField& known,
                                                   const FieldReader& field) {
    const boost::json::value& value = *field.value();
    switch (known.type) {
      case KubeProxyType::Boolean:
        if (const auto truth = field.as_bool()) return {{*truth ? "true" : "false"}};
        return std::nullopt;
      case KubeProxyType::Integer:
        if (const auto number = field.as_integer()) {
          return checked(known, field, std::to_string(*number));
        }
        return std::nullopt;
      case KubeProxyType::Number:
        if (value.is_number()) return checked(known, field, number_text(value.to_number<double>()));
        field.fault("expected a number, found " + FieldReader::describe(value));
        return std::nullopt;
      case KubeProxyType::FlushDuration:
        if (value.is_int64() && value.get_int64() >= 0) {
          return {{format_duration(Duration(value.get_int64()))}};
        }
        break;
      case KubeProxyType::Quantity:
        if (value.is_int64()) return {{std::to_string(value.get_int64())}};
        break;
      case KubeProxyType::TextList:
        return list_of(known, field);
      case KubeProxyType::Gates:
        return gates_of(field);
      case KubeProxyType::Modules:
        return modules_of(known, field);
      case KubeProxyType::Text:
      case KubeProxyType::Duration:
        break;
    }
    const auto text = field.as_string();
    return text ? checked(known, field, *text) : std::nullopt;
  }

  static std::string number_text(double number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
  }

  static std::optional<std::vector<std::string>> checked(const KubeProxyField& known,
                                                         const FieldReader& field,
                                                         const std::string& text) {
    std::string wrong;
    auto texts = kube_proxy_texts(known, text, wrong);
    if (!texts) field.fault(std::move(wrong));
    return texts;
  }

  static std::optional<std::vector<std::string>> list_of(const KubeProxyField& known,
                                                         const FieldReader& field) {
    std::vector<std::string> all;
    field.each([&](const FieldReader& element) {
      const auto text = element.as_string();
      const auto texts = text ? checked(known, element, *text) : std::nullopt;
      if (texts) all.insert(all.end(), texts->begin(), texts->end());
    });
    return all;
  }

  static std::optional<std::vector<std::string>> gates_of(const FieldReader& field) {
    std::vector<std::string> all;
    field.each_key([&](std::string_view name, const FieldReader& gate) {
      if (const auto truth = gate.as_bool()) {
        all.push_back(std::string(name) + (*truth ? "=true" : "=false"));
      }
    });
    std::sort(all.begin(), all.end());
    return all;
  }

  std::optional<std::vector<std::string>> modules_of(const KubeProxyField& known,
                                                     const FieldReader& field) {
    std::vector<std::string> all;
    field.each([&](const FieldReader& module) {
      const std::string pattern = module.string("filePattern");
      const auto level = module.integer("verbosity").value_or(0);
      if (pattern.empty() || pattern.find_first_of("=,") != std::string::npos) {
        module.fault("filePattern", "missing, or with '=' or ','; write a pattern of file names");
      }
      if (level < 0 || level > known.most) {
        module.fault("verbosity", "is out of range; write a whole number from 0 to " +
                                      std::to_string(known.most));
      }
      module.each_key([&](std::string_view key, const FieldReader& unknown) {
        if (key == "filePattern" || key == "verbosity") return;
        unknown_.push_back({unknown.path(), "a module has no such field; it counts for nothing"});
      });
      all.push_back(pattern + '=' + std::to_string(level));
    });
    return all;
  }

  document::FieldFaults& unknown_;
  std::vector<std::pair<document::FieldPath, KubeProxyConfiguration::value_type>> values_;
};

void check_header(const FieldReader& root) {
  const auto check = [&root](std::string_view key, std::string_view right) {
    const auto found = root.optional_string(key);
    if (found ? *found == right : root.at(key).present()) return;
    root.fault(key, (found ? quoted(*found) + " is not read here" : std::string("missing")) +
                        "; write " + std::string(key) + ": " + std::string(right));
  };
  check("apiVersion", kKubeProxyApiVersion);
  check("kind", kKubeProxyKind);
}

}  // namespace

bool is_kube_proxy_configuration(const boost::json::value& document) {
  const auto* object = document.if_object();
  if (object == nullptr) return false;
  const auto text_of = [object](std::string_view key) -> std::string_view {
    const auto* value = object->if_contains(key);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string_view(*text) : std::string_view();
  };
  const std::string_view api_version = text_of("apiVersion");
  return text_of("kind") == kKubeProxyKind ||
         api_version.substr(0, api_version.find('/')) == kKubeProxyGroup;
}

KubeProxyConfiguration read_kube_proxy_configuration(const boost::json::value& document,
                                                     const PlaceOf& place_of, Faults& faults,
                                                     Faults& warnings) {
  document::FieldFaults wrong;
  document::FieldFaults unknown;
  Reader reader(unknown);
  const FieldReader root(document, wrong);
  check_header(root);
  reader.read_section(root, "");

  KubeProxyConfiguration configuration;
  for (auto& [path, value] : reader.take()) {
    value.second.place = place_of(path);
    value.second.field = path.to_string();
    configuration.insert(std::move(value));
  }
  const auto move_to = [&](document::FieldFaults& from, Faults& to) {
    for (document::FieldFault& each : from) {
      to.push_back({place_of(each.path), each.path.to_string(), std::move(each.text)});
    }
  };
  move_to(wrong, faults);
  move_to(unknown, warnings);
  return configuration;
}

void set_by_flag(KubeProxyConfiguration& configuration, std::string_view flag,
                 const std::vector<std::string>& texts, Faults& faults) {
  const KubeProxyField* field = find_kube_proxy_flag(flag);
  if (field == nullptr) return;
  const Place place{"--" + std::string(flag)};
  const bool is_list = field->type == KubeProxyType::TextList ||
                       field->type == KubeProxyType::Gates || field->type == KubeProxyType::Modules;
  std::vector<std::string> all;
  // Of several values of one flag the last counts, but those of a list are added up.
  for (const std::string& text : is_list ? texts : std::vector<std::string>{texts.back()}) {
    std::string wrong;
    auto parsed = kube_proxy_texts(*field, text, wrong);
    if (!parsed) {
      faults.push_back({place, "", std::move(wrong)});
      return;
    }
    all.insert(all.end(), parsed->begin(), parsed->end());
  }
  const std::string key(field->path.empty() ? field->flag : field->path);
  configuration.insert_or_assign(key, KubeProxyValue{std::move(all), place, ""});
}

std::vector<std::string> changed_fields(const KubeProxyConfiguration& before,
                                        const KubeProxyConfiguration& after) {
  std::vector<std::string> changed;
  for (const KubeProxyField& field : kube_proxy_fields()) {
    const auto old = before.find(field.path);
    const auto next = after.find(field.path);
    const bool same = old == before.end() || next == after.end()
                          ? old == before.end() && next == after.end()
                          : old->second == next->second;
    if (!same) changed.emplace_back(field.path);
  }
  return changed;
}

}  // namespace wherry::config
