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

  std::string node_name;  ///< empty: the host's name, in lower case (W9)
  unsigned workers = 0;   ///< 0: one per core
  SocketAddress admin_address{IpAddress::loopback(IpFamily::IPv4), 10249};

  Duration connect_timeout = std::chrono::seconds(3);  ///< of one attempt
  unsigned max_attempts = 3;                           ///< backends tried for one client
  Duration idle_timeout{};                             ///< 0: off
  std::uint64_t max_sessions = 0;                      ///< 0: what the descriptor limit allows
  Duration drain_timeout = std::chrono::seconds(25);

  log::Level log_level = log::Level::Info;
  log::Format log_format = log::Format::Text;
};

}  // namespace wherry::config
