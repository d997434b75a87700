#include "watcher/api/rest_metrics.h"

#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

std::string code_text(int status) { return status == 0 ? "<error>" : std::to_string(status); }

}  // namespace

RestMetrics::RestMetrics(std::string host)
    : host_(std::move(host)), durations_({0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60}) {}

void RestMetrics::count_answer(int status) { ++answers_[status]; }

void RestMetrics::observe(Duration duration) {
  durations_.observe(std::chrono::duration<double>(duration).count());
}

void RestMetrics::count_retry(int status) { ++retries_[status]; }

void RestMetrics::collect(MetricFamilies& families) const {
  MetricFamily requests{"rest_client_requests_total",
                        "Requests to the API server, by status and method.",
                        MetricKind::Counter,
                        {}};
  for (const auto& [status, count] : answers_) {
    requests.samples.push_back({{{"code", code_text(status)}, {"method", "GET"}, {"host", host_}},
                                static_cast<double>(count)});
  }
  families.push_back(std::move(requests));
  families.push_back({"rest_client_request_duration_seconds",
                      "How long answers of the API server took to begin.",
                      MetricKind::Histogram,
                      {durations_.sample({{"verb", "GET"}, {"host", host_}})}});
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
