#pragma once

#include "balancer/picker/affinity_table.h"
#include "balancer/slow_start.h"
#include "base/socket_address.h"

#include <memory>
#include <optional>

namespace wherry::balancer {

/// What a service port's pickers leave to their successors. PickerKeeper's; control thread only.
struct PickerMemory {
  std::shared_ptr<AffinityTable> affinity;  ///< null without session affinity
  SlowStart slow_start;
  /// Where round robin goes on in the cluster set when that was empty meanwhile.
  std::optional<SocketAddress> resume_at;
  std::optional<SocketAddress> resume_local_at;  ///< the same for the local set
};

}  // namespace wherry::balancer
