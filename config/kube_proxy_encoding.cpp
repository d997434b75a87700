#include "base/document/write_yaml.h"
#include "base/duration.h"
#include "base/ip_address.h"
#include "config/kube_proxy_configuration.h"
#include "config/kube_proxy_fields.h"
#include "config/setting_values.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <charconv>
#include <chrono>
#include <span>

namespace wherry::config {
namespace {

namespace json = boost::json;
using Texts = std::span<const std::string>;

/// As Go's time.Duration prints itself: "15m0s", "1h0m0s", "1.5s", "500ms".
std::string go_duration(Duration duration) {
  using namespace std::chrono;
  const auto with_fraction = [](long long count, long long unit, std::string_view name) {
    std::string text = std::to_string(count / unit);
    if (count % unit != 0) {
      std::string digits = std::to_string(unit + count % unit).substr(1);  // zeros in front kept
      digits.erase(digits.find_last_not_of('0') + 1);
      text += '.' + digits;
    }
    return text.append(name);
  };
  const long long all = duration.count();
  if (all == 0) return "0s";
  if (duration < 1us) return with_fraction(all, 1, "ns");
  if (duration < 1ms) return with_fraction(all, 1'000, "µs");
  if (duration < 1s) return with_fraction(all, 1'000'000, "ms");
  const long long minutes = duration / 1min;
  std::string text = with_fraction((duration % 1min).count(), 1'000'000'000, "s");
  if (minutes > 0) text = std::to_string(minutes % 60) + 'm' + text;
  if (minutes >= 60) text = std::to_string(minutes / 60) + 'h' + text;
  return text;
}

json::value list_of(Texts texts) {
  if (texts.empty()) return nullptr;
  json::array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

/// "A=1" for each text, each made a value by `make(name, value)`.
template <class Make>
void each_pair(Texts texts, Make make) {
  for (const std::string& text : texts) {
    const std::size_t sign = text.find('=');
    make(text.substr(0, sign), text.substr(sign + 1));
  }
}

json::value number_of(const std::string& text) {
  double number = 0;  // the texts are numbers: kube_proxy_texts() has made them
  std::from_chars(text.data(), text.data() + text.size(), number);
  const auto whole = static_cast<std::int64_t>(number);
  if (static_cast<double>(whole) == number) return whole;
  return number;
}

/// A field's value; empty where an empty one is left out.
std::optional<json::value> value_of(const KubeProxyField& field, Texts texts) {
  const std::string text = texts.empty() ? std::string() : texts[0];
  switch (field.type) {
    case KubeProxyType::Text:
      return json::value(text);
    case KubeProxyType::Quantity:
      return json::value(text.empty() ? std::string("0") : text);
    case KubeProxyType::Boolean:
      // "omitempty" in types.go.
      if (text != "true" &&
          (field.path.ends_with(".splitStream") || field.path == "windowsRunAsService")) {
        return std::nullopt;
      }
      return json::value(text == "true");
    case KubeProxyType::Integer:
    case KubeProxyType::Number:
      return number_of(text.empty() ? "0" : text);
    case KubeProxyType::Duration:
    case KubeProxyType::FlushDuration:
      return json::value(go_duration(parse_duration(text).value_or(Duration::zero())));
    case KubeProxyType::TextList:
      return list_of(texts);
    case KubeProxyType::Gates: {
      json::object gates;
      each_pair(texts, [&](const std::string& name, const std::string& value) {
        gates[name] = value == "true";
      });
      return gates.empty() ? std::nullopt : std::optional<json::value>(std::move(gates));
    }
    case KubeProxyType::Modules: {
      json::array modules;
      each_pair(texts, [&](const std::string& pattern, const std::string& level) {
        modules.push_back({{"filePattern", pattern}, {"verbosity", number_of(level)}});
      });
      return modules.empty() ? std::nullopt : std::optional<json::value>(std::move(modules));
    }
  }
  return std::nullopt;
}

/// What stands in the configuration, or holds where nothing does.
class Defaulted {
 public:
  explicit Defaulted(const KubeProxyConfiguration& configuration)
      : configuration_(configuration), mode_(one("mode", "iptables")) {
    const auto address = IpAddress::parse(one("bindAddress", "0.0.0.0"));
    if (address) family_ = address->family();
  }

  [[nodiscard]] std::vector<std::string> texts_of(const KubeProxyField& field) const {
    const std::string_view path = field.path;
    const bool ipv6 = family_ == IpFamily::IPv6;
    if (path == "mode") return {mode_};
    if (path == "detectLocalMode") return {one(path, "ClusterCIDR")};
    if (path == "healthzBindAddress") {
      if (one_of_flag("healthz-port") == "0") return {""};
      return {address(path, ipv6 ? "[::]:10256" : "0.0.0.0:10256", 10256)};
    }
    if (path == "metricsBindAddress") {
      return {address(path, ipv6 ? "[::1]:10249" : "127.0.0.1:10249", 10249)};
    }
    if (path == "nodePortAddresses" && !configuration_.contains(path) && mode_ == "nftables") {
      return {"primary"};
    }
    if (is_of_another_mode(path)) return {};
    const auto found = configuration_.find(path);
    if (found != configuration_.end()) return found->second.texts;
    return field.fallback.empty() ? std::vector<std::string>{}
                                  : std::vector<std::string>{std::string(field.fallback)};
  }

 private:
  [[nodiscard]] std::string one(std::string_view path, std::string fallback) const {
    const auto found = configuration_.find(path);
    const bool is_set = found != configuration_.end() && !found->second.texts.empty() &&
                        !found->second.texts[0].empty();
    return is_set ? found->second.texts[0] : std::move(fallback);
  }
  [[nodiscard]] std::string one_of_flag(std::string_view flag) const { return one(flag, ""); }

  [[nodiscard]] std::string address(std::string_view path, std::string fallback,
                                    std::uint16_t port) const {
    std::string text = one(path, std::move(fallback));
    const auto whole = address_with_port(text, port);
    return whole ? whole->to_string() : text;
  }

  /// kube-proxy keeps one pair of periods, and one masqueradeAll, and writes them where its mode
  /// has them (conversion.go).
  [[nodiscard]] bool is_of_another_mode(std::string_view path) const {
    const std::string_view section = path.substr(0, path.find('.'));
    if (path.ends_with(".masqueradeAll")) return (section == "nftables") != (mode_ == "nftables");
    if (!path.ends_with(".syncPeriod") && !path.ends_with(".minSyncPeriod")) return false;
    return section != mode_;
  }

  const KubeProxyConfiguration& configuration_;
  const std::string mode_;
  IpFamily family_ = IpFamily::IPv4;
};

/// Puts a value where its path says, making the sections on the way.
void put(json::object& root, std::string_view path, json::value value) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) {
    root[path] = std::move(value);
    return;
  }
  json::value& section = root[path.substr(0, dot)];
  if (!section.is_object()) section = json::object();
  put(section.get_object(), path.substr(dot + 1), std::move(value));
}

}  // namespace

std::string write_kube_proxy_configuration(const KubeProxyConfiguration& configuration) {
  const Defaulted defaulted(configuration);
  // In the order of their paths, in which keys of one section stand together.
  std::map<std::string_view, json::value> values;
  values["apiVersion"] = kKubeProxyApiVersion;
  values["kind"] = kKubeProxyKind;
  for (const KubeProxyField& field : kube_proxy_fields()) {
    if (field.path.empty()) continue;
    if (auto value = value_of(field, defaulted.texts_of(field))) {
      values.emplace(field.path, std::move(*value));
    }
  }
  json::object root;
  for (auto& [path, value] : values) put(root, path, std::move(value));
  return document::write_yaml(root);
}

}  // namespace wherry::config
