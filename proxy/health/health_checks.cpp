#include "proxy/health/health_checks.h"

#include <algorithm>
#include <vector>

namespace wherry::health {

void HealthChecks::apply(const balancer::BackendTable& table, const balancer::TableDiff& diff) {
  std::set<HealthCheckKey> touched;
  for (const balancer::ServicePortId id : diff.removed) forget(id, touched);
  for (const auto* ids : {&diff.added, &diff.changed}) {
    for (const balancer::ServicePortId id : *ids) {
      forget(id, touched);
      const balancer::ServicePort& port = table.find(id)->service_port;
      if (port.health_check_node_port == 0) continue;
      const HealthCheckKey key{port.key.service, port.key.family};
      key_of_.emplace(id, key);
      ports_of_[key].insert(id);
      touched.insert(key);
    }
  }
  for (const HealthCheckKey& key : touched) look_again(table, key);
}

const HealthCheck* HealthChecks::find(const HealthCheckKey& key) const {
  const auto found = checks_.find(key);
  return found == checks_.end() ? nullptr : &found->second;
}

void HealthChecks::forget(balancer::ServicePortId id, std::set<HealthCheckKey>& touched) {
  const auto known = key_of_.find(id);
  if (known == key_of_.end()) return;
  const auto ports = ports_of_.find(known->second);
  ports->second.erase(id);
  if (ports->second.empty()) ports_of_.erase(ports);
  touched.insert(known->second);
  key_of_.erase(known);
}

void HealthChecks::look_again(const balancer::BackendTable& table, const HealthCheckKey& key) {
  const auto ports = ports_of_.find(key);
  if (ports == ports_of_.end()) {
    checks_.erase(key);
    return;
  }
  // An endpoint stands once for every port of its Service.
  std::set<IpAddress> local;
  std::uint16_t number = 0;
  for (const balancer::ServicePortId id : ports->second) {
    const balancer::ServicePortEntry& entry = *table.find(id);
    number = entry.service_port.health_check_node_port;
    for (const balancer::Backend& backend : entry.backends) {
      if (backend.endpoint->ready && !node_name_.empty() && backend.endpoint->node == node_name_) {
        local.insert(backend.address.ip);
      }
    }
  }
  checks_.insert_or_assign(key, HealthCheck{number, local.size()});
}

std::string health_check_body(const model::ObjectKey& service, std::size_t local_endpoints,
                              bool proxy_healthy) {
  // Names are DNS labels: there is nothing to escape in them.
  return "{\n"
         "\t\"service\": {\n"
         "\t\t\"namespace\": \"" +
         service.name_space +
         "\",\n"
         "\t\t\"name\": \"" +
         service.name +
         "\"\n"
         "\t},\n"
         "\t\"localEndpoints\": " +
         std::to_string(local_endpoints) +
         ",\n"
         "\t\"serviceProxyHealthy\": " +
         (proxy_healthy ? "true" : "false") +
         "\n"
         "}";
}

}  // namespace wherry::health
