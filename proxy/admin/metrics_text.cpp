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
  if (kind == MetricKind::Counter) {
    metric.counter.value = sample.value;
  } else {
    metric.gauge.value = sample.value;
  }
  return metric;
}

}  // namespace

std::string metrics_text(const MetricFamilies& families) {
  std::vector<prometheus::MetricFamily> converted;
  converted.reserve(families.size());
  for (const MetricFamily& family : families) {
    prometheus::MetricFamily& into = converted.emplace_back();
    into.name = family.name;
    into.help = family.help;
    into.type = family.kind == MetricKind::Counter ? prometheus::MetricType::Counter
                                                   : prometheus::MetricType::Gauge;
    for (const MetricSample& sample : family.samples) {
      into.metric.push_back(to_client_metric(sample, family.kind));
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, converted);
  return std::move(text).str();
}

}  // namespace wherry::admin
