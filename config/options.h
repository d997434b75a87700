#pragma once

#include "base/cidr.h"
#include "base/duration.h"
#include "base/environment.h"
#include "base/ip_address.h"
#include "base/log.h"
#include "base/socket_address.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wherry::config {

/// Where the endpoints of a cluster's Services come from.
enum class Endpoints { Slices, Pods };

/// How the traffic of this node's own pods is told from other traffic (F7).
enum class DetectLocalMode { ClusterCidr, NodeCidr, BridgeInterface, InterfaceNamePrefix };

/// On which addresses of this machine NodePorts are served (F2). Neither: on all.
struct NodePortAddresses {
  bool primary = false;     ///< those that the Node object names first, one of each family
  std::vector<Cidr> cidrs;  ///< and those in these blocks; a family that has neither: all
};

/// Whether backends see the client's own address where it can be had (deploy/operations.md, "Who
/// the client is").
enum class Transparent {
  Auto,  ///< by tc programs of our own, which bring the replies back
  Off,
  Nft,  ///< by one nftables rule in their place
};

/// How clients get to this process (deploy/operations.md, "Steering"). Auto: see
/// app/steering_choice.h.
enum class SteeringMode { Auto, Node, Bind };

/// What a person can set: plain data, every default visible here. One entry of the table in
/// setting.cpp gives each member its flag, its key and its help.
struct Options {
  std::vector<std::string> manifests;  ///< files and folders, as written; none: a cluster

  std::string kubeconfig;  ///< empty: the pod's service account, KUBECONFIG, the default file
  std::string context;     ///< empty: the kubeconfig's current one
  std::string master;      ///< URL in place of the server that is found
  std::string name_space;  ///< empty: all
  Endpoints endpoints = Endpoints::Slices;
  Duration poll_interval{};  ///< 0: watch
  std::string state_dir;     ///< where the last good state is kept; empty: nowhere
  Environment environment;   ///< the process's variables; no setting

  IpAddress listen_address = IpAddress::loopback(IpFamily::IPv4);
  std::optional<Cidr> listen_pool;
  std::uint16_t port_offset = 0;  ///< added to every service port

  SteeringMode steering = SteeringMode::Auto;
  std::vector<Cidr> service_cidrs;      ///< none: what the cluster says, else each address alone
  bool strict_arp = false;              ///< kube-proxy's ipvs.strictARP
  std::string run_dir = "/run/wherry";  ///< lock and record of steering node

  std::string service_proxy_name;         ///< empty: Services that name no proxy (S6)
  bool source_ranges_everywhere = false;  ///< for NodePorts and external IPs too (F1)

  std::string node_name;  ///< empty: the host's name, in lower case (W9)
  unsigned workers = 0;   ///< 0: one per core
  SocketAddress admin_address{IpAddress::loopback(IpFamily::IPv4), 10249};

  // Of a node, most of them under kube-proxy's names (node_settings.cpp).
  /// Where /healthz and /livez for load balancers and the kubelet are (H1, H2); none: nowhere.
  /// With steering node, if nothing is given, default_healthz() is it, and only if it is not fallen
  /// back to bind.
  std::optional<SocketAddress> healthz_bind_address;
  bool healthz_is_given = false;          ///< an address, or that there shall be none
  bool bind_address_hard_fail = false;    ///< a busy health or metrics port ends the process (H5)
  std::optional<IpAddress> bind_address;  ///< this node's own address (W10); no listen address
  Duration min_sync_period{};             ///< from the end of one table to the next (R1); 0: none
  Duration sync_period = std::chrono::seconds(30);         ///< when what failed is tried again (R1)
  Duration config_sync_period = std::chrono::minutes(15);  ///< W6; a watch needs no refresh
  std::optional<int> oom_score_adj;                        ///< R6; none: it stays as it is
  NodePortAddresses node_port_addresses;
  std::vector<Cidr> cluster_cidrs;  ///< of the pods; one of each family at most
  DetectLocalMode detect_local_mode = DetectLocalMode::ClusterCidr;
  std::string pod_bridge_interface;       ///< for DetectLocalMode::BridgeInterface
  std::string pod_interface_name_prefix;  ///< for DetectLocalMode::InterfaceNamePrefix
  std::string proxy_mode = "iptables";    ///< kube-proxy's mode, whose defaults hold
  std::string default_scheduler;   ///< in IPVS's words ("rr", "lc"); empty: the default algorithm
  bool allow_external_ips = true;  ///< S5
  bool profiling = false;          ///< the log level may be changed over HTTP (H4)

  /// Whose TCP connections begin with a PROXY header that says who the client is.
  std::vector<Cidr> accept_proxy_protocol;
  Transparent transparent = Transparent::Auto;  ///< in steering `node` alone

  Duration connect_timeout = std::chrono::seconds(3);  ///< of one attempt
  unsigned max_attempts = 3;                           ///< backends tried for one client
  Duration idle_timeout{};                             ///< 0: off
  std::uint64_t max_sessions = 0;                      ///< 0: what the descriptor limit allows
  Duration drain_timeout = std::chrono::seconds(25);

  Duration udp_idle_timeout = std::chrono::seconds(60);  ///< of Services that name none
  std::uint64_t max_udp_flows = 0;  ///< 0: what descriptors and source ports allow
  std::uint64_t max_udp_flows_per_source =
      0;  ///< of one client address; 0: a quarter, and what is left

  log::Level log_level = log::Level::Info;
  log::Format log_format = log::Format::Text;
};

}  // namespace wherry::config
