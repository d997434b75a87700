#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Metrics as plain values. Whoever owns a count renders it into families when it is asked;
/// nothing here locks, registers or keeps state, so a count costs its owner one variable.
namespace wherry {

enum class MetricKind { Counter, Gauge };

struct MetricSample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

struct MetricFamily {
  std::string name;  ///< wherry_<area>_<what>_<unit or total>
  std::string help;
  MetricKind kind = MetricKind::Counter;
  std::vector<MetricSample> samples;
};

using MetricFamilies = std::vector<MetricFamily>;

/// A family of one sample without labels.
[[nodiscard]] MetricFamily single_metric(std::string name, std::string help, MetricKind kind,
                                         double value);

}  // namespace wherry
