#include "watcher/api/rest_metrics.h"

#include <utility>
#include <vector>

namespace wherry::api {
namespace {

const std::vector<double> kBounds = {0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60};

std::string code_text(int status) { return status == 0 ? "<error>" : std::to_string(status); }

}  // namespace

RestMetrics::RestMetrics(std::string host)
    : host_(std::move(host)), durations_({{"GET", Histogram(kBounds)}}) {}

void RestMetrics::count_answer(int status, std::string_view method) {
  ++answers_[{status, std::string(method)}];
}

void RestMetrics::observe(Duration duration, std::string_view method) {
  Histogram& durations = durations_.try_emplace(std::string(method), kBounds).first->second;
  durations.observe(seconds_of(duration));
}

void RestMetrics::count_retry(int status) { ++retries_[status]; }

void RestMetrics::collect(MetricFamilies& families) const {
  MetricFamily requests{"rest_client_requests_total",
                        "Requests to the API server, by status and method.",
                        MetricKind::Counter,
                        {}};
  for (const auto& [what, count] : answers_) {
    const auto& [status, method] = what;
    requests.samples.push_back({{{"code", code_text(status)}, {"method", method}, {"host", host_}},
                                static_cast<double>(count)});
  }
  families.push_back(std::move(requests));
  MetricFamily durations{"rest_client_request_duration_seconds",
                         "How long answers of the API server took to begin.",
                         MetricKind::Histogram,
                         {}};
  for (const auto& [method, histogram] : durations_) {
    durations.samples.push_back(histogram.sample({{"verb", method}, {"host", host_}}));
  }
  families.push_back(std::move(durations));
  MetricFamily retries{"rest_client_request_retries_total",
                       "Requests to the API server that were sent once more, by the status before.",
                       MetricKind::Counter,
                       {}};
  for (const auto& [status, count] : retries_) {
    retries.samples.push_back({{{"code", code_text(status)}, {"verb", "GET"}, {"host", host_}},
                               static_cast<double>(count)});
  }
  families.push_back(std::move(retries));
}

}  // namespace wherry::api
