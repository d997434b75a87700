#include "proxy/app/sync_progress.h"

#include <algorithm>
#include <string>
#include <utility>

namespace wherry::app {
namespace {

double since_epoch(WallTime time) { return seconds_of(time.time_since_epoch()); }

/// 0.001 * 2^k, 15 of them: those of kube-proxy's sync durations (M1, M3).
std::vector<double> run_bounds() {
  std::vector<double> bounds;
  for (double bound = 0.001; bounds.size() < 15; bound *= 2) bounds.push_back(bound);
  return bounds;
}

/// M2, as kube-proxy 1.36 has them: its MergeBuckets() puts a 0 in front, where clocks that differ
/// leave negative latencies.
std::vector<double> slo_bounds() {
  std::vector<double> bounds = {0, 0.25, 0.5};
  for (int bound = 1; bound <= 59; ++bound) bounds.push_back(bound);
  for (int bound = 60; bound <= 115; bound += 5) bounds.push_back(bound);
  for (int bound = 120; bound <= 300; bound += 30) bounds.push_back(bound);
  return bounds;
}

/// Steps of 100 µs up to 2 ms, where a table is live, and wider ones up to what nobody should see.
std::vector<double> fine_bounds() {
  std::vector<double> bounds;
  for (int step = 1; step <= 20; ++step) bounds.push_back(step / 10'000.0);
  for (const double bound : {0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1,
                             0.2,   0.3,   0.5,    0.75, 1.0,   2.0,  5.0,  10.0, 30.0,  60.0}) {
    bounds.push_back(bound);
  }
  return bounds;
}

}  // namespace

SyncProgress::SyncProgress(const Clock& clock, std::vector<IpFamily> families, Duration sync_period)
    : clock_(clock),
      families_(std::move(families)),
      started_(clock.wall()),
      health_(clock, families_, 2 * sync_period),
      runs_(run_bounds()),
      full_runs_(run_bounds()),
      partial_runs_(run_bounds()),
      latencies_(families_.size(), Latencies{Histogram(slo_bounds()), Histogram(fine_bounds())}),
      last_queued_(clock.wall()) {}

void SyncProgress::queued() {
  health_.queued();
  last_queued_ = clock_.wall();
}

SyncProgress::Run SyncProgress::begin() {
  return {health_.taken(), clock_.now(), !std::exchange(ran_, true)};
}

void SyncProgress::done(const Run& run, const std::vector<balancer::Trigger>& triggers) {
  health_.applied(run.batch);
  last_done_ = clock_.wall();
  const double took = seconds_of(clock_.now() - run.began);
  runs_.observe(took);
  (run.is_full ? full_runs_ : partial_runs_).observe(took);
  for (const balancer::Trigger& trigger : triggers) {
    const auto family = std::find(families_.begin(), families_.end(), trigger.family);
    if (family == families_.end() || trigger.at <= started_) continue;
    const double latency = seconds_of(*last_done_ - trigger.at);
    Latencies& into = latencies_[static_cast<std::size_t>(family - families_.begin())];
    into.slo.observe(latency);
    into.fine.observe(latency);
  }
}

void SyncProgress::collect(MetricFamilies& families) const {
  const auto labels = [this](std::size_t i) {
    return MetricLabels{{"ip_family", std::string(to_string(families_[i]))}};
  };
  // One run is of all families.
  const auto of_runs = [&](std::string name, std::string help, const Histogram& histogram) {
    MetricFamily family{std::move(name), std::move(help), MetricKind::Histogram, {}};
    for (std::size_t i = 0; i < families_.size(); ++i) {
      family.samples.push_back(histogram.sample(labels(i)));
    }
    families.push_back(std::move(family));
  };
  const auto of_time = [&](std::string name, std::string help, double value) {
    MetricFamily family{std::move(name), std::move(help), MetricKind::Gauge, {}};
    for (std::size_t i = 0; i < families_.size(); ++i) family.samples.push_back({labels(i), value});
    families.push_back(std::move(family));
  };
  of_runs("kubeproxy_sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds",
          runs_);
  of_runs("kubeproxy_sync_full_proxy_rules_duration_seconds",
          "SyncProxyRules latency in seconds for full resyncs", full_runs_);
  of_runs("kubeproxy_sync_partial_proxy_rules_duration_seconds",
          "SyncProxyRules latency in seconds for partial resyncs", partial_runs_);
  of_time("kubeproxy_sync_proxy_rules_last_timestamp_seconds",
          "The last time proxy rules were successfully synced",
          last_done_ ? since_epoch(*last_done_) : 0);
  of_time("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
          "The last time a sync of proxy rules was queued", since_epoch(last_queued_));
  MetricFamily slo{"kubeproxy_network_programming_duration_seconds",
                   "In Cluster Network Programming Latency in seconds",
                   MetricKind::Histogram,
                   {}};
  MetricFamily fine{"wherry_network_programming_duration_seconds",
                    "From what changed an EndpointSlice to every worker using the table with it.",
                    MetricKind::Histogram,
                    {}};
  for (std::size_t i = 0; i < families_.size(); ++i) {
    slo.samples.push_back(latencies_[i].slo.sample(labels(i)));
    fine.samples.push_back(latencies_[i].fine.sample(labels(i)));
  }
  families.push_back(std::move(slo));
  families.push_back(std::move(fine));
}

}  // namespace wherry::app
