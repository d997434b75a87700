#pragma once

#include "base/metrics.h"

namespace wherry::admin {

/// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds and the rest under
/// the names that every Prometheus client library has (M12), from /proc.
void collect_process_metrics(MetricFamilies& into);

}  // namespace wherry::admin
