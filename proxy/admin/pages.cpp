#include "proxy/admin/pages.h"

#include "base/quoted.h"
#include "watcher/model/timestamp.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace wherry::admin {
namespace {

namespace json = boost::json;
using balancer::Decision;
using balancer::ServicePort;
using balancer::ServicePortEntry;

json::string text(std::string_view value) { return json::string(value); }

template <class Range>
json::array addresses(const Range& range) {
  json::array all;
  for (const auto& address : range) all.emplace_back(text(address.to_string()));
  return all;
}

json::object decision_json(const ServicePortEntry& entry, const Decision& decision) {
  json::array backends;
  for (const std::uint32_t index : decision.backends) {
    backends.emplace_back(text(entry.backends[index].address.to_string()));
  }
  return {{"verdict", text(balancer::to_string(decision.verdict))},
          {"reason", text(balancer::to_string(decision.reason))},
          {"backends", std::move(backends)}};
}

json::value optional_json(const ServicePortEntry& entry, const std::optional<Decision>& decision) {
  return decision ? json::value(decision_json(entry, *decision)) : json::value(nullptr);
}

json::object service_json(const ServicePortEntry& entry, const Listening& listening) {
  const ServicePort& port = entry.service_port;
  json::object row;
  row["namespace"] = text(port.key.service.name_space);
  row["service"] = text(port.key.service.name);
  row["port"] = text(port.key.port);
  row["protocol"] = text(to_string(port.key.protocol));
  row["family"] = text(to_string(port.key.family));
  row["clusterIP"] = text(port.cluster_ip ? port.cluster_ip->to_string() : "");
  row["servicePort"] = port.port;
  row["nodePort"] = port.node_port;
  row["externalIPs"] = addresses(port.external_ips);
  row["loadBalancerIPs"] = addresses(port.load_balancer_ips);
  row["sourceRanges"] = addresses(port.source_ranges);
  row["internalTrafficPolicy"] = text(model::to_string(port.internal_policy));
  row["externalTrafficPolicy"] = text(model::to_string(port.external_policy));
  row["healthCheckNodePort"] = port.health_check_node_port;
  row["balance"] = text(balancer::to_string(port.options.algorithm));
  row["sessionAffinity"] = text(model::to_string(port.session_affinity));
  row["sessionAffinityTimeoutSeconds"] =
      port.session_affinity == model::SessionAffinity::None
          ? json::value(nullptr)
          : json::value(static_cast<std::int64_t>(port.affinity_timeout.count()));
  row["listen"] = addresses(listening(entry.id));
  row["internal"] = decision_json(entry, entry.internal);
  row["external"] = optional_json(entry, entry.external);
  row["externalFromNode"] =
      optional_json(entry, entry.external_from_node ? entry.external_from_node : entry.external);
  json::array excluded;
  for (const balancer::Excluded& each : entry.excluded) {
    excluded.emplace_back(
        json::object{{"backend", text(entry.backends[each.backend].address.to_string())},
                     {"reason", text(balancer::to_string(each.reason))}});
  }
  row["excluded"] = std::move(excluded);
  return row;
}

json::object endpoint_json(const ServicePort& port, const balancer::Backend& backend) {
  const model::Endpoint& endpoint = *backend.endpoint;
  json::object row;
  row["namespace"] = text(port.key.service.name_space);
  row["service"] = text(port.key.service.name);
  row["port"] = text(port.key.port);
  row["protocol"] = text(to_string(port.key.protocol));
  row["address"] = text(backend.address.ip.to_string());
  row["targetPort"] = backend.address.port;
  row["pod"] = text(endpoint.pod);
  row["node"] = text(endpoint.node);
  row["ready"] = endpoint.ready;
  row["serving"] = endpoint.serving;
  row["terminating"] = endpoint.terminating;
  row["weight"] = endpoint.weight;
  row["sessions"] = backend.state->sessions.load(std::memory_order_relaxed);
  return row;
}

}  // namespace

bool Readiness::ready() const {
  return std::all_of(checks.begin(), checks.end(),
                     [](const Check& check) { return check.passed || !check.required; });
}

json::array services_json(const balancer::BackendTable& table, const Listening& listening) {
  json::array rows;
  for (const ServicePortEntry* entry : table.sorted()) {
    rows.emplace_back(service_json(*entry, listening));
  }
  return rows;
}

json::array endpoints_json(const balancer::BackendTable& table) {
  json::array rows;
  for (const ServicePortEntry* entry : table.sorted()) {
    for (const balancer::Backend& backend : entry->backends) {
      rows.emplace_back(endpoint_json(entry->service_port, backend));
    }
  }
  return rows;
}

json::array sessions_json(std::vector<SessionRow> sessions) {
  std::sort(sessions.begin(), sessions.end(), [](const SessionRow& a, const SessionRow& b) {
    return std::tie(a.service_port, a.since, a.client) <
           std::tie(b.service_port, b.since, b.client);
  });
  json::array rows;
  for (const SessionRow& session : sessions) {
    json::object row;
    row["service"] = text(session.service_port.service.to_string());
    row["port"] = text(session.service_port.port);
    row["protocol"] = text(to_string(session.service_port.protocol));
    row["client"] = text(session.client.to_string());
    row["backend"] = text(session.backend.to_string());
    row["since"] = text(model::format_timestamp(session.since));
    row["bytesIn"] = session.bytes_in;
    row["bytesOut"] = session.bytes_out;
    rows.emplace_back(std::move(row));
  }
  return rows;
}

std::string readiness_text(const Readiness& readiness, bool verbose) {
  std::string body;
  if (!verbose) body = readiness.ready() ? "ok\n" : "not ready\n";
  for (const Readiness::Check& check : readiness.checks) {
    // Without `verbose` only what is not as it should be.
    if (verbose || !check.passed) {
      body += (check.passed ? "[+]" : "[-]") + check.name + (check.passed ? " ok\n" : " not ok\n");
    }
    if (!verbose && check.passed) continue;
    for (const std::string& note : check.notes) body += "    " + printable(note) + '\n';
  }
  if (verbose) {
    body += readiness.ready() ? "readyz check passed\n" : "readyz check failed\n";
  }
  return body;
}

}  // namespace wherry::admin
