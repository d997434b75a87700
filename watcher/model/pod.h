#pragma once

#include "base/ip_address.h"
#include "base/socket_address.h"
#include "watcher/model/object_meta.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wherry::model {

struct NamedPort {
  std::string name;
  Protocol protocol = Protocol::TCP;
  std::uint16_t port = 0;

  friend bool operator==(const NamedPort&, const NamedPort&) = default;
};

enum class PodPhase : std::uint8_t { Pending, Running, Succeeded, Failed, Unknown };

/// core/v1 Pod, as far as a Service's endpoints depend on it.
struct Pod {
  ObjectMeta meta;
  std::string node;  ///< spec.nodeName
  PodPhase phase = PodPhase::Pending;
  bool ready = false;          ///< the Ready condition; a pod without one is not ready
  std::vector<IpAddress> ips;  ///< podIPs, or podIP alone
  /// Ports with names in the order in which a named targetPort finds them: containers, then init
  /// containers that restart always (T4).
  std::vector<NamedPort> named_ports;

  friend bool operator==(const Pod&, const Pod&) = default;
};

}  // namespace wherry::model
