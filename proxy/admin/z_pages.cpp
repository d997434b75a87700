#include "proxy/admin/z_pages.h"

#include "watcher/model/timestamp.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <utility>

namespace wherry::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kComponent = "wherry";

std::string header_of(std::string_view page) {
  return '\n' + std::string(kComponent) + ' ' + std::string(page) +
         "\nWarning: This endpoint is not meant to be machine parseable, has no formatting "
         "compatibility guarantees and is for debugging purposes only.\n";
}

json::object begin(std::string_view kind) {
  return {{"kind", json::string(kind)},
          {"apiVersion", "config.k8s.io/v1beta1"},
          {"metadata", {{"name", json::string(kComponent)}}}};
}

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// Takes what stands before the next `separator` off `rest`, without blanks around it.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  while (part.starts_with(' ')) part.remove_prefix(1);
  while (part.ends_with(' ')) part.remove_suffix(1);
  return part;
}

bool is_json_of(std::string_view range, std::string_view kind) {
  if (next_part(range, ';') != "application/json") return false;
  bool is_group = false, is_kind = false;
  while (!range.empty()) {
    const std::string_view parameter = next_part(range, ';');
    if (parameter == "g=config.k8s.io") is_group = true;
    if (parameter.starts_with("as=")) is_kind = parameter.substr(3) == kind;
    if (parameter.starts_with("v=") && parameter != "v=v1beta1" && parameter != "v=v1alpha1") {
      return false;
    }
  }
  return is_group && is_kind;
}

}  // namespace

std::string flagz_text(const ProcessFacts& facts) {
  std::string text = header_of("flagz");
  for (const auto& [flag, value] : facts.flags) text += flag + '=' + value + '\n';
  return text;
}

std::string flagz_json(const ProcessFacts& facts) {
  json::object page = begin("Flagz");
  json::object flags;
  for (const auto& [flag, value] : facts.flags) flags.emplace(flag, json::string(value));
  page["flags"] = std::move(flags);
  return json::serialize(page) + '\n';
}

std::string statusz_text(const ProcessFacts& facts, const std::vector<std::string_view>& paths) {
  std::string text = header_of("statusz");
  text += "\nStarted: " + model::format_timestamp(facts.started);
  text += "\nUp: " + format_duration(std::chrono::seconds(whole_seconds(facts.up)));
  text += "\nBinary version: " + facts.version;
  text += "\nPaths:";
  for (const std::string_view path : paths) text += ' ' + std::string(path);
  return text + '\n';
}

std::string statusz_json(const ProcessFacts& facts, const std::vector<std::string_view>& paths) {
  json::object page = begin("Statusz");
  page["startTime"] = json::string(model::format_timestamp(facts.started));
  page["uptimeSeconds"] = whole_seconds(facts.up);
  page["goVersion"] = "";
  page["binaryVersion"] = json::string(facts.version);
  json::array all;
  for (const std::string_view path : paths) all.emplace_back(json::string(path));
  page["paths"] = std::move(all);
  return json::serialize(page) + '\n';
}

std::string configz_json(const ProcessFacts& facts) {
  // The configuration is JSON already.
  return "{\"wherry.io\":" + facts.configuration + "}\n";
}

bool asks_for_json(std::string_view accept, std::string_view kind) {
  while (!accept.empty()) {
    if (is_json_of(next_part(accept, ','), kind)) return true;
  }
  return false;
}

MetricFamilies sli_metrics(std::uint64_t checks) {
  const MetricLabels check = {{"name", "ping"}, {"type", "healthz"}};
  MetricLabels success = check;
  success.emplace_back("status", "success");
  return {{"kubernetes_healthcheck",
           "This metric records the result of a single healthcheck.",
           MetricKind::Gauge,
           {{check, 1}}},
          {"kubernetes_healthchecks_total",
           "This metric records the results of all healthcheck.",
           MetricKind::Counter,
           {{std::move(success), static_cast<double>(checks)}}}};
}

}  // namespace wherry::admin
