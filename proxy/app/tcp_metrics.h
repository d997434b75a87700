#pragma once

#include "balancer/backend_table.h"
#include "base/metrics.h"
#include "proxy/app/worker_pool.h"

namespace wherry::app {

/// wherry_tcp_* and wherry_refused_total, summed over the workers.
void collect_tcp_metrics(const WorkerPool& workers, const balancer::BackendTable& table,
                         MetricFamilies& into);

}  // namespace wherry::app
