#include "proxy/admin/pages.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

namespace wherry::admin {
namespace {

prometheus::ClientMetric to_client_metric(const MetricSample& sample, MetricKind kind) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  switch (kind) {
    case MetricKind::Counter:
      metric.counter.value = sample.value;
      break;
    case MetricKind::Gauge:
      metric.gauge.value = sample.value;
      break;
    case MetricKind::Histogram:
      metric.histogram.sample_sum = sample.value;
      for (const MetricSample::Bucket& bucket : sample.buckets) {
        metric.histogram.bucket.push_back({bucket.count, bucket.bound});
        metric.histogram.sample_count = bucket.count;  // the last one has all
      }
      break;
  }
  return metric;
}

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::Counter:
      return prometheus::MetricType::Counter;
    case MetricKind::Gauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::Histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

std::string metrics_text(const MetricFamilies& families) {
  std::vector<prometheus::MetricFamily> converted;
  converted.reserve(families.size());
  for (const MetricFamily& family : families) {
    prometheus::MetricFamily& into = converted.emplace_back();
    into.name = family.name;
    into.help = family.help;
    into.type = type_of(family.kind);
    for (const MetricSample& sample : family.samples) {
      into.metric.push_back(to_client_metric(sample, family.kind));
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, converted);
  return std::move(text).str();
}

}  // namespace wherry::admin
