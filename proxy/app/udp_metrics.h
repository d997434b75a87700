#pragma once

#include "base/metrics.h"
#include "proxy/app/worker_pool.h"

namespace wherry::app {

/// wherry_udp_*, summed over the workers.
void collect_udp_metrics(const WorkerPool& workers, MetricFamilies& into);

}  // namespace wherry::app
