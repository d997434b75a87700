#include "balancer/table_text.h"

namespace wherry::balancer {
namespace {

std::string decision_text(std::string_view kind, const ServicePortEntry& entry,
                          const Decision& decision) {
  std::string text = "  " + std::string(kind) + ' ' + std::string(to_string(decision.verdict)) +
                     " (" + std::string(to_string(decision.reason)) + ')';
  if (!decision.backends.empty()) text += ':';
  for (const std::uint32_t index : decision.backends) {
    text += ' ' + entry.backends[index].address.to_string();
  }
  return text + '\n';
}

std::string addresses_text(std::string_view name, const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) {
    text += (text.empty() ? ' ' + std::string(name) + '=' : ",") + address.to_string();
  }
  return text;
}

}  // namespace

std::string table_text(const BackendTable& table) {
  std::string text;
  for (const ServicePortEntry* entry : table.sorted()) {
    const ServicePort& port = entry->service_port;
    text += port.key.to_string();
    if (port.cluster_ip) text += " clusterIP=" + port.cluster_ip->to_string();
    text += " port=" + std::to_string(port.port);
    if (port.node_port != 0) text += " nodePort=" + std::to_string(port.node_port);
    text += addresses_text("externalIPs", port.external_ips);
    text += addresses_text("loadBalancerIPs", port.load_balancer_ips);
    text += addresses_text("listen", port.listen_addresses);
    for (const Cidr& range : port.source_ranges) text += " source=" + range.to_string();
    if (port.source_ranges_everywhere) text += " sourcesEverywhere";
    if (port.health_check_node_port != 0) {
      text += " healthCheckNodePort=" + std::to_string(port.health_check_node_port);
    }
    text += '\n' + decision_text("internal", *entry, entry->internal);
    if (entry->external) text += decision_text("external", *entry, *entry->external);
    if (entry->external_from_node) {
      text += decision_text("external from this node", *entry, *entry->external_from_node);
    }
    for (const Excluded& excluded : entry->excluded) {
      text += "  excluded " + entry->backends[excluded.backend].address.to_string() + " (" +
              std::string(to_string(excluded.reason)) + ")\n";
    }
  }
  return text;
}

}  // namespace wherry::balancer
