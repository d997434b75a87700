#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Metrics as plain values. Whoever owns a count renders it into families when it is asked;
/// nothing here locks, registers or keeps state, so a count costs its owner one variable.
namespace wherry {

enum class MetricKind { Counter, Gauge, Histogram };

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

struct MetricSample {
  /// How many observations were at most so large; the last bound is infinity.
  struct Bucket {
    double bound = 0;
    std::uint64_t count = 0;
  };

  MetricLabels labels;
  double value = 0;               ///< of a histogram: the sum of what was observed
  std::vector<Bucket> buckets{};  ///< of a histogram, ascending, cumulative
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

/// Counts observations by size. One thread.
class Histogram {
 public:
  /// Upper bounds, ascending; infinity comes on top.
  explicit Histogram(std::vector<double> bounds);

  void observe(double value);
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] MetricSample sample(MetricLabels labels) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;  ///< one more than bounds_
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace wherry
