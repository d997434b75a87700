#include "proxy/admin/print_rows.h"

#include "base/document/write_yaml.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::admin {
namespace {

namespace json = boost::json;

/// A field as a person reads it; "" where it is absent.
std::string field(const json::object& row, std::string_view key) {
  const json::value* value = row.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (const json::string* text = value->if_string()) return std::string(*text);
  if (const json::array* list = value->if_array()) {
    std::string text;
    for (const json::value& each : *list) {
      if (!each.is_string()) continue;
      text += (text.empty() ? "" : ",") + std::string(each.get_string());
    }
    return text;
  }
  return json::serialize(*value);
}

std::string decision_field(const json::object& row, std::string_view kind, std::string_view key) {
  const json::value* decision = row.if_contains(kind);
  return decision != nullptr && decision->is_object() ? field(decision->get_object(), key)
                                                      : std::string();
}

std::size_t length(const json::value* list) {
  return list != nullptr && list->is_array() ? list->get_array().size() : 0;
}

/// "3/4": backends that may serve, of all.
std::string backend_count(const json::object& row) {
  const json::value* internal = row.if_contains("internal");
  const std::size_t eligible = internal != nullptr && internal->is_object()
                                   ? length(internal->get_object().if_contains("backends"))
                                   : 0;
  return std::to_string(eligible) + '/' +
         std::to_string(eligible + length(row.if_contains("excluded")));
}

std::string port_text(const json::object& row) {
  const std::string name = field(row, "port");
  return name.empty() ? field(row, "servicePort") : name + ':' + field(row, "servicePort");
}

std::string backend_text(const json::object& row) {
  const std::string address = field(row, "address");
  const bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? '[' + address + ']' : address) + ':' + field(row, "targetPort");
}

struct Column {
  std::string_view title;
  std::function<std::string(const json::object&)> text;
  bool wide_only = false;
};

Column plain(std::string_view title, std::string_view key, bool wide_only = false) {
  return {title, [key](const json::object& row) { return field(row, key); }, wide_only};
}

std::vector<Column> columns_of(RowKind kind) {
  switch (kind) {
    case RowKind::Services:
      return {
          plain("NAMESPACE", "namespace"),
          plain("NAME", "service"),
          {"PORT", port_text},
          plain("PROTOCOL", "protocol"),
          plain("LISTEN", "listen"),
          {"BACKENDS", backend_count},
          {"VERDICT",
           [](const json::object& row) { return decision_field(row, "internal", "verdict"); }},
          {"REASON",
           [](const json::object& row) { return decision_field(row, "internal", "reason"); }, true},
          {"EXTERNAL",
           [](const json::object& row) { return decision_field(row, "external", "verdict"); },
           true},
          {"EXTERNAL-REASON",
           [](const json::object& row) { return decision_field(row, "external", "reason"); }, true},
          plain("FAMILY", "family", true),
          plain("CLUSTER-IP", "clusterIP", true),
          plain("NODE-PORT", "nodePort", true),
          plain("EXTERNAL-IPS", "externalIPs", true),
          plain("LOAD-BALANCER-IPS", "loadBalancerIPs", true),
          plain("AFFINITY", "sessionAffinity", true)};
    case RowKind::Endpoints:
      return {plain("NAMESPACE", "namespace"),
              plain("SERVICE", "service"),
              plain("PORT", "port"),
              {"BACKEND", backend_text},
              plain("POD", "pod"),
              plain("READY", "ready"),
              plain("SESSIONS", "sessions"),
              plain("PROTOCOL", "protocol", true),
              plain("NODE", "node", true),
              plain("SERVING", "serving", true),
              plain("TERMINATING", "terminating", true)};
    case RowKind::Sessions:
      return {plain("SERVICE", "service"),   plain("PORT", "port", true),
              plain("PROTOCOL", "protocol"), plain("CLIENT", "client"),
              plain("BACKEND", "backend"),   plain("SINCE", "since"),
              plain("IN", "bytesIn"),        plain("OUT", "bytesOut")};
  }
  return {};
}

std::string print_table(const json::array& rows, RowKind kind, bool wide) {
  std::vector<Column> columns = columns_of(kind);
  if (!wide) std::erase_if(columns, [](const Column& column) { return column.wide_only; });

  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns) lines[0].emplace_back(column.title);
  for (const json::value& row : rows) {
    if (!row.is_object()) continue;
    std::vector<std::string>& line = lines.emplace_back();
    for (const Column& column : columns) {
      std::string text = column.text(row.get_object());
      line.push_back(text.empty() ? "-" : std::move(text));
    }
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string table;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      table += line[i];
      if (i + 1 < line.size()) table.append(widths[i] - line[i].size() + 3, ' ');
    }
    table += '\n';
  }
  return table;
}

/// "127.0.0.1" out of "127.0.0.1:80", "::1" out of "[::1]:80".
std::string host_of(std::string_view listen) {
  listen = listen.substr(0, listen.rfind(':'));
  if (listen.starts_with('[') && listen.ends_with(']')) {
    listen = listen.substr(1, listen.size() - 2);
  }
  return std::string(listen);
}

std::string print_hosts(const json::array& rows) {
  std::string text;
  std::set<std::string> seen;
  for (const json::value& row : rows) {
    if (!row.is_object()) continue;
    const json::value* listen = row.get_object().if_contains("listen");
    if (listen == nullptr || !listen->is_array()) continue;
    const std::string name = field(row.get_object(), "service");
    const std::string full = name + '.' + field(row.get_object(), "namespace");
    for (const json::value& address : listen->get_array()) {
      if (!address.is_string()) continue;
      std::string line = host_of(address.get_string()) + '\t' + name + ' ' + full + ' ' + full +
                         ".svc.cluster.local\n";
      if (seen.insert(line).second) text += line;
    }
  }
  return text;
}

}  // namespace

json::array filter_rows(const json::array& rows, RowKind kind, const RowFilter& filter) {
  json::array kept;
  for (const json::value& row : rows) {
    if (!row.is_object()) continue;
    std::string name_space = field(row.get_object(), "namespace");
    std::string name = field(row.get_object(), "service");
    if (kind == RowKind::Sessions) {
      // Sessions name their Service in one field: namespace/name.
      const std::size_t slash = name.find('/');
      name_space = name.substr(0, slash);
      name = slash == std::string::npos ? name : name.substr(slash + 1);
    }
    if (!filter.name.empty() && name != filter.name) continue;
    if (!filter.name_space.empty() && name_space != filter.name_space) continue;
    kept.push_back(row);
  }
  return kept;
}

std::string print_rows(const json::array& rows, RowKind kind, RowFormat format) {
  switch (format) {
    case RowFormat::Json:
      return json::serialize(rows) + '\n';
    case RowFormat::Yaml:
      return document::write_yaml(rows);
    case RowFormat::Hosts:
      return print_hosts(rows);
    case RowFormat::Table:
      return print_table(rows, kind, false);
    case RowFormat::Wide:
      return print_table(rows, kind, true);
  }
  return {};
}

}  // namespace wherry::admin
