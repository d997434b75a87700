#include "proxy/app/tcp_metrics.h"

#include "proxy/tcp/close_reason.h"

#include <map>
#include <string>
#include <utility>

namespace wherry::app {
namespace {

using tcp::CloseReason;
using tcp::ConnectError;
using tcp::Counters;

MetricFamily connect_failures(const WorkerPool& workers) {
  MetricFamily family{"wherry_tcp_connect_failures_total",
                      "Attempts to reach a backend that failed, by reason.",
                      MetricKind::Counter,
                      {}};
  for (std::size_t i = 0; i < tcp::kConnectErrors; ++i) {
    const auto error = static_cast<ConnectError>(i);
    const auto count = workers.sum(
        [error](const Counters& counters) { return counters.connect_failures[error].value(); });
    family.samples.push_back(
        {{{"reason", std::string(to_string(error))}}, static_cast<double>(count)});
  }
  return family;
}

/// Of dials that were to show a backend the client's address (--transparent).
MetricFamily client_address_failures(const WorkerPool& workers) {
  MetricFamily family{"wherry_transparent_fallbacks_total",
                      "Attempts that could not show a backend the client's address, by reason.",
                      MetricKind::Counter,
                      {}};
  for (std::size_t i = 0; i < transparent::kFailures; ++i) {
    const auto failure = static_cast<transparent::Failure>(i);
    const auto count = workers.sum([failure](const Counters& counters) {
      return counters.client_address_failures[failure].value();
    });
    family.samples.push_back(
        {{{"reason", std::string(to_string(failure))}}, static_cast<double>(count)});
  }
  return family;
}

/// Ends of sessions that reached a backend, or of clients that were turned away.
MetricFamily ends(const WorkerPool& workers, bool refusals) {
  MetricFamily family =
      refusals ? MetricFamily{"wherry_refused_total",
                              "Clients that were accepted and then refused, by reason.",
                              MetricKind::Counter,
                              {}}
               : MetricFamily{"wherry_tcp_sessions_closed_total",
                              "Sessions that ended, by reason.",
                              MetricKind::Counter,
                              {}};
  for (std::size_t i = 0; i < tcp::kCloseReasons; ++i) {
    const auto reason = static_cast<CloseReason>(i);
    if (tcp::is_refusal(reason) != refusals) continue;
    const auto count =
        workers.sum([reason](const Counters& counters) { return counters.closed[reason].value(); });
    family.samples.push_back(
        {{{"reason", std::string(to_string(reason))}}, static_cast<double>(count)});
  }
  return family;
}

/// By Service, not by backend or client: as many series as there are Services.
MetricFamily sessions_by_service(const balancer::BackendTable& table) {
  std::map<std::string, std::uint64_t> totals;
  table.for_each([&totals](const balancer::ServicePortEntry& entry) {
    totals[entry.service_port.key.service.to_string()] =
        entry.state->service->sessions_total.load(std::memory_order_relaxed);
  });
  MetricFamily family{"wherry_tcp_sessions_total",
                      "Connections that reached a backend, by Service.",
                      MetricKind::Counter,
                      {}};
  for (const auto& [service, total] : totals) {
    family.samples.push_back({{{"service", service}}, static_cast<double>(total)});
  }
  return family;
}

}  // namespace

void collect_tcp_metrics(const WorkerPool& workers, const balancer::BackendTable& table,
                         MetricFamilies& into) {
  const auto add = [&](const char* name, const char* help, MetricKind kind,
                       const std::function<std::uint64_t(const Counters&)>& count) {
    into.push_back(single_metric(name, help, kind, static_cast<double>(workers.sum(count))));
  };
  add("wherry_tcp_sessions_active", "Sessions that are established now.", MetricKind::Gauge,
      [](const Counters& counters) { return counters.sessions_active.value(); });
  into.push_back(single_metric("wherry_tcp_sessions_limit",
                               "Sessions that may be carried at once; more clients wait.",
                               MetricKind::Gauge, static_cast<double>(workers.max_sessions())));
  into.push_back(sessions_by_service(table));
  const auto in = workers.sum([](const Counters& c) { return c.bytes_in.value(); });
  const auto out = workers.sum([](const Counters& c) { return c.bytes_out.value(); });
  into.push_back({"wherry_tcp_bytes_total",
                  "Bytes carried: in from clients to backends, out from backends to clients.",
                  MetricKind::Counter,
                  {{{{"direction", "in"}}, static_cast<double>(in)},
                   {{{"direction", "out"}}, static_cast<double>(out)}}});
  into.push_back(connect_failures(workers));
  add("wherry_tcp_retries_total", "Attempts on another backend after one failed.",
      MetricKind::Counter, [](const Counters& counters) { return counters.retries.value(); });
  add("wherry_tcp_accept_pauses_total",
      "Times that a listener stopped accepting because sessions or descriptors had run out.",
      MetricKind::Counter, [](const Counters& counters) { return counters.accept_pauses.value(); });
  add("wherry_transparent_dials_total",
      "Attempts to reach a backend that have shown it the client's address.", MetricKind::Counter,
      [](const Counters& counters) { return counters.dials_as_client.value(); });
  into.push_back(client_address_failures(workers));
  into.push_back(ends(workers, false));
  into.push_back(ends(workers, true));
}

}  // namespace wherry::app
