#include "base/metrics.h"

#include <algorithm>
#include <limits>

namespace wherry {

MetricFamily single_metric(std::string name, std::string help, MetricKind kind, double value) {
  return {std::move(name), std::move(help), kind, {{{}, value}}};
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
  ++count_;
  sum_ += value;
}

MetricSample Histogram::sample(MetricLabels labels) const {
  MetricSample sample{std::move(labels), sum_, {}};
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    const double bound = i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity();
    sample.buckets.push_back({bound, count});
  }
  return sample;
}

}  // namespace wherry
