#include "proxy/app/steering_choice.h"

#include "base/log.h"
#include "config/compose.h"

#include <fstream>
#include <string_view>

namespace wherry::app {
namespace {

using config::SteeringMode;

constexpr std::string_view kHostNetwork = "# Kubernetes-managed hosts file (host network).";

}  // namespace

SteeringChoice choose_steering(const config::Options& options, const SteeringFacts& facts) {
  switch (options.steering) {
    case SteeringMode::Node:
      return {SteeringMode::Node, "--steering says so"};
    case SteeringMode::Bind:
      return {SteeringMode::Bind, "--steering says so"};
    case SteeringMode::Auto:
      break;
  }
  if (facts.has_kube_proxy_configuration) {
    return {SteeringMode::Node, "the configuration is kube-proxy's"};
  }
  if (!options.manifests.empty()) return {SteeringMode::Bind, "manifests are served"};
  if (facts.is_in_cluster && facts.is_on_host_network) {
    return {SteeringMode::Node, "this is a pod on its node's network"};
  }
  if (facts.is_in_cluster) {
    return {SteeringMode::Bind, "this is a pod with a network of its own"};
  }
  return {SteeringMode::Bind, "a kubeconfig alone serves no node"};
}

std::optional<SocketAddress> healthz_address(const config::Options& options) {
  if (options.healthz_is_given) return options.healthz_bind_address;
  if (options.steering != SteeringMode::Node) return std::nullopt;
  return config::default_healthz(options);
}

void say_whether_interfaces_are_seen(bool are_seen, config::DetectLocalMode how) {
  if (are_seen) return;
  const bool are_wanted = how == config::DetectLocalMode::BridgeInterface ||
                          how == config::DetectLocalMode::InterfaceNamePrefix;
  log::write(
      are_wanted ? log::Level::Warn : log::Level::Info,
      "this kernel does not show programs by which interface a connection comes in",
      {{"lacks",
        "clients of TCP are known by their addresses alone: the node by its own, its pods by "
        "the Node's podCIDRs"},
       {"remedy", "Linux 5.17, where --detect-local-mode is to tell pods by interfaces"}});
}

bool shares_service_cidrs(const config::Options& options) {
  return !options.service_proxy_name.empty();
}

std::vector<Cidr> given_service_cidrs(const config::Options& options) {
  return shares_service_cidrs(options) ? std::vector<Cidr>() : options.service_cidrs;
}

bool reads_service_cidrs(const config::Options& options) {
  return options.steering == SteeringMode::Node && !shares_service_cidrs(options) &&
         options.service_cidrs.empty();
}

bool is_in_cluster(const config::Options& options) {
  return options.manifests.empty() && options.kubeconfig.empty() && options.context.empty() &&
         !options.environment.get("KUBERNETES_SERVICE_HOST").empty();
}

bool says_host_network(const std::string& hosts) { return hosts.starts_with(kHostNetwork); }

bool is_on_host_network() {
  std::ifstream file("/etc/hosts");
  std::string line;
  std::getline(file, line);
  return says_host_network(line);
}

}  // namespace wherry::app
