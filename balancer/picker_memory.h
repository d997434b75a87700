#pragma once

#include "balancer/picker/affinity_table.h"
#include "balancer/slow_start.h"

#include <memory>

namespace wherry::balancer {

/// What a service port's pickers leave to their successors. PickerKeeper's; control thread only.
struct PickerMemory {
  std::shared_ptr<AffinityTable> affinity;  ///< null without session affinity
  SlowStart slow_start;
};

}  // namespace wherry::balancer
