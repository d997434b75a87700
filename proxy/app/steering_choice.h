#pragma once

#include "base/cidr.h"
#include "base/socket_address.h"
#include "config/options.h"

#include <optional>
#include <string>
#include <vector>

namespace wherry::app {

/// What the choice of steering depends on besides the options.
struct SteeringFacts {
  bool has_kube_proxy_configuration = false;  ///< --config is kube-proxy's
  bool is_in_cluster = false;                 ///< by the pod's own account
  bool is_on_host_network = false;            ///< the pod has the network of its node
};

struct SteeringChoice {
  config::SteeringMode mode = config::SteeringMode::Bind;  ///< never Auto
  std::string reason;                                      ///< for the log

  friend bool operator==(const SteeringChoice&, const SteeringChoice&) = default;
};

/// What --steering means here. `auto` is `node` for who stands in for kube-proxy: with its
/// configuration, or with the in-cluster account on the host's network. A kubeconfig or manifests
/// alone are a person's: `bind`. Pure.
[[nodiscard]] SteeringChoice choose_steering(const config::Options& options,
                                             const SteeringFacts& facts);

/// Where /healthz is, once it is known which steering it is: a process that was to be the node's
/// and is not must not answer load balancers and kubelets in a node's proxy's stead. Pure.
[[nodiscard]] std::optional<SocketAddress> healthz_address(const config::Options& options);

/// Says in the log that the kernel does not show its programs by which interface a connection comes
/// in (before Linux 5.17; E8, F7), where that is so: a warning where this node's pods are to be
/// told by that.
void say_whether_interfaces_are_seen(bool are_seen, config::DetectLocalMode how);

/// Whether other proxies of this node have addresses in the Services' blocks: with
/// --service-proxy-name (S6). No block is routed here as a whole then, and an address that no
/// Service of ours has is none of ours. Pure.
[[nodiscard]] bool shares_service_cidrs(const config::Options& options);
/// The blocks of --service-cidr, as far as they count. Pure.
[[nodiscard]] std::vector<Cidr> given_service_cidrs(const config::Options& options);
/// Whether ServiceCIDRs, of the cluster or of manifests, say which blocks there are (W4). Pure.
[[nodiscard]] bool reads_service_cidrs(const config::Options& options);

/// Whether the cluster is that of this pod, by its own account: no other is named (find_access.h).
/// Pure.
[[nodiscard]] bool is_in_cluster(const config::Options& options);

/// Whether this is a pod on its node's network: kubelet says so in the first line of the /etc/hosts
/// that it writes (pkg/kubelet/kubelet_pods.go, managedHostsHeaderWithHostNetwork). `hosts` is what
/// stands there. Pure.
[[nodiscard]] bool says_host_network(const std::string& hosts);
[[nodiscard]] bool is_on_host_network();

}  // namespace wherry::app
