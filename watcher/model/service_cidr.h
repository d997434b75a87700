#pragma once

#include "base/cidr.h"
#include "watcher/model/object_meta.h"

#include <vector>

namespace wherry::model {

/// networking.k8s.io/v1 ServiceCIDR: blocks out of which the cluster gives addresses to Services
/// (W4). It has no namespace.
struct ServiceCidr {
  ObjectMeta meta;
  std::vector<Cidr> cidrs;

  friend bool operator==(const ServiceCidr&, const ServiceCidr&) = default;
};

}  // namespace wherry::model
