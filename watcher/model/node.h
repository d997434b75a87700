#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "watcher/model/object_meta.h"

#include <string>
#include <string_view>
#include <vector>

namespace wherry::model {

inline constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";

/// core/v1 Node, as far as its own proxy looks at it (W3). It has no namespace.
struct Node {
  ObjectMeta meta;
  std::vector<IpAddress> addresses;  ///< InternalIP before ExternalIP; host names left out
  std::vector<Cidr> pod_cidrs;       ///< spec.podCIDRs, or podCIDR alone
  std::vector<std::string> taints;   ///< their keys

  /// The zone that the node lies in; empty where it does not say (E13).
  [[nodiscard]] std::string_view zone() const {
    const std::string* zone = find(meta.labels, kZoneLabel);
    return zone == nullptr ? std::string_view() : *zone;
  }

  friend bool operator==(const Node&, const Node&) = default;
};

}  // namespace wherry::model
