#include "proxy/app/offline_tables.h"

#include "base/log.h"
#include "proxy/app/steering_choice.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <unistd.h>

namespace wherry::app {

steer::ListenRules listen_rules(const config::Options& options) {
  const bool is_fixed = options.admin_address.port != 0;
  return {options.listen_address,
          options.listen_pool,
          options.port_offset,
          is_fixed ? std::optional(options.admin_address) : std::nullopt,
          false,
          {}};
}

steer::NodePortRule node_port_rule(const config::Options& options) {
  return {options.node_port_addresses.primary, options.node_port_addresses.cidrs};
}

TableRules table_rules(const config::Options& options) {
  TableRules rules;
  rules.min_sync_period = options.min_sync_period;
  rules.flatten.default_family =
      options.listen_pool ? options.listen_pool->family() : options.listen_address.family();
  rules.flatten.service_proxy_name = options.service_proxy_name;
  rules.flatten.allow_external_ips = options.allow_external_ips;
  rules.flatten.source_ranges_everywhere = options.source_ranges_everywhere;
  if (options.bind_address && !options.bind_address->is_unspecified()) {
    rules.node.address = options.bind_address;
  }
  if (options.detect_local_mode == config::DetectLocalMode::ClusterCidr) {
    rules.node.cluster_cidrs = options.cluster_cidrs;
  }
  rules.node.proxies = options.accept_proxy_protocol;
  if (!options.default_scheduler.empty()) {
    if (const auto known = balancer::algorithm_of_scheduler(options.default_scheduler)) {
      rules.flatten.default_algorithm = *known;
    } else {
      log::warn("the default scheduler is none that wherry knows; round robin is used",
                {{"scheduler", options.default_scheduler},
                 {"remedy", "write rr, wrr, lc, wlc, sh or mh"}});
    }
  }
  if (!options.manifests.empty()) return rules;
  // S1: a cluster gives addresses itself. Whoever may write to its API is no stranger, and what it
  // holds is what it can hold.
  rules.flatten.needs_cluster_ip = true;
  rules.endpoints = options.endpoints == config::Endpoints::Pods ? TableRules::Endpoints::Pods
                                                                 : TableRules::Endpoints::Slices;
  rules.limits = {.backends = 5'000'000, .pod_bytes = 1u << 30};
  return rules;
}

std::string node_name(const config::Options& options) {
  if (!options.node_name.empty()) return options.node_name;
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::string text = name.data();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

namespace {

steer::ListenRules offline_listen_rules(const config::Options& options) {
  steer::ListenRules rules = listen_rules(options);
  rules.beside_node = options.steering == config::SteeringMode::Node;
  return rules;
}

}  // namespace

OfflineTables::OfflineTables(const config::Options& options)
    : timers_(loop_),
      tables_(timers_, clock_, table_rules(options), node_name(options),
              [](const auto&, const TableLoop::Origin&) {}),
      claims_(offline_listen_rules(options), local_addresses_),
      service_cidrs_(given_service_cidrs(options)),
      cluster_service_cidrs_([this, read = reads_service_cidrs(options)](const auto& all) {
        if (read) service_cidrs_ = all;
      }),
      node_ports_(node_port_rule(options)) {
  if (options.steering == config::SteeringMode::Node) {
    node_claims_.emplace(std::vector{IpFamily::IPv4, IpFamily::IPv6});
  }
  read(options.manifests);
  tables_.build_now();

  std::vector<const balancer::ServicePortEntry*> oldest_first = tables_.latest()->sorted();
  std::stable_sort(oldest_first.begin(), oldest_first.end(), [](const auto* a, const auto* b) {
    return a->service_port.created.value_or(WallTime::max()) <
           b->service_port.created.value_or(WallTime::max());
  });
  for (const balancer::ServicePortEntry* entry : oldest_first) claims_.update(*entry);
  if (node_claims_) std::ignore = node_claims_->update(balancer::BackendTable(), *tables_.latest());
}

std::vector<SocketAddress> OfflineTables::listening(balancer::ServicePortId id) const {
  std::vector<SocketAddress> all = claims_.owned_by(id);
  if (!node_claims_) return all;
  const std::vector<SocketAddress> steered = node_claims_->owned_by(id);
  all.insert(all.end(), steered.begin(), steered.end());
  return all;
}

/// On the node that the manifests name: which addresses are its machine's is not known here, and
/// taken from its Node.
balancer::WaysIn OfflineTables::ways_in() const {
  balancer::WaysIn ways;
  const std::vector<IpAddress>& node = table().node().addresses;
  steer::NetworkState network;
  network.interfaces.emplace_back();
  for (const IpAddress& address : node) {
    steer::InterfaceAddress own;
    own.ip = address;
    network.interfaces.back().addresses.push_back(own);
  }
  const std::vector<IpAddress> node_ports = steer::node_port_addresses(network, node_ports_, node);
  ways.find = [this, node_ports](
                  Protocol protocol,
                  const SocketAddress& address) -> std::optional<balancer::Entrance> {
    if (node_claims_) {
      const bool serves_node_ports = address.ip.is_loopback() || is_among(address.ip, node_ports);
      auto found = steer::entrance_of(*node_claims_, protocol, address, serves_node_ports);
      if (found) return found;
    }
    return claims_.entrance_of({address, protocol});
  };
  if (!node_claims_) return ways;
  ways.is_complete = true;
  ways.passes = [node](const IpAddress& address) {
    return address.is_loopback() || is_among(address, node);
  };
  ways.service_cidrs = service_cidrs_;
  return ways;
}

std::vector<steer::ListenProblem> OfflineTables::problems() const {
  std::vector<steer::ListenProblem> all = claims_.problems();
  if (!node_claims_) return all;
  for (steer::ListenProblem& problem : node_claims_->problems()) all.push_back(std::move(problem));
  return all;
}

void OfflineTables::read(const std::vector<std::string>& paths) {
  manifest::ScanRequest request;
  request.paths = paths;
  manifest::ScanResult result = manifest::scan(request);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!result.paths[i].unreadable.empty()) {
      faults_.push_back({{paths[i]}, "", "can't be listed: " + result.paths[i].unreadable});
    }
  }

  for (manifest::ScannedFile& file : result.files) {
    ++files_;
    manifest::ManifestText& text = *file.text;
    if (!text.faults.empty()) {
      std::move(text.faults.begin(), text.faults.end(), std::back_inserter(faults_));
      continue;
    }
    for (const auto& [kind, count] : text.content.ignored) ignored_[kind] += count;
    objects_of_files_.set(file.order, file.path, std::move(text.content), nullptr);
  }
  objects_ = objects_of_files_.counts();
  objects_of_files_.replace_all({tables_.services(), tables_.pods(), tables_.slices(),
                                 tables_.nodes(), cluster_service_cidrs_});
}

std::vector<std::string> OfflineTables::warnings() const {
  std::vector<std::string> all;
  for (const auto& [key, warnings] : tables_.service_tracker().warnings()) {
    all.insert(all.end(), warnings.begin(), warnings.end());
  }
  for (const auto& [key, warning] : tables_.pod_warnings()) all.push_back(warning);
  for (const manifest::DoubleDefinition& each : objects_of_files_.doubles()) {
    all.push_back(each.in_force + ": defines " + each.object + " again; " + each.without_effect +
                  (each.in_force == each.without_effect ? " has it before" : " has it too") +
                  ", and the last definition counts");
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace wherry::app
