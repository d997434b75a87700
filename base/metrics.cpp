#include "base/metrics.h"

namespace wherry {

MetricFamily single_metric(std::string name, std::string help, MetricKind kind, double value) {
  return {std::move(name), std::move(help), kind, {{{}, value}}};
}

}  // namespace wherry
